"""What a kind found, in words for people: the code in the evidence (`why["reason"]`) -> Chinese, English."""

REASONS: dict[str, tuple[str, str]] = {
    "stuck": ("数值长时间不变", "the value never changes"),
    "range": ("超出量程", "outside of its range"),
    "spike": ("孤立尖峰", "a spike that was gone at once"),
    "order": ("PM2.5、PM10、TSP 大小颠倒已满 3 小时", "a smaller fraction has exceeded a larger one for 3 h"),
    "unit": ("单位可能有误", "its unit is probably another"),
    "water": ("颗粒物骤降而湿度骤升，疑似向采样口喷水", "dust halved while the humidity jumped: water at the inlet?"),
    "plateau": ("数值长时间停在限值之下", "its highest values all stand just under the limit"),
    "gaps": ("每天同一时段断数", "it falls silent at the same time of day"),
    "disagrees": ("磁场与上报状态不符", "its magnetic field does not agree with the state that it reports"),
    "saturated": ("磁场饱和", "its magnetic field is at the end of the scale"),
    "drifted": ("磁场基线漂移", "its magnetic baseline has drifted"),
    "peer": ("与同组设备差异过大", "it differs from all others of its group"),
}


def words_of(reason: str) -> dict[str, str]:
    """Return what fills {why} in a text."""
    zh, en = REASONS[reason]
    return {"why_zh": zh, "why_en": en}
