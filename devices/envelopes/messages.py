"""What the envelopes of JSON platforms have in common: reading with care, and what a bad member is."""

import base64
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct, ValidationError, json

from devices.envelopes import Moment
from devices.instants import rfc3339_ms
from devices.readings import Refusal

_T = TypeVar("_T")

_EUI_BYTES: Final = 8
_EUI_BASE64: Final = 12
_IMEI_DIGITS: Final = 15
_FIRST_MS: Final = 946_684_800_000  # 2000
_LAST_MS: Final = 4_102_444_800_000  # 2100


def read(
    payload: bytes, decode: Callable[[bytes], _T], sign: Callable[[dict[str, Any]], bool], of: str
) -> _T | Refusal:
    """Decode a message of one platform. decode requires what `sign` looks for.

    Refuses "syntax" where it is no JSON object or a member is not what it should be, "not_mine" where `sign`, the look
    at the whole object by which a platform knows its own, says no. of: the platform, for the reason.
    """
    try:
        return decode(payload)
    except ValidationError as error:
        wrong = error
    except (ValueError, RecursionError) as error:
        return Refusal("syntax", f"no JSON: {error}")
    try:
        message = json.decode(payload)
    except (ValueError, RecursionError) as error:
        return Refusal("syntax", f"no JSON: {error}")
    if isinstance(message, dict) and sign(message):
        return Refusal("syntax", f"no message of {of}: {wrong}")
    return Refusal("not_mine", f"not of {of}: {wrong}")


def members(payload: bytes) -> dict[str, Any]:
    """Return all members of a message; none where one that nobody asked for cannot be read (it is no UTF-8)."""
    try:
        message = json.decode(payload)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def event_by(payload: bytes, signs: Sequence[tuple[str, str]]) -> str:
    """Name an event of ChirpStack whose topic does not, by a member that only it has: (event, member) in `signs`."""
    message = members(payload)
    return next((event for event, member in signs if member in message), "up" if "fCnt" in message else "event")


def no_address(topic: bytes) -> str | None:
    """Return None: topics of this platform say nothing of the device, or are the engineer's own."""
    del topic
    return None


def from_base64(text: str) -> bytes | Refusal:
    """Return the bytes of strict base64."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:  # binascii.Error, or letters beyond ASCII
        return Refusal("syntax", f"the payload is no base64: {error}")


def from_hex(text: str) -> bytes | Refusal:
    """Return the bytes of hex."""
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        return Refusal("syntax", f"the payload is no hex: {error}")


def eui(text: str) -> str:
    """Return an EUI in lower-case hex, whether it came as hex or, as Protobuf's JSON has it, as base64."""
    if len(text) == _EUI_BASE64:
        raw = from_base64(text)
        if isinstance(raw, bytes) and len(raw) == _EUI_BYTES:
            return raw.hex()
    return text.replace("-", "").replace(":", "").lower()


def imei(text: object) -> str:
    """Return an IMEI as its 15 digits; "" for what is none ("undefined", masked, absent)."""
    said = str(text)
    return said if len(said) == _IMEI_DIGITS and said.isascii() and said.isdigit() else ""


def moments(parts: Iterable[Moment]) -> list[Moment]:
    """Put the parts of a push together by moments, at least one, the newest last.

    Parts of one device's word may differ by some seconds. A new moment begins where a value would take the place of
    another: a platform sends an alarm and its end, or a day that it kept, in one push.
    """
    several = list(parts)
    if all(at_ms is not None for at_ms, _ in several):
        several.sort(key=lambda part: part[0] or 0)
    found: list[Moment] = []
    for at_ms, values in several:
        known_ms, known = found[-1] if found else (None, {})
        if found and at_ms == known_ms and values.items() <= known.items():
            continue  # the same once more
        if not found or not known.keys().isdisjoint(values):
            found.append((at_ms, dict(values)))
        else:
            found[-1] = (known_ms if at_ms is None else at_ms, known | values)
    return found or [(None, {})]


def moment_ms(said: object) -> int | None:
    """Return Unix ms of RFC 3339, of compact ISO 8601, or of ms as a number or digits; None for what is no time.

    A time that cannot be read costs no reading: then its arrival counts. So does a clock that was never set.
    """
    if isinstance(said, str):
        try:
            at_ms = int(said) if said.isdigit() else rfc3339_ms(said)
        except (ValueError, OverflowError):
            return None
    elif isinstance(said, int | float) and not isinstance(said, bool) and abs(said) < _LAST_MS * 2:
        at_ms = int(said)
    else:
        return None
    return at_ms if _FIRST_MS <= at_ms <= _LAST_MS else None


def number(said: object) -> float | None:
    """Return a number that may have come as text ("-98.0"); None for what is none."""
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    try:
        value = float(said)
    except (ValueError, OverflowError):
        return None
    return value if abs(value) < 1e6 else None  # noqa: PLR2004 - neither NaN nor infinity nor nonsense


class Heard(Struct):
    """How one gateway heard an uplink, read with care: protobuf's JSON may say "NaN"."""

    rssi: Any = None
    snr: Any = 0.0


class Hears(Protocol):
    """`Heard`, or what has its members and more."""

    rssi: Any
    snr: Any


def best_of(heard: Iterable[Hears]) -> tuple[float | None, float | None]:
    """Return RSSI and SNR of the gateway with the highest RSSI, as `best` does; what is no number costs only itself."""
    told = [
        (rssi, 0.0 if each.snr is None else number(each.snr))
        for each in heard
        if (rssi := number(each.rssi)) is not None
    ]
    return max(told, key=lambda pair: pair[0], default=(None, None))


def best(heard: Iterable[tuple[float | None, float | None]]) -> tuple[float | None, float | None]:
    """Return RSSI and SNR of the gateway with the highest RSSI; an SNR that is left out is 0."""
    strongest, snr = None, None
    for rssi, its_snr in heard:
        if rssi is not None and (strongest is None or rssi > strongest):
            strongest, snr = rssi, its_snr or 0.0
    return strongest, snr
