"""Sources that put nothing round a frame: serial lines. The place names the device, and the payload is all there is."""

from devices.envelopes import Envelope, Uplink


def address_of(place: bytes) -> str:
    """Return the place: `gate/3` is slave 3 on line gate, `kiosk` the one talker of that line."""
    return place.decode("utf-8", "replace")


def open_frame(place: bytes, payload: bytes) -> Uplink:
    """Hand the payload on as it came."""
    return Uplink(address=address_of(place), payload=payload)


MODBUS = Envelope(id="modbus", scheme="modbus", platform_time=False, address_of=address_of, open=open_frame)
LINE = Envelope(id="line", scheme="line", platform_time=False, address_of=address_of, open=open_frame)
