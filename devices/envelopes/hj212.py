"""HJ 212 links: the place is the station's MN, the payload its whole packet, which the model takes apart.

Source: HJ 212-2017 table 3; HJ 212-2025 for `RF=1`, the mark of what is sent again.
"""

from devices.envelopes import Envelope, Uplink


def address_of(place: bytes) -> str:
    """Return the MN as printed."""
    return place.decode("utf-8", "replace")


def open_packet(place: bytes, payload: bytes) -> Uplink:
    """Hand the packet on as it came."""
    return Uplink(address=address_of(place), payload=payload, resent=b";RF=1;" in payload)


ENVELOPE = Envelope(id="hj212", scheme="mn", platform_time=False, address_of=address_of, open=open_packet)
