"""What is wrong in a request, place by place, in Chinese and English: an entry of `errors` in a 400."""

from typing import Any

from rules.records import Text

Wrong = dict[str, Any]
"""where: `body.user`, `query.limit`; what: in English; text: in both languages."""

_SENTENCES = {
    "missing": ("缺少此项", "it is missing"),
    "extra_forbidden": ("没有这一项，请删去", "there is no such field: take it out"),
    "json_invalid": ("不是 JSON", "it is no JSON"),
    "dict_type": ("应为 JSON 对象 {{…}}", "it must be a JSON object, {{…}}"),
    "model_attributes_type": ("应为 JSON 对象 {{…}}", "it must be a JSON object, {{…}}"),
    "string_type": ("应为文字", "it must be a text"),
    "string_unicode": ("不是有效的 Unicode 文字", "it is no valid Unicode text"),
    "string_too_short": ("至少 {min_length} 个字符", "it must have at least {min_length} characters"),
    "string_too_long": ("最多 {max_length} 个字符", "it may have at most {max_length} characters"),
    "string_pattern_mismatch": ("不得含控制字符（换行等）", "it may not hold control characters (line breaks ...)"),
    "int_type": ("应为整数，不加引号", "it must be a whole number, without quotes"),
    "int_from_float": ("应为整数", "it must be a whole number"),
    "int_parsing": ("应为整数", "it must be a whole number"),
    "int_parsing_size": ("数字太大", "the number is too large"),
    "greater_than_equal": ("不得小于 {ge}", "it must be at least {ge}"),
    "less_than_equal": ("不得大于 {le}", "it must be at most {le}"),
    "for_s_or_one_shot": ("for_s（秒）与 one_shot: true 写一个", "write either for_s (seconds) or one_shot: true"),
    "bool_parsing": ("应为 true 或 false", "it must be true or false"),
    "timezone_aware": ("须带时区，例如 2026-11-24T08:16:00+08:00", "say the zone, as in 2026-11-24T08:16:00+08:00"),
}  # fmt: skip
"""pydantic's name of an error -> the sentences."""

_TIME = ("应为时间，例如 2026-11-24T08:16:00+08:00", "it must be a time, as in 2026-11-24T08:16:00+08:00")
_OTHER = ("不符合接口说明（docs/api.md）", "it is not as docs/api.md says ({msg})")


def entry(where: str, zh: str, en: str) -> Wrong:
    """Name one place and what is wrong there."""
    return {"where": where, "what": en, "text": Text(zh, en)}


def explained(error: dict[str, Any]) -> Wrong:
    """Say what pydantic found."""
    kind = str(error["type"])
    zh, en = _SENTENCES.get(kind, _TIME if kind.startswith("datetime") else _OTHER)
    words = {"msg": error["msg"], **error.get("ctx", {})}
    return entry(".".join(map(str, error["loc"])), zh.format(**words), en.format(**words))
