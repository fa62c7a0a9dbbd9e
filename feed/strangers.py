"""Who spoke and is not registered, as the inbox shows it. Apart, for the child that reads the inbox needs no more."""

from msgspec import Struct

from devices.guesses import Guess


class StrangerFrame(Struct, frozen=True, kw_only=True):
    """One frame of the inbox. text: the payload, where it is text."""

    at: str
    source: str
    place: str
    payload_hex: str
    text: str | None


class StrangerView(Struct, frozen=True, kw_only=True):
    """An address that nobody registered.

    frames       how many are kept of it
    source       that brought its newest frame; transport: mqtt, serial, hj212; platform: the envelope that opens it
    rssi_dbm, snr_db  of the newest frame
    guesses      models that read its newest frames, the best first
    newest       its newest frames, the last one last
    """

    address: str
    frames: int
    first: str
    last: str
    source: str
    transport: str
    platform: str
    rssi_dbm: float | None
    snr_db: float | None
    guesses: list[Guess]
    newest: list[StrangerFrame]
