"""What somebody should drive out for: links that are heard on dry days only, batteries that will not last. Pure.

The limits are our own choice, no standard's.
"""

from typing import Final

WEAK_DBM: Final = -110.0
"""LoRa at 125 kHz is received down to about -123 dBm at SF7 and -137 dBm at SF12; this leaves 13 dB at SF7 for a wet
cover or a car that parks on it."""

WEAK_DB: Final = -10.0
"""The demodulator needs -7.5 dB at SF7, -10 dB at SF8, -20 dB at SF12 (Semtech SX1276 data sheet, table 13): below it
only slower frames come through."""

WEAK_RSRP_DBM: Final = -115.0
"""Of NB-IoT."""

LOW_PCT: Final = 20.0
"""From there on a visit should be planned. What a device itself calls low counts too."""


def weak(*, rssi_dbm: float | None, snr_db: float | None, rsrp_dbm: float | None) -> bool | None:
    """Judge a radio link by what is known of it; None = nothing."""
    known = ((rssi_dbm, WEAK_DBM), (snr_db, WEAK_DB), (rsrp_dbm, WEAK_RSRP_DBM))
    said = [value < least for value, least in known if value is not None]
    return any(said) if said else None


def battery_is_low(*, low: bool | None, pct: float | None) -> bool | None:
    """Judge a battery. Volts alone say nothing: 3.0 V is a full pair of alkaline cells and an empty lithium cell."""
    if low or (pct is not None and pct <= LOW_PCT):
        return True
    return None if low is None and pct is None else False
