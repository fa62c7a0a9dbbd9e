# ruff: noqa: E501 - a sentence is not broken in two
"""What every key of a rule means, in Chinese and English. See `config.words`."""

Sentence = tuple[str, str]

RULE: dict[str, Sentence] = {
    "id": ("规则编号，唯一，永不改变：报警编号由它组成", "Its id, unique, for ever: the ids of alarms are made of it"),
    "kind": ("规则种类", "What kind of rule it is"),
    "for": (
        "判断哪些设备；给出的条件须同时成立；all 为全部",
        "Which devices it judges: all that is given must hold; `all` = every device",
    ),
    "priority": ("优先级，1 最高，4 最低", "How urgent it is: 1 the most, 4 the least"),
    "latch": (
        "锁存：条件消失后报警仍在，须人工复位",
        "The alarm stays when its condition has gone, until somebody resets it",
    ),
    "maintenance": (
        "true：只列入维护计划，不响铃，无须确认（如电量低）",
        "true: work to be planned; it rings nobody and needs no acknowledgement (a low battery)",
    ),
    "ack_required": (
        "false：恢复后无须确认；默认 true",
        "false: what has gone needs nobody to acknowledge it; true if unsaid",
    ),
    "re_alarm": (
        "确认后多久仍未恢复则再次报警，如 4 h；不写则不再报警",
        "How long after an acknowledgement it asks again while it is active, as in 4 h; unsaid = never",
    ),
    "suppressed_by": (
        "点明其原因的规则：那条报警有效期间，本规则的报警按设计抑制（照常判断和记录）",
        "The rule that names its cause: while that alarm is active, this one's is suppressed by design, judged and told as ever",
    ),
    "mode": (
        "shadow：试用，照常判断但不报警，`cityward shadow` 列出它本会报什么；默认 live",
        "shadow: it is only tried: it judges and rings nobody, `cityward shadow` tells what it would have done; live if unsaid",
    ),
    "basis": (
        "compliance：此限值具有约束力；reference：仅供参考，非执法依据",
        "compliance: this limit binds here; reference: it is only compared with",
    ),
    "text": ("报警内容，可含 {value}、{limit}、{name}", "What the alarm says; may hold {value}, {limit}, {name}"),
    "cause": ("可能的原因", "What probably has happened"),
    "consequence": ("不处理的后果", "What comes of it when nobody does anything"),
    "action": ("应采取的措施", "What is to be done"),
    "respond_within": ("多久之内应处理，如 2 h", "Within what time somebody must act, as in 2 h"),
    "sources": (
        "各数值的出处，按其键：limit: {document, clause, mark}",
        "Where its numbers come from, by the key of each: limit: {document, clause, mark}",
    ),
    "accept_unverified": (
        "允许使用未经原文核对的数值（标记 M）；报警会注明",
        "Use it though a number was not compared with the text of the standard (mark M); its alarms say so",
    ),
    "quantity": (
        "判断哪个量，名称末尾是单位，如 tilt_deg",
        "What is judged; the name ends in its unit, as in tilt_deg",
    ),
    "after": ("条件持续多久才报警", "How long the condition must hold before the alarm comes"),
    "clear_after": ("条件消失多久才恢复", "How long the condition must be gone before the alarm goes"),
}

_MEAN: dict[str, Sentence] = RULE | {
    "standard": (
        "采用的标准，如 gb3095-2026-class2（二级）",
        "The standard whose limit counts, as in gb3095-2026-class2",
    ),
    "limit": (
        "自定的限值，单位同该量，也可写明单位",
        "A limit of your own, in the unit of the quantity, which may be written",
    ),
    "limits": (
        "按日期生效的限值，从早到晚",
        "Limits by date, the oldest first",
    ),
}

_CITED: dict[str, Sentence] = {
    "document": ("出处：标准、网页或研究", "The standard, page or study"),
    "clause": ("条款或表号", "Clause or table"),
    "mark": (
        "可信程度：V1 标准原文，V2 二手资料，V3 公开代码，C 计算所得，E 工程经验，M 0.9 凭记忆（须核对）",
        "How sure: V1 read in the standard, V2 in a page, V3 in code, C computed, E our choice, M 0.9 from memory",
    ),
}

_CLEAR: Sentence = ("降到此值或以下才恢复；默认为限值", "At or under it the alarm ends; the limit itself if unsaid")
_VALID: Sentence = (
    "至少多少有效，如 12 of 15、45 of 60、20 of 24",
    "How many of its parts must be valid, as in 12 of 15 minutes, 45 of 60, 20 of 24 hours",
)
_PERIOD: dict[str, Sentence] = _MEAN | {
    "valid": _VALID,
    "clear": _CLEAR,
    "allowed_per_day": ("每天允许超过几次；默认 0", "How many of a day may exceed; 0 if unsaid"),
    "background": ("先减去的背景值", "What is subtracted first: the background"),
    "deduct": ("在某条件下先减去的数", "What is subtracted first while a condition holds"),
}
_OTHER: dict[str, Sentence] = {
    "device": ("哪台设备", "Which device"),
    "quantity": ("它的哪个量", "Which of its quantities"),
    "hourly": (
        "该设备上报的已是小时值：begin 时间为小时开始，end 为小时结束或之后；不写则按它自己的测量计算均值",
        "Its readings are hour means already, told with the begin of the hour, or at or after its end; unsaid = it measures itself",
    ),
}

RULES: dict[str, dict[str, Sentence]] = {
    "ChangeSettings": {
        "": ("对规则包中一条规则的改动：写出的键取代原来的", "What is otherwise about one rule of a pack: every key here takes the place of its own"),
        "rule": ("该规则的编号", "The id of that rule"),
        "off": ("不使用该规则", "It is not used"),
    },
    "CauseSettings": {
        "": ("点明原因的规则；其报警有效时抑制本规则的报警", "The rule that names the cause, and where its alarm counts"),
        "rule": ("该规则的编号", "The id of that rule"),
        "where": ("device：同一设备；site：同一场所的任一设备；默认 device", "device: at the same device; site: at any device of its site; device if unsaid"),
    },
    "CitedSettings": {"": ("数值的出处", "Where a number comes from"), **_CITED},
    "DatedLimitSettings": {
        "": ("一个限值及其起止日期", "A limit and the days on which it holds"),
        **_CITED,
        "from": ("第一天，如 2026-03-01", "The first day, as in 2026-03-01"),
        "to": ("最后一天；不写则至今有效", "The last day; unsaid = until further notice"),
        "limit": _MEAN["limit"],
    },
    "StateRule": {"": ("某状态成立时报警", "Rings when a truth has a value"), **RULE, "is": ("该量为何值时报警：true 或 false", "The value at which it rings: true or false")},
    "SilenceRule": {
        "": ("收不到数据时报警", "Rings when nothing is heard"),
        **RULE,
        "intervals": ("超过设备 interval 的几倍；默认 3", "For how many of the device's intervals; 3 if unsaid"),
        "after": ("或超过多长时间，如 30 h", "Or for how long, as in 30 h"),
    },
    "ThresholdRule": {
        "": ("数值超过或低于限值时报警", "Rings when a number is over or under a limit"),
        **RULE,
        "above": ("高于此值报警", "It rings above this"),
        "below": ("低于此值报警", "It rings below this"),
        "clear": ("回到此值恢复（回差）", "Where the alarm ends"),
        "at_least": ("最近几次读数中至少几次，如 2 of 3", "Of the last readings, as in 2 of 3"),
        "once_above": ("高于此值一次即报警", "One reading above this is enough"),
        "once_below": ("低于此值一次即报警", "One reading below this is enough"),
    },
    "DayMeanRule": {"": ("日均值超过限值时报警", "Rings when the mean of a closed day is over a limit"), **_MEAN, "valid": _VALID},
    "RollingMeanRule": {"": ("近几小时均值超过限值时提前报警", "Rings early, when the mean of the last hours is over a limit"), **_MEAN, "hours": ("近几小时；默认 24", "Of how many hours; 24 if unsaid"), "clear": _CLEAR},
    "SlotMeanRule": {"": ("15 分钟均值超过限值时报警", "Rings when the mean of 15 minutes from the full hour is over a limit"), **_PERIOD},
    "HourMeanRule": {"": ("小时均值超过限值时报警", "Rings when the mean of an hour is over a limit"), **_PERIOD},
    "DayBudgetRule": {"": ("当日均值已不可能达标时报警", "Rings when the day can no longer comply, however clean the rest of it is"), **_MEAN},
    "StuckRule": {
        "": ("数值长时间不变时报警", "Rings when a value never changes while it is reported"),
        **RULE,
        "after": ("多久不变才报警，至少 5 min", "After how long without a change; at least 5 min"),
        "tolerance": ("相差不超过此值算不变；默认 0", "What differs by no more is the same; 0 if unsaid"),
        "ignore_up_to": ("不高于此值时不判断（如检出限）", "Values up to this may stay as they are, as at the limit of detection"),
    },
    "TiltRule": {
        "": ("井盖偏离自身静止位置时报警；静止位置由最初 5 次读数学得", "Rings when a cover is off the position in which it rests, which is learned of its first five readings"),
        **RULE,
        "above": ("偏离超过多少度报警", "Degrees off the rest position above which it rings"),
        "once_above": ("偏离超过此值一次即报警", "One reading that far off is enough"),
        "clear": ("偏离回到多少度以内恢复", "How near it must be again for the alarm to end"),
        "at_least": ("最近几次读数中至少几次，如 2 of 3", "Of the last readings, as in 2 of 3"),
    },
    "ImplausibleRule": {
        "": ("仪器给出不可能的数值时报警；写了哪项查哪项", "Rings when an instrument says what cannot be; only what is written is checked"),
        **RULE,
        "low": ("量程下限", "The lower end of its range"),
        "high": ("量程上限", "The upper end of its range"),
        "spike": ("孤立尖峰：比近 60 分钟中位数相差至少多少，且一两次读数后消失", "A spike: how far off the median of 60 min at the least, and gone after one or two readings"),
        "at_most": ("不应超过哪些更大的组分，如 [pm10_ug_m3, tsp_ug_m3]；颠倒满 3 小时报警", "Larger fractions that it may not exceed, as in [pm10_ug_m3, tsp_ug_m3]; rings after 3 h"),
        "unit": ("true：小时中位数小于 1 或大于 5000 µg/m³ 时提示单位有误", "true: the median of an hour under 1 or over 5,000 µg/m³ means that its unit is another"),
    },
    "TamperRule": {
        "": ("疑似人为干扰的形态：喷水、限值下平台、定时断数", "Patterns of somebody's help: water at the inlet, a plateau under the limit, gaps at one time of day"),
        **RULE,
        "plateau_under": ("限值：数值长时间停在它之下时报警；不写则不查", "The limit that values are held just under; unsaid = not looked for"),
        "water": ("颗粒物骤降而湿度骤升；默认 true", "Dust halves while the humidity jumps; true if unsaid"),
        "gaps": ("每天同一时段断数；默认 true", "It falls silent at the same time of day; true if unsaid"),
    },
    "MagneticRule": {
        "": ("车位地磁的原始磁场与上报状态不符、饱和或漂移时报警", "Rings when the raw field of a parking detector disagrees with its state, is saturated, or has drifted"),
        **RULE,
        "quantity": ("magnetic_z_ut 或 magnetic_z_counts，代表三轴", "magnetic_z_ut or magnetic_z_counts, which stands for all axes"),
        "vehicle": ("车辆至少使磁场改变多少", "By how much a vehicle moves the field at the least"),
        "drift": ("基线漂移多少报警", "By how much its baseline may move"),
        "full_scale": ("单轴量程；不写则不查饱和", "End of the scale of an axis; unsaid = not looked at"),
    },
    "PeerRule": {
        "": ("小时均值与同组设备相差过大时报警", "Rings when its hour means differ from those of its group"),
        **RULE,
        "z": ("稳健 z 超过多少；默认 5", "How far off, as robust z; 5 if unsaid"),
        "hours": ("连续几小时；默认 3", "For how many hours in a row; 3 if unsaid"),
        "members": ("至少有几台同组设备的有效均值；默认 4", "Of how many others a valid mean is needed; 4 if unsaid"),
        "among": ("与谁比：all 本规则的所有设备，site 同一工地，district 同一区", "With whom: all of the rule, those of its site, or of its district"),
    },
    "RateRule": {
        "": ("在一段时间内上升（或下降）过多时报警", "Rings when a number rises, or falls, by more than so much within a time"),
        **RULE,
        "rise": ("上升多少；rise 与 fall 写一个", "By how much it may rise; write either rise or fall"),
        "fall": ("下降多少", "By how much it may fall"),
        "within": ("在多长时间之内，如 10 min", "Within what time, as in 10 min"),
    },
    "BackgroundSettings": {
        "": ("要减去的背景值：另一台设备的同期数据", "The background that is subtracted: another device's, of the same time"),
        **_OTHER,
        "cap": ("背景值最多按此计算", "No more than this is subtracted"),
    },
    "BandSettings": {
        "": ("条件：另一序列在范围之内", "A condition: another series lies in a band"),
        **_OTHER,
        "from": ("不小于", "From this on, included"),
        "to": ("不大于", "Up to this, included"),
        "is": ("真假量的值：true 或 false", "The value of a truth: true or false"),
    },
    "DeductSettings": {
        "": ("条件成立时先减去一个数再比较", "What is subtracted before the comparison while conditions hold"),
        "amount": ("减去多少，单位同该量", "How much, in the unit of the rule's quantity"),
        "when": ("须同时成立的条件", "The conditions; all must hold"),
    },
    "ScopeSettings": {
        "": ("哪些设备：给出的条件须同时成立", "Which devices: all that is given must hold"),
        "family": ("设备类别：manhole、parking、dust …", "Their family: manhole, parking, dust …"),
        "devices": ("设备编号", "Their ids"),
        "labels": ("标签的值", "Labels and their values"),
        "site": ("工地或停车场", "Their site"),
    },
    "AlarmText": {"": ("报警内容，中英文", "What the alarm says, in both languages"), "zh": ("中文", "In Chinese"), "en": ("英文", "In English")},
    "BothLanguages": {"": ("中英文各一句", "A sentence in both languages"), "zh": ("中文", "In Chinese"), "en": ("英文", "In English")},
}  # fmt: skip
