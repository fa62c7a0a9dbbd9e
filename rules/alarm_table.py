# ruff: noqa: E501 - rows of a table
"""The specification of an alarm's life: one table.

`rules.alarms` looks every change up here; docs/alarm-life.md is printed from it
(`python -m rules.alarm_table > docs/alarm-life.md`), and a test proves that it is current.

ISA-18.2-2016 fig. 4.3, IEC 62682; ../shared/reference/alarms-and-console.md, table 1.2. A row says: in this state, when
this happens and all words of the guard hold, the alarm goes there and this kind of event is told. The state of a row is
that of the facts (`Alarm.facts`); what withholds an alarm is a set of reasons beside it, to which a row adds one or of
which it takes some. What is shown is `Alarm.state`: a reason goes before the facts, out of service before shelved
before every other.
"""

import sys
from typing import Literal, NamedTuple

from rules.records import OUT_OF_SERVICE, SHELVED, Alarm, State

Happening = Literal[
    "condition", "return", "finding", "amendment", "ack", "reset", "more urgent", "less urgent", "re-alarm", "shelve",
    "unshelve", "shelving over", "out of service", "in service", "planned end", "cause", "cause over", "hide", "show",
    "permit over", "permit settles", "comment", "withdraw",
]  # fmt: skip

STATES: tuple[State, ...] = ("NORMAL", "UNACK", "ACKED", "RTN_UNACK", "LATCHED")
FACTS: dict[State, tuple[bool, bool]] = {
    "NORMAL": (False, True),
    "UNACK": (True, False),
    "ACKED": (True, True),
    "RTN_UNACK": (False, False),
    "LATCHED": (False, True),
}
"""active, acknowledged. LATCHED is what NORMAL would be, held by the latch; of the others it may be latched or not."""

DESIGN, MAINTENANCE = "design", "maintenance"
ALL = "all"  # every reason that there is
WHY = "…"  # the reason that is given


class Row(NamedTuple):
    """One transition. state: "" = any; to: "" = the same; told: kinds of events; status: what a command is answered."""

    state: State | Literal[""]
    when: Happening
    guard: tuple[str, ...]
    to: State | Literal[""]
    told: tuple[str, ...] = ()
    adds: str = ""
    takes: str = ""
    status: int = 200
    note: str = ""


_ACTIVE, _GONE, _HELD = ("active", "alarm"), ("inactive", "unlatched"), ("inactive", "latched")
_PLANNED = ("active", "maintenance")

TABLE = (
    # ------------------------------------------------------------------------------------ what the condition does
    Row("NORMAL", "condition", ("alarm",), "UNACK", ("raised",), note="a new occurrence; count 1"),
    Row("RTN_UNACK", "condition", ("alarm",), "UNACK", ("raised",), note="a new occurrence; count + 1"),
    Row("LATCHED", "condition", ("alarm",), "UNACK", ("reraised",), note="what came back is not what somebody has seen"),
    Row("NORMAL", "condition", ("maintenance",), "ACKED", ("raised",), note="work to be planned: it rings nobody"),
    Row("RTN_UNACK", "condition", ("maintenance",), "ACKED", ("raised",)),
    Row("LATCHED", "condition", ("maintenance",), "ACKED", ("raised",)),
    Row("UNACK", "return", ("ack required",), "RTN_UNACK", ("returned",), note="a latch stays, and shows as a fact"),
    Row("UNACK", "return", ("no ack required", "unlatched"), "NORMAL", ("returned",), note="`ack_required: false`"),
    Row("UNACK", "return", ("no ack required", "latched"), "LATCHED", ("returned",)),
    Row("ACKED", "return", ("unlatched",), "NORMAL", ("returned",), takes=MAINTENANCE),
    Row("ACKED", "return", ("latched",), "LATCHED", ("returned",)),
    Row("NORMAL", "finding", ("alarm", "ack required"), "RTN_UNACK", ("raised", "returned"),
        note="a violated closed period: active only for the moment; also in what follows a condition and a return at once"),
    Row("RTN_UNACK", "finding", ("alarm", "ack required"), "RTN_UNACK", ("raised", "returned"), note="count + 1"),
    Row("LATCHED", "finding", ("alarm", "ack required"), "RTN_UNACK", ("reraised", "returned")),
    Row("", "amendment", (), "", ("amended",), note="a revision, other words, a tag: the state stays, the first is kept"),
    # ------------------------------------------------------------------------------------------- what people answer
    Row("UNACK", "ack", (), "ACKED", ("acknowledged",), note="who, when, from where, comment"),
    Row("RTN_UNACK", "ack", ("unlatched",), "NORMAL", ("acknowledged",)),
    Row("RTN_UNACK", "ack", ("latched",), "LATCHED", ("acknowledged",)),
    *(Row(state, "ack", (), "", note="it is seen already") for state in ("NORMAL", "ACKED", "LATCHED")),
    Row("LATCHED", "reset", (), "NORMAL", ("reset",)),
    Row("RTN_UNACK", "reset", ("latched",), "NORMAL", ("reset",)),
    Row("RTN_UNACK", "reset", ("unlatched",), "NORMAL", ("acknowledged",), note="who ends it has seen it"),
    Row("NORMAL", "reset", (), ""),
    *(Row(state, "reset", (), "", status=422, note="the condition is still there") for state in ("UNACK", "ACKED")),
    Row("", "comment", (), "", ("commented",)),
    # --------------------------------------------------------------------------------------------- what asks again
    *(Row(state, "more urgent", ("alarm",), "UNACK", ("reraised",), note="a new occurrence: nobody has seen this urgency")
      for state in ("UNACK", "ACKED")),
    *(Row(state, "more urgent", ("maintenance",), "", ("amended",)) for state in ("UNACK", "ACKED")),
    *(Row(state, "more urgent", ("stands",), "", ("amended",)) for state in ("NORMAL", "RTN_UNACK", "LATCHED")),
    Row("NORMAL", "more urgent", ("over",), ""),
    Row("", "less urgent", ("stands",), "", ("amended",)),
    Row("", "less urgent", ("over",), ""),
    Row("ACKED", "re-alarm", (), "UNACK", ("reraised",), note="`re_alarm` after the ack; the same occurrence, cause re_alarm"),
    # --------------------------------------------------------------------------------- what people withhold for a while
    Row("", "shelve", ("in service",), "", ("shelved",), adds=SHELVED, note="12 h at most, also one-shot; with a reason"),
    Row("", "shelve", ("out of service",), "", status=422, note="it is withheld already"),
    Row("", "unshelve", ("shelved",), "", ("unshelved",), takes=SHELVED, note="by hand: what it was, as its facts are now"),
    Row("", "unshelve", ("not shelved",), ""),
    Row("", "shelving over", _ACTIVE, "UNACK", ("unshelved",), takes=SHELVED, note="time is up: it asks anew"),
    Row("", "shelving over", _PLANNED, "", ("unshelved",), takes=SHELVED, note="planned work asks nobody"),
    Row("", "shelving over", _GONE, "NORMAL", ("unshelved",), takes=SHELVED, note="time is up, or one-shot and returned"),
    Row("", "shelving over", _HELD, "", ("unshelved",), takes=SHELVED, note="a latch is ended by nothing but a reset"),
    Row("", "out of service", (), "", ("out_of_service",), adds=OUT_OF_SERVICE, takes=SHELVED,
        note="with a planned end and a reason; ends a shelving, so that one reason holds"),
    Row("", "in service", ("out of service", *_ACTIVE), "UNACK", ("in_service",), takes=OUT_OF_SERVICE),
    Row("", "in service", ("out of service", *_PLANNED), "", ("in_service",), takes=OUT_OF_SERVICE),
    Row("", "in service", ("out of service", *_GONE), "NORMAL", ("in_service",), takes=OUT_OF_SERVICE),
    Row("", "in service", ("out of service", *_HELD), "", ("in_service",), takes=OUT_OF_SERVICE),
    Row("", "in service", ("in service",), ""),
    Row("", "planned end", _ACTIVE, "UNACK", ("in_service",), takes=OUT_OF_SERVICE, note="by itself: it is not forgotten"),
    Row("", "planned end", _PLANNED, "", ("in_service",), takes=OUT_OF_SERVICE),
    Row("", "planned end", _GONE, "NORMAL", ("in_service",), takes=OUT_OF_SERVICE),
    Row("", "planned end", _HELD, "", ("in_service",), takes=OUT_OF_SERVICE),
    # ------------------------------------------------------------------------------------------- what is withheld by design
    Row("", "cause", (), "", ("suppressed",), adds=DESIGN, note="the alarm that its rule names as the cause is active"),
    Row("", "cause over", _ACTIVE, "UNACK", ("unsuppressed",), takes=DESIGN),
    Row("", "cause over", _PLANNED, "", ("unsuppressed",), takes=DESIGN),
    Row("", "cause over", _GONE, "NORMAL", ("unsuppressed",), takes=DESIGN),
    Row("", "cause over", _HELD, "", ("unsuppressed",), takes=DESIGN),
    Row("", "hide", (), "", ("suppressed",), adds=WHY, note="cut_off, commissioning, work_permit"),
    Row("", "show", (), "", ("unsuppressed",), takes=WHY, note="the facts go on: what was seen before is seen"),
    Row("", "permit over", (), "UNACK", ("unsuppressed",), takes=WHY, note="still open: the overrun of a work permit"),
    Row("", "permit settles", (), "NORMAL", ("acknowledged",), takes=WHY, note="closed under the permit, in its holder's name"),
    # ---------------------------------------------------------------------------------------------------- the end
    Row("", "withdraw", (), "NORMAL", ("withdrawn",), takes=ALL, note="its rule or device is no more"),
)  # fmt: skip


def words_of(alarm: Alarm, *, maintenance: bool = False) -> frozenset[str]:
    """Return the words of guards that hold for an alarm. maintenance: its rule asks for planned work only."""
    return frozenset(
        (
            "active" if alarm.active else "inactive",
            "latched" if alarm.latched else "unlatched",
            "ack required" if alarm.ack_required else "no ack required",
            "maintenance" if maintenance or MAINTENANCE in alarm.suppressed else "alarm",
            "shelved" if SHELVED in alarm.suppressed else "not shelved",
            "out of service" if OUT_OF_SERVICE in alarm.suppressed else "in service",
            "over" if alarm.over else "stands",
        )
    )


_BY_EVENT: dict[tuple[str, str], list[Row]] = {}
for _row in TABLE:
    for _state in STATES if not _row.state else (_row.state,):
        _BY_EVENT.setdefault((_state, _row.when), []).append(_row)


def find(state: State, when: Happening, words: frozenset[str]) -> Row:
    """Return the row that holds. Raises LookupError where there is none: that cannot happen in this state."""
    for row in _BY_EVENT.get((state, when), ()):
        if words.issuperset(row.guard):
            return row
    raise LookupError(f"{when} in {state}, {sorted(words)}")


PAGE = """\
# The life of an alarm

<!-- Printed from rules/alarm_table.py: `python -m rules.alarm_table > docs/alarm-life.md`. A test holds it current. -->

An alarm is one rule on one subject (`rule@subject`), for ever. Three facts say how it is: **active** (the condition holds
now), **acknowledged** (somebody has seen this activation), **latched** (only a reset ends it); beside them stands a set of
reasons why it is withheld: `cut_off`, `design`, `commissioning`, `work_permit`, `maintenance`, `shelved`, `out_of_service`.
The ISA-18.2 state is derived of these, never stored:

| state | active | acknowledged | latched | 中文 |
|---|---|---|---|---|
| `NORMAL` | no | yes | no | 正常 |
| `UNACK` | yes | no | | 未确认 |
| `ACKED` | yes | yes | | 已确认 |
| `RTN_UNACK` | no | no | | 已恢复未确认 |
| `LATCHED` | no | yes | yes | 已锁存待复位 |
| `OUT_OF_SERVICE` | | | | 停用 |
| `SHELVED` | | | | 已搁置 |
| `SUPPRESSED` | | | | 设计抑制 |

The last three are shown, in this order, while there is such a reason; the facts go on beneath. Nothing that withholds an
alarm stops the judging, the events or the counting.

- Each activation is a new **occurrence**, numbered by the record that raised it: an old press never acknowledges a new
  activation. `count` counts the activations of the episode ([why so](decisions/0027-occurrences-and-count.md)). A command
  names the occurrence that its person saw, and is refused (409) when there is a newer one; to bring an alarm back
  (unshelve, in service) and to comment are never too late.
- **Shelving** ends after its time, 12 h at most, one-shot also when the condition has gone; **out of service** ends at its
  planned end, by itself ([why so](decisions/0028-out-of-service-ends-by-itself.md)). What becomes priority 1 while it is
  shelved is shelved no more.
- **By design**: `suppressed_by: {{rule: ID, where: device}}`, or `where: site`. The alarm that names the cause is never
  suppressed by what it causes: `cityward check` refuses circles. A cause that is itself shelved, out of service, tried or
  permitted names no cause to anybody, and suppresses nothing.
- **First-out**: of the alarms of one site (or subject, where there is no site) the first is marked until all are over;
  those of one record share the mark. `group` of the others is its id.
- **Planned work** (`maintenance`) rings nobody and is acknowledged from its beginning; the reason goes when it is over, or
  when its rule becomes an alarm like any other.
- **Annunciated** (`rules/flood.py`) is an event `raised`, `reraised`, `unshelved`, `unsuppressed` or `in_service` after which
  the alarm is `UNACK`: that rings, and that is what figures count.

## Transitions

*State* is that of the facts; empty = any. *Withheld*: which reason comes (+) or goes (−). A row without an event changes
nothing; 422 is a refusal. What is not here cannot happen.

| state | when | if | to | withheld | event | |
|---|---|---|---|---|---|---|
{rows}
"""


def page() -> str:
    """Print the table as a page."""
    rows = []
    for row in TABLE:
        withheld = (f"+ {row.adds} " if row.adds else "") + (f"− {row.takes}" if row.takes else "")
        told = ", ".join(row.told) or ("" if row.status == 200 else str(row.status))  # noqa: PLR2004 - HTTP
        cells = (row.state, row.when, ", ".join(row.guard), row.to or "=", withheld.strip(), told, row.note)
        rows.append("| " + " | ".join(cells) + " |")
    return PAGE.format(rows="\n".join(rows))


if __name__ == "__main__":
    sys.stdout.write(page())
