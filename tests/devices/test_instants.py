import pytest

from devices.instants import rfc3339, rfc3339_ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2022-07-18T09:34:15.775023242+00:00", 1_658_136_855_775),
        ("2022-07-18T09:34:15.775023242Z", 1_658_136_855_775),
        ("2022-07-18T09:34:15.5Z", 1_658_136_855_500),
        ("2022-07-18T09:34:15.05+00:00", 1_658_136_855_050),
        ("2022-07-18T09:34:15Z", 1_658_136_855_000),
        ("2022-07-18T09:34:15", 1_658_136_855_000),
        ("2022-07-18T17:34:15.775+08:00", 1_658_136_855_775),
        ("2022-07-18T17:34:15.775000000+08:00", 1_658_136_855_775),
        ("1969-12-31T23:59:59.500Z", -500),
    ],
)
def test_rfc3339_the_first_and_the_second_time(text: str, ms: int) -> None:
    assert (rfc3339_ms(text), rfc3339_ms(text)) == (ms, ms)
    assert rfc3339_ms(rfc3339(ms)) == ms


@pytest.mark.parametrize(
    "text", ["", "now", "2022-07-18T09:34:15.77x+00:00", "2022-13-18T09:34:15.775Z", "2022-07-18T09:34:15.-12Z"]
)
def test_what_is_no_time(text: str) -> None:
    rfc3339_ms("2022-07-18T09:34:15.775Z")  # its second is remembered
    with pytest.raises(ValueError, match=r"."):
        rfc3339_ms(text)
