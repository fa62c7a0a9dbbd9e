"""The table of an alarm's life: whole, in one sense, printed as it is; and the rows of ISA-18.2 as people know them."""

import itertools
from pathlib import Path

import pytest

from rules.alarm_table import FACTS, STATES, TABLE, Happening, Row, find, page
from rules.records import State

PAIRS = (
    ("active", "inactive"), ("latched", "unlatched"), ("ack required", "no ack required"), ("alarm", "maintenance"),
    ("shelved", "not shelved"), ("out of service", "in service"), ("stands", "over"),
)  # fmt: skip
ALL_WORDS = [frozenset(words) for words in itertools.product(*PAIRS)]
CANNOT_HAPPEN: set[tuple[State, Happening]] = {
    *((state, "condition") for state in ("UNACK", "ACKED")),
    *((state, "finding") for state in ("UNACK", "ACKED")),
    *((state, "return") for state in ("NORMAL", "RTN_UNACK", "LATCHED")),
    *((state, "re-alarm") for state in STATES if state != "ACKED"),
}  # fmt: skip


def possible(state: State, words: frozenset[str]) -> bool:
    """Whether an alarm can be so: its facts are those of the state."""
    active, acknowledged = FACTS[state]
    withheld = "shelved" in words or "out of service" in words
    over = acknowledged and not active and state != "LATCHED" and not withheld
    return (
        ("active" in words) == active
        and (state not in ("NORMAL", "LATCHED") or ("latched" in words) == (state == "LATCHED"))
        and ("over" in words) == over
        and not ("shelved" in words and "out of service" in words)
    )


def test_the_page_is_printed_of_the_table(root: Path) -> None:
    assert (root / "docs" / "alarm-life.md").read_text() == page(), "python -m rules.alarm_table > docs/alarm-life.md"


@pytest.mark.parametrize("when", sorted({row.when for row in TABLE}))
def test_in_every_state_exactly_one_row_holds_or_it_cannot_happen(when: Happening) -> None:
    for state in STATES:
        rows = [row for row in TABLE if row.when == when and row.state in ("", state)]
        if (state, when) in CANNOT_HAPPEN:
            assert rows == []
            with pytest.raises(LookupError):
                find(state, when, ALL_WORDS[0])
            continue
        for words in ALL_WORDS:
            if not possible(state, words):
                continue
            holding = [row for row in rows if words.issuperset(row.guard)]
            if when == "finding" and not holding:
                assert "maintenance" in words or "no ack required" in words  # told of as a condition and a return
            elif when == "planned end" and "in service" in words:
                continue  # there is no such timer
            else:
                assert len(holding) == 1, (state, when, sorted(words))
                assert find(state, when, words) == holding[0]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.state or 'any'} {row.when} {' '.join(row.guard)}")
def test_every_row_can_be_met(row: Row) -> None:
    state, guard = row.state, row.guard
    assert any(
        possible(each, words) and words.issuperset(guard)
        for each in ((state,) if state else STATES)
        for words in ALL_WORDS
    )


def test_nothing_but_a_reset_a_permit_or_the_end_takes_a_latch() -> None:
    """Who withholds a latched alarm, or lets the time pass, does not reset it."""
    ends = {row.when for row in TABLE if row.to == "NORMAL" and "unlatched" not in row.guard and row.state != "NORMAL"}
    assert ends == {"reset", "permit settles", "withdraw"}


# Table 1.2 of the reference, as it stands there, with the choices that decision 27 names.
ISA = [
    ("NORMAL", "condition", "", "UNACK", "raised"),
    ("UNACK", "ack", "", "ACKED", "acknowledged"),
    ("UNACK", "return", "", "RTN_UNACK", "returned"),
    ("ACKED", "return", "", "NORMAL", "returned"),
    ("ACKED", "return", "latched", "LATCHED", "returned"),
    ("RTN_UNACK", "ack", "latched", "LATCHED", "acknowledged"),
    ("RTN_UNACK", "ack", "", "NORMAL", "acknowledged"),
    ("RTN_UNACK", "condition", "", "UNACK", "raised"),
    ("LATCHED", "reset", "latched", "NORMAL", "reset"),
    ("LATCHED", "condition", "latched", "UNACK", "reraised"),
    ("ACKED", "more urgent", "", "UNACK", "reraised"),
    ("ACKED", "re-alarm", "", "UNACK", "reraised"),
    ("ACKED", "shelving over", "shelved", "UNACK", "unshelved"),
    ("RTN_UNACK", "shelving over", "shelved", "NORMAL", "unshelved"),
    ("ACKED", "cause over", "", "UNACK", "unsuppressed"),
    ("RTN_UNACK", "cause over", "", "NORMAL", "unsuppressed"),
    ("ACKED", "planned end", "out of service", "UNACK", "in_service"),
    ("NORMAL", "planned end", "out of service", "NORMAL", "in_service"),
]


@pytest.mark.parametrize(("state", "when", "word", "to", "told"), ISA)
def test_the_rows_of_isa_18_2(state: State, when: Happening, word: str, to: State, told: str) -> None:
    words = next(words for words in ALL_WORDS if possible(state, words | {word}) and (not word or word in words)
                 and {"alarm", "ack required"} <= words and (word == "latched") == ("latched" in words))  # fmt: skip
    row = find(state, when, words)
    assert (row.to, row.told) == (to, (told,))
