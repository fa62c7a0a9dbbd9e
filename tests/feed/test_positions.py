import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.positions import Position, parse

NUMBERS = st.integers(min_value=0, max_value=10**18 - 1)


@given(feed=st.from_regex(r"[0-9a-f]{12}", fullmatch=True), number=NUMBERS)
def test_a_position_comes_back_as_it_left(feed: str, number: int) -> None:
    assert parse(str(Position(feed, number))) == Position(feed, number)


@given(st.text())
def test_any_other_text_is_no_position_or_a_clean_one(text: str) -> None:
    position = parse(text)
    assert position is None or str(position) == text


@pytest.mark.parametrize(
    "text", ["", "12", "-12", "feed-", "feed-01", "feed-1 ", "feed--1x", "a b-1", "feed-" + "9" * 19]
)
def test_no_position(text: str) -> None:
    assert parse(text) is None
