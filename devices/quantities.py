"""What is measured: one name, one unit, one type, once for the project.

A name ends in its unit and is the field name in InfluxDB. Whatever a device prints is converted by its model.
*Sane* means: no working sensor of a city reports more; a value outside is not a measurement and never comes out.
"""

from typing import Literal

from msgspec import Struct


class Quantity(Struct, frozen=True):
    """One quantity.

    type       float and int are numbers (int: whole), bool a truth, text a word
    unit       as shown to people; "" = none
    low, high  the sane range, both ends inside; None for truths and texts
    zh, en     what it is called
    """

    type: Literal["float", "int", "bool", "text"]
    unit: str
    low: float | None
    high: float | None
    zh: str
    en: str


def _number(unit: str, low: float, high: float, zh: str, en: str) -> Quantity:
    return Quantity("float", unit, low, high, zh, en)


def _truth(zh: str, en: str) -> Quantity:
    return Quantity("bool", "", None, None, zh, en)


QUANTITIES: dict[str, Quantity] = {
    # dust and noise
    "pm1_ug_m3": _number("µg/m³", 0, 10_000, "PM1", "PM1"),
    "pm25_ug_m3": _number("µg/m³", 0, 10_000, "PM2.5", "PM2.5"),
    "pm10_ug_m3": _number("µg/m³", 0, 10_000, "PM10", "PM10"),
    "tsp_ug_m3": _number("µg/m³", 0, 20_000, "总悬浮颗粒物", "TSP"),
    "pm1_cf1_ug_m3": _number("µg/m³", 0, 10_000, "PM1(出厂标定)", "PM1, factory calibration"),
    "pm25_cf1_ug_m3": _number("µg/m³", 0, 10_000, "PM2.5(出厂标定)", "PM2.5, factory calibration"),
    "pm10_cf1_ug_m3": _number("µg/m³", 0, 10_000, "PM10(出厂标定)", "PM10, factory calibration"),
    "noise_db": _number("dB", 20, 150, "噪声", "noise"),
    "noise_eq_db": _number("dB", 20, 150, "等效声级", "equivalent noise level"),
    "noise_max_db": _number("dB", 20, 150, "最大声级", "highest noise level"),
    # weather and air
    "wind_speed_m_s": _number("m/s", 0, 90, "风速", "wind speed"),
    "wind_direction_deg": _number("°", 0, 360, "风向", "wind direction"),
    "temperature_c": _number("°C", -60, 100, "温度", "temperature"),
    "humidity_pct": _number("%", 0, 100, "湿度", "humidity"),
    "pressure_hpa": _number("hPa", 500, 1100, "气压", "air pressure"),
    "illuminance_lux": _number("lx", 0, 250_000, "照度", "brightness"),
    "no2_ppm": _number("ppm", 0, 10_000, "二氧化氮", "nitrogen dioxide"),
    # parking
    "occupied": _truth("占用", "occupied"),
    # manhole, tilt, movement
    "cover_open": _truth("井盖打开", "cover open"),
    "tilt_deg": _number("°", -180, 360, "倾角", "tilt"),
    "moved": _truth("移动", "moved"),
    # level
    "water_level_mm": _number("mm", -1000, 500_000, "水位", "water level"),
    "water_detected": _truth("进水", "water detected"),
    "distance_mm": _number("mm", 0, 100_000, "距离", "distance"),
    "level_alarm": _truth("液位报警", "level alarm"),
    # the device itself
    "battery_v": _number("V", 0, 60, "电池电压", "battery voltage"),
    "battery_pct": _number("%", 0, 100, "电量", "battery"),
    "battery_low": _truth("电量低", "battery low"),
    "device_temperature_c": _number("°C", -60, 125, "设备温度", "device temperature"),
    "rssi_dbm": _number("dBm", -160, 20, "信号强度", "received power"),
    "snr_db": _number("dB", -40, 60, "信噪比", "signal to noise"),
}
