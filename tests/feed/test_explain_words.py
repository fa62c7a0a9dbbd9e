"""What a page says of a verdict can be done again by hand."""

import pytest

from feed.explain_words import deducted


@pytest.mark.parametrize(
    ("why", "last"),
    [
        ({"mean": 231, "subtracted": 150, "background": 500, "value": 81}, "231 − 150 = 81"),
        ({"mean": 700.4, "condition": True, "deduct": 200, "value": 500.4}, "700.4 − 200 = 500.4"),
        ({"mean": 300, "subtracted": 50, "background": 50, "condition": True, "deduct": 20, "value": 230},
         "300 − 50 − 20 = 230"),
    ],
)  # fmt: skip
def test_a_subtraction_is_written_out(why: dict[str, object], last: str) -> None:
    assert deducted(why, lambda _, en: en, str)[-1] == last


@pytest.mark.parametrize(
    "why", [{"mean": 80, "value": 80}, {"mean": 80, "condition": False, "deduct": 200, "value": 80}]
)
def test_where_nothing_is_taken_off_nothing_is_said(why: dict[str, object]) -> None:
    assert deducted(why, lambda _, en: en, str) == []


def test_a_subtraction_that_does_not_come_out_is_not_claimed() -> None:
    why = {"mean": 100, "subtracted": 30, "background": 30, "value": 71}
    assert not any("=" in line for line in deducted(why, lambda _, en: en, str))


def test_what_others_measured_or_published_is_named() -> None:
    county = {"device": "county", "quantity": "pm10_ug_m3", "hourly": "end", "value": 150}
    nearby = {"device": "d2", "quantity": "pm10_ug_m3", "hourly": None, "value": None}
    why = {"mean": 231, "subtracted": 150, "background": 150, "value": 81, "others": [county, nearby]}
    lines = deducted(why, lambda _, en: en, lambda value: "–" if value is None else str(value))
    assert lines[0] == "county pm10_ug_m3 of that hour, as it was published (told at or after its end): 150"
    assert lines[1] == "Mean of d2 pm10_ug_m3 in the same period: –"
