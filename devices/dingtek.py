"""The frame that all Dingtek sensors share, over LoRaWAN and NB-IoT.

Source: the vendor's codecs, github.com/cndingtek: Chirpstack_codec and NB-IoT_Gateway.

    80 00 product kind length ... 81        kind 01, 02: data; 03: settings; length of the whole frame
"""

import struct

from devices.readings import Refusal

PORT = 3  # LoRaWAN
SETTINGS = 3
_KINDS = (1, 2, SETTINGS)
_HEAD, TAIL = b"\x80\x00", 0x81
_SHORTEST = 6
_NONSENSE = 1e6


def not_whole(payload: bytes, port: int | None, products: tuple[int, ...]) -> Refusal | None:
    """Say why this is no whole frame of one of these products; None = it is one."""
    if port != PORT and port is not None:
        return Refusal("not_mine", f"FPort {port} is not 3")
    length = len(payload)
    if length < _SHORTEST or payload[:2] != _HEAD or payload[2] not in products:
        known = " or ".join(f"8000{product:02x}" for product in products)
        return Refusal("not_mine", f"begins with {payload[:3].hex()}, not with {known}")
    if payload[4] != length:
        return Refusal("length", f"{length} bytes, but its length byte says {payload[4]}")
    if payload[-1] != TAIL:
        return Refusal("syntax", f"ends with {payload[-1]:02x}, not with 81")
    if payload[3] not in _KINDS:
        return Refusal("not_mine", f"kind {payload[3]:02x} is neither data (01, 02) nor settings (03)")
    return None


def tenths(raw: bytes) -> float | None:
    """Return a tenth of an IEEE 754 number of four bytes, low byte first; None for NaN, infinity and nonsense."""
    value: float = struct.unpack("<f", raw)[0] / 10
    return round(value, 3) if abs(value) < _NONSENSE else None
