"""The simulated district: who is in it, and what each device says at a moment. One description of past and present.

40 bays and 25 covers by ChirpStack v4, a Modbus station and a PM module on serial lines, two HJ 212 stations.
Everything is a function of the moment when the demo began, so that it is the same each time it is told.
"""

import base64
import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from devices.frames import Batch, Frame
from devices.models import NoOptions, bosch_tps110, dingtek_dc41x, hj212_dust, modbus_dust, plantower_pms

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
PAST_MS = 72 * HOUR_MS
BAYS, COVERS = 40, 25

OVERSTAYED = 7  # the bay that is occupied for 26 h
TILTED = 5  # the cover that tilts, live
WOBBLES_DEG = 2.0  # a cover's rest
TILTS_MS = 15_000  # after the beginning
DUSTS_MS = 20_000  # then PM10 jumps
SILENT_MS = 5 * HOUR_MS  # before the beginning the second HJ 212 station fell silent

PRESET = modbus_dust.ModbusOptions(preset="500-block")
PRINTS = hj212_dust.Hj212Options(pm_unit="ug_m3")
NONE = NoOptions()
MNS = ("320302000000000000000001", "320302000000000000000002")


def bay_eui(number: int) -> str:
    """Return the DevEUI of a bay, 1 to 40."""
    return f"70b3d50000a0{number:04x}"


def cover_eui(number: int) -> str:
    """Return the DevEUI of a cover, 1 to 25."""
    return f"70b3d50000c0{number:04x}"


class Dust(Struct, frozen=True):
    """Particles at one moment, µg/m³."""

    pm25: float
    pm10: float
    tsp: float


class City:
    """begins_ms: the moment when the past ends and life begins, Unix ms."""

    def __init__(self, begins_ms: int) -> None:
        self.begins_ms = begins_ms
        self._counters: dict[str, int] = {}

    # ------------------------------------------------------------------------------------------------- what is so

    def occupied(self, bay: int, at_ms: int) -> bool:
        """Tell whether a vehicle stands in a bay: each bay has a rhythm of its own."""
        if bay == OVERSTAYED:
            return at_ms >= self.begins_ms - 26 * HOUR_MS
        turn = at_ms // ((50 + bay) * MINUTE_MS)
        busy = turn % 8 != 0  # so that chance leaves no second car for 24 h
        return busy and random.Random(bay * 1_000_003 + turn).random() < 0.7  # noqa: PLR2004 - a busy street

    def tilt(self, cover: int, at_ms: int) -> float:
        """Return how far a cover is tilted, degrees."""
        return 47.0 if cover == TILTED and at_ms >= self.begins_ms + TILTS_MS else float(cover % 3)

    def dust(self, station: int, at_ms: int) -> Dust:
        """Return what lies in the air at a station, 1 to 4: more by day; at the third a day over the limit."""
        hours = (at_ms + 8 * HOUR_MS) / HOUR_MS
        pm10 = (
            55 + 20 * math.sin((hours - 8) / 24 * 2 * math.pi) + 3 * station + random.Random(at_ms + station).random()
        )
        if station == 3 and at_ms < self.begins_ms:  # noqa: PLR2004 - the site that does not spray
            pm10 += 90
        if station in (1, 3) and at_ms >= self.begins_ms + DUSTS_MS:
            pm10 += 400
        return Dust(round(pm10 * 0.5), round(pm10), round(pm10 * 1.6))

    # ------------------------------------------------------------------------------------------------ how it is said

    def uplink(self, eui: str, port: int, payload: bytes, at_ms: int) -> Frame:
        """Wrap a device's bytes as ChirpStack v4 does."""
        self._counters[eui] = counter = self._counters.get(eui, -1) + 1
        message = {
            "deduplicationId": f"{eui}-{counter}",
            "time": datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds"),
            "deviceInfo": {"applicationName": "district", "deviceName": eui, "devEui": eui},
            "fPort": port,
            "fCnt": counter,
            "data": base64.b64encode(payload).decode(),
            "rxInfo": [{"gatewayId": "0016c001f1530001", "rssi": -80 - counter % 20, "snr": 7.5}],
        }
        return f"application/district/device/{eui}/event/up".encode(), json.dumps(message).encode(), b""

    def bay(self, number: int, at_ms: int) -> Frame:
        """Return what a bay's sensor says now."""
        port, payload = bosch_tps110.encode(bosch_tps110.Bay(occupied=self.occupied(number, at_ms)), NONE)
        return self.uplink(bay_eui(number), port, payload, at_ms)

    def cover(self, number: int, at_ms: int) -> Frame:
        """Return what a cover's sensor says now."""
        tilt = self.tilt(number, at_ms)
        values = dingtek_dc41x.Cover(
            distance_mm=1500.0 + number, tilt_deg=tilt, temperature_c=14.0, moved=tilt > WOBBLES_DEG, level_alarm=False,
            battery_low=False,
        )  # fmt: skip
        port, payload = dingtek_dc41x.encode(values, NONE)
        return self.uplink(cover_eui(number), port, payload, at_ms)

    def modbus(self, at_ms: int) -> bytes:
        """Return question and answer of the Modbus station."""
        dust = self.dust(1, at_ms)
        shape: Any = modbus_dust.MODEL.values_for(PRESET)
        values = shape(
            pm25_ug_m3=dust.pm25, pm10_ug_m3=dust.pm10, noise_db=58.0, temperature_c=12.0, humidity_pct=55.0,
            pressure_hpa=1018.0, wind_speed_m_s=1.6, wind_direction_deg=90.0,
        )  # fmt: skip
        return modbus_dust.encode(values, PRESET)[1]

    def plantower(self, at_ms: int) -> bytes:
        """Return a frame of the PM module."""
        dust = self.dust(2, at_ms)
        values = plantower_pms.Particles(pm1_ug_m3=dust.pm25 // 2, pm25_ug_m3=dust.pm25, pm10_ug_m3=dust.pm10)
        return plantower_pms.encode(values, plantower_pms.PlantowerOptions())[1]

    def hj212(self, station: int, at_ms: int) -> bytes:
        """Return a packet of real-time data of HJ 212 station 1 or 2."""
        dust = self.dust(2 + station, at_ms)
        values = hj212_dust.Station(
            tsp_ug_m3=dust.tsp, pm10_ug_m3=dust.pm10, pm25_ug_m3=dust.pm25, noise_db=61.0, temperature_c=12.0
        )
        return hj212_dust.packet(values, PRINTS, mn=MNS[station - 1], at_ms=at_ms)

    # ---------------------------------------------------------------------------------------------------- the past

    def past(self) -> Iterator[Batch]:
        """Tell the 72 hours before the beginning, minute by minute."""
        begins = (self.begins_ms - PAST_MS) // MINUTE_MS * MINUTE_MS
        for at_ms in range(begins, self.begins_ms, MINUTE_MS):
            minute = at_ms // MINUTE_MS
            lora = [self.bay(n, at_ms) for n in range(1, BAYS + 1) if minute % 60 == n or self._turned(n, at_ms)]
            lora += [self.cover(n, at_ms) for n in range(1, COVERS + 1) if minute % 360 == n * 14]
            if lora:
                yield Batch("lora", at_ms, lora)
            yield Batch("gate", at_ms, [(b"gate/1", self.modbus(at_ms), b"")])
            yield Batch("kiosk", at_ms, [(b"kiosk", self.plantower(at_ms), b"")])
            stations = (1, 2) if at_ms < self.begins_ms - SILENT_MS else (1,)
            yield Batch("sites", at_ms, [(MNS[n - 1].encode(), self.hj212(n, at_ms), b"") for n in stations])

    def _turned(self, bay: int, at_ms: int) -> bool:
        return self.occupied(bay, at_ms) != self.occupied(bay, at_ms - MINUTE_MS)
