"""What is sent to the feed, as pydantic models."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from feed.http.times import WHOLE, Instant

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


class CommandBody(BaseModel):
    """What a person tells the gateway about an alarm.

    user        who; needed over TCP, while over the Unix socket the OS user counts and this is ignored
    occurrence  the activation that he saw, as the alarm has it
    command_id  made by the client (a UUID); the same id gets the same answer for 24 h, and is not done twice
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    user: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=_PRINTABLE)] = ""
    comment: Annotated[str, StringConstraints(max_length=1_000)] = ""
    occurrence: Annotated[int, Field(ge=0, le=2**53 - 1), WHOLE]
    command_id: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=_PRINTABLE)]


class ResetBody(CommandBody):
    """The end of a latch. password: of an operator at the console, who enters it again."""

    password: Annotated[str, StringConstraints(max_length=128)] = ""


class ShelveBody(CommandBody):
    """For how long an alarm is withheld, seconds; or `one_shot`: until its condition has gone. comment: why."""

    model_config = ConfigDict(
        extra="forbid", strict=True,
        json_schema_extra={
            "oneOf": [
                {"required": ["for_s"], "properties": {"for_s": {"type": "integer"}, "one_shot": {"const": False}}},
                {"required": ["one_shot"], "properties": {"for_s": {"type": "null"}, "one_shot": {"const": True}}},
            ]
        },
    )  # fmt: skip

    for_s: Annotated[int, Field(ge=1, le=2**31), WHOLE] | None = None
    one_shot: bool = False

    @model_validator(mode="after")
    def _one_of_two(self) -> "ShelveBody":
        if (self.for_s is None) != self.one_shot:
            raise PydanticCustomError("for_s_or_one_shot", "write either for_s or one_shot")
        return self


class OutOfServiceBody(CommandBody):
    """Until when an alarm is out of service, as planned (RFC 3339, with its zone). comment: why; the work order."""

    until: Instant

    @property
    def until_ms(self) -> int:
        """Civil time, Unix ms."""
        return int(self.until.timestamp() * 1000)


class RedecodeBody(BaseModel):
    """From when on a device's frames are read again. since: RFC 3339, with its zone."""

    model_config = ConfigDict(extra="forbid")

    since: Instant

    @property
    def since_ms(self) -> int:
        """Civil time, Unix ms."""
        return int(self.since.timestamp() * 1000)


class PermitBody(BaseModel):
    """Who may open a device, until when (RFC 3339, with its zone; null ends it), and why. command_id: as above."""

    model_config = ConfigDict(extra="forbid")

    who: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=_PRINTABLE)] = ""
    why: Annotated[str, StringConstraints(max_length=1_000)] = ""
    until: Instant | None
    command_id: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=_PRINTABLE)]

    @property
    def until_ms(self) -> int:
        """Civil time, Unix ms; 0 = it ends."""
        return 0 if self.until is None else int(self.until.timestamp() * 1000)


class CommissionBody(BaseModel):
    """For how long somebody tries a device; 0 ends it. command_id, comment: as of CommandBody.

    walk  a name that the client makes: several people may try a device, and each prolongs and ends only their own
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    for_s: Annotated[int, Field(ge=0, le=1800), WHOLE]
    walk: Annotated[str, StringConstraints(max_length=128, pattern=_PRINTABLE)] = ""
    comment: Annotated[str, StringConstraints(max_length=1_000)] = ""
    command_id: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=_PRINTABLE)]
