"""An alarm as data: its facts, and the state that is derived of them. Its life is led by `rules.alarms`."""

from typing import Literal

from msgspec import Struct, field


class Text(Struct, frozen=True):
    """Words for people, Chinese first."""

    zh: str
    en: str


State = Literal["NORMAL", "UNACK", "ACKED", "RTN_UNACK", "LATCHED", "SHELVED", "SUPPRESSED", "OUT_OF_SERVICE"]
SHELVED, OUT_OF_SERVICE = "shelved", "out_of_service"  # reasons in `Alarm.suppressed`


class Standing(Struct, frozen=True, kw_only=True):
    """What people change about an alarm: its state, why it is withheld, and until when (civil time)."""

    state: State
    suppressed: tuple[str, ...] = ()
    shelved_until_ms: int | None = None
    one_shot: bool = False
    out_until_ms: int | None = None


class Alarm(Struct, kw_only=True):
    """The life of one rule on one subject. `id` is `rule@subject` for ever.

    occurrence    names its present or last activation: the sequence that raised it, or the next free number where one
                  record raises it more than once; 0 = never
    subject       device id, `broker:lora`, `gateway` ...
    device        device id, or None when the subject is no device
    priority      1 (highest) to 4
    active        the condition holds now
    acknowledged  somebody has seen this activation
    latched       the condition has gone, or may go, but only a reset ends the alarm
    suppressed    why it is not shown among the others, a set: `cut_off` (what carries it is down), `design` (the alarm
                  that its rule names as the cause is active), `commissioning`, `work_permit`, `maintenance`, `shelved`,
                  `out_of_service`
    count         activations of this episode: since it was last normal or acknowledged
    first_out     the first of its group (site, or subject) since all of that were over or seen
    acked_by, acked_ms  who has seen this activation, and when (civil time); "" and None while nobody has
    shelved_until_ms, one_shot  when the shelving ends at the latest (civil time), and whether it ends when the
                  condition has gone
    out_until_ms  planned end of out of service (civil time)
    reason, withheld_by  why it is shelved or out of service, and who said so
    respond_within_ms, ack_required, re_alarm_ms  as its rule has them: within what time somebody must act (0 = not
                  known); whether it must be acknowledged when it has gone; how long after an acknowledgement it asks
                  again while it is active (0 = never)
    group         id of the alarm that names its cause; None = it is its own
    since_ms      when this activation began, civil time
    returned_ms   when the condition went; None while active
    value, limit, unit  what was measured against what
    name, site    of the device when the alarm was raised, for people; the event keeps them when the device is gone
    members       ids of what is inside this alarm (devices that are silent because this link is down)
    late          raised by a reading that came late
    suspect       sensor: a rule that judges its instrument is violated, and which; nothing is lowered by it
    basis         compliance or reference; None where no legal limit is meant
    event         number of the last event that changed it; 0 until the book has given one
    shadow        of a rule that is only tried: it stands in no list, and nobody can answer it
    """

    id: str
    rule: str
    subject: str
    device: str | None
    family: str | None
    name: str = ""
    site: str | None = None
    priority: int
    quantity: str | None = None
    unit: str = ""
    limit: float | None = None
    basis: Literal["compliance", "reference"] | None = None
    text: Text = Text("", "")
    occurrence: int = 0
    active: bool = False
    acknowledged: bool = True
    latched: bool = False
    suppressed: list[str] = field(default_factory=list)
    since_ms: int = 0
    returned_ms: int | None = None
    value: float | bool | None = None
    members: list[str] = field(default_factory=list)
    late: bool = False
    suspect: Literal["sensor"] | None = None
    suspect_why: Text | None = None
    event: int = 0
    shadow: bool = False
    count: int = 0
    first_out: bool = False
    acked_by: str = ""
    acked_ms: int | None = None
    shelved_until_ms: int | None = None
    one_shot: bool = False
    out_until_ms: int | None = None
    reason: str = ""
    withheld_by: str = ""
    respond_within_ms: int = 0
    ack_required: bool = True
    re_alarm_ms: int = 0
    group: str | None = None

    @property
    def withheld(self) -> bool:
        """Somebody has shelved it or put it out of service."""
        return SHELVED in self.suppressed or OUT_OF_SERVICE in self.suppressed

    @property
    def over(self) -> bool:
        """Nothing about it is left to see or do."""
        return self.acknowledged and not (self.active or self.latched or self.withheld)

    @property
    def state(self) -> State:
        """The ISA-18.2 name of the state; derived, never stored (ISA-18.2 fig. 4.3)."""
        if OUT_OF_SERVICE in self.suppressed:
            return "OUT_OF_SERVICE"
        if SHELVED in self.suppressed:
            return "SHELVED"
        return "SUPPRESSED" if self.suppressed else self.facts

    @property
    def standing(self) -> "Standing":
        """What people change about it."""
        return Standing(
            state=self.state, suppressed=tuple(self.suppressed), shelved_until_ms=self.shelved_until_ms,
            one_shot=self.one_shot, out_until_ms=self.out_until_ms,
        )  # fmt: skip

    @property
    def facts(self) -> State:
        """The state that it is in as far as its facts go, whatever withholds it."""
        if self.active:
            return "ACKED" if self.acknowledged else "UNACK"
        if not self.acknowledged:
            return "RTN_UNACK"
        return "LATCHED" if self.latched else "NORMAL"
