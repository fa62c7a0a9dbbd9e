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


def _whole(low: float, high: float, zh: str, en: str) -> Quantity:
    return Quantity("int", "", low, high, zh, en)


def _truth(zh: str, en: str) -> Quantity:
    return Quantity("bool", "", None, None, zh, en)


QUANTITIES: dict[str, Quantity] = {
    # dust and noise
    "pm1_ug_m3": _number("µg/m³", 0, 10_000, "PM1", "PM1"),
    "pm25_ug_m3": _number("µg/m³", 0, 10_000, "PM2.5", "PM2.5"),
    "pm4_ug_m3": _number("µg/m³", 0, 10_000, "PM4", "PM4"),
    "pm10_ug_m3": _number("µg/m³", 0, 10_000, "PM10", "PM10"),
    "tsp_ug_m3": _number("µg/m³", 0, 20_000, "总悬浮颗粒物", "TSP"),
    "pm1_cf1_ug_m3": _number("µg/m³", 0, 10_000, "PM1(出厂标定)", "PM1, factory calibration"),
    "pm25_cf1_ug_m3": _number("µg/m³", 0, 10_000, "PM2.5(出厂标定)", "PM2.5, factory calibration"),
    "pm10_cf1_ug_m3": _number("µg/m³", 0, 10_000, "PM10(出厂标定)", "PM10, factory calibration"),
    "particles_0_5um_per_cm3": _number("1/cm³", 0, 100_000, "0.3–0.5 µm 粒子数", "particles 0.3–0.5 µm"),
    "particles_1um_per_cm3": _number("1/cm³", 0, 100_000, "0.3–1 µm 粒子数", "particles 0.3–1 µm"),
    "particles_2_5um_per_cm3": _number("1/cm³", 0, 100_000, "0.3–2.5 µm 粒子数", "particles 0.3–2.5 µm"),
    "particles_4um_per_cm3": _number("1/cm³", 0, 100_000, "0.3–4 µm 粒子数", "particles 0.3–4 µm"),
    "particles_10um_per_cm3": _number("1/cm³", 0, 100_000, "0.3–10 µm 粒子数", "particles 0.3–10 µm"),
    "particle_size_um": _number("µm", 0, 100, "典型粒径", "typical particle size"),
    "noise_db": _number("dB", 20, 150, "噪声", "noise"),
    "noise_eq_db": _number("dB", 20, 150, "等效声级", "equivalent noise level"),
    "noise_max_db": _number("dB", 20, 150, "最大声级", "highest noise level"),
    # weather and air
    "aqi": _number("", 0, 500, "空气质量指数", "air quality index"),
    "pm_is_primary": _truth("首要污染物为颗粒物", "PM10 or PM2.5 is the primary pollutant"),
    "wind_speed_m_s": _number("m/s", 0, 90, "风速", "wind speed"),
    "wind_gust_m_s": _number("m/s", 0, 120, "阵风风速", "gust"),
    "wind_direction_deg": _number("°", 0, 360, "风向", "wind direction"),
    "wind_north_m_s": _number("m/s", -120, 120, "北向风速分量", "wind to the north"),
    "wind_east_m_s": _number("m/s", -120, 120, "东向风速分量", "wind to the east"),
    "temperature_c": _number("°C", -60, 100, "温度", "temperature"),
    "external_temperature_c": _number("°C", -200, 900, "外接探头温度", "temperature of the external probe"),
    "surface_temperature_c": _number("°C", -60, 400, "表面温度", "surface temperature"),
    "humidity_pct": _number("%", 0, 100, "湿度", "humidity"),
    "pressure_hpa": _number("hPa", 500, 1100, "气压", "air pressure"),
    "vapor_pressure_kpa": _number("kPa", 0, 50, "水汽压", "vapour pressure"),
    "rain_mm": _number("mm", 0, 500, "降雨量", "rain"),
    "rain_total_mm": _number("mm", 0, 1_000_000, "累计降雨量", "rain counter"),
    "rain_conductivity_us_cm": _number("µS/cm", 0, 200_000, "雨水电导率", "conductivity of the rain"),
    "solar_radiation_w_m2": _number("W/m²", 0, 2000, "太阳总辐射", "solar radiation"),
    "illuminance_lux": _number("lx", 0, 250_000, "照度", "brightness"),
    "light_level": _whole(0, 5, "亮度等级", "brightness class"),
    "lightning_count": _whole(0, 65_535, "闪电次数", "lightning strikes"),
    "lightning_distance_km": _number("km", 0, 100, "闪电距离", "distance of lightning"),
    "compass_deg": _number("°", 0, 360, "设备朝向", "heading of the device"),
    "wind_speed_alarm": _truth("风速报警", "wind alarm"),
    "rain_alarm": _truth("雨量报警", "rain alarm"),
    "pressure_alarm": _truth("压力报警", "pressure alarm"),
    "temperature_alarm": _truth("温度报警", "temperature alarm"),
    # gas
    "methane_pct_lel": _number("% LEL", 0, 100, "甲烷", "methane"),
    "h2s_ppm": _number("ppm", 0, 10_000, "硫化氢", "hydrogen sulphide"),
    "co_ppm": _number("ppm", 0, 10_000, "一氧化碳", "carbon monoxide"),
    "o2_pct": _number("%", 0, 100, "氧气", "oxygen"),
    "nh3_ppm": _number("ppm", 0, 10_000, "氨", "ammonia"),
    "no_ppm": _number("ppm", 0, 10_000, "一氧化氮", "nitric oxide"),
    "no2_ppm": _number("ppm", 0, 10_000, "二氧化氮", "nitrogen dioxide"),
    "so2_ppm": _number("ppm", 0, 10_000, "二氧化硫", "sulphur dioxide"),
    "o3_ppm": _number("ppm", 0, 10_000, "臭氧", "ozone"),
    "co2_ppm": _number("ppm", 0, 50_000, "二氧化碳", "carbon dioxide"),
    "tvoc_ppb": _number("ppb", 0, 1_000_000, "总挥发性有机物", "volatile organic compounds"),
    "tvoc_index": _number("", 0, 10, "挥发性有机物等级", "VOC rating"),
    "hcho_mg_m3": _number("mg/m³", 0, 100, "甲醛", "formaldehyde"),
    "co_alarm": _truth("一氧化碳报警", "CO alarm"),
    # parking
    "occupied": _truth("占用", "occupied"),
    "vehicle_count": _whole(0, 4_294_967_295, "车辆计数", "vehicles counted"),
    "magnetic_x_ut": _number("µT", -2000, 2000, "磁场 X", "magnetic field x"),
    "magnetic_y_ut": _number("µT", -2000, 2000, "磁场 Y", "magnetic field y"),
    "magnetic_z_ut": _number("µT", -2000, 2000, "磁场 Z", "magnetic field z"),
    "magnetic_x_counts": _whole(-65_536, 65_536, "磁场 X(原始值)", "magnetic field x, raw"),
    "magnetic_y_counts": _whole(-65_536, 65_536, "磁场 Y(原始值)", "magnetic field y, raw"),
    "magnetic_z_counts": _whole(-65_536, 65_536, "磁场 Z(原始值)", "magnetic field z, raw"),
    "magnetic_base_x_counts": _whole(-65_536, 65_536, "磁场基线 X(原始值)", "magnetic baseline x, raw"),
    "magnetic_base_y_counts": _whole(-65_536, 65_536, "磁场基线 Y(原始值)", "magnetic baseline y, raw"),
    "magnetic_base_z_counts": _whole(-65_536, 65_536, "磁场基线 Z(原始值)", "magnetic baseline z, raw"),
    "magnetic_alarm": _truth("强磁干扰", "strong magnetic field"),
    "obstructed": _truth("被遮挡", "covered"),
    "previous_state_min": _number("min", 0, 100_000, "前一状态时长", "length of the state before"),
    "driver_tag": Quantity("text", "", None, None, "驾驶人标签", "driver's tag"),
    # manhole, tilt and movement
    "cover_open": _truth("井盖打开", "cover open"),
    "cover_missing": _truth("井盖丢失", "cover missing"),
    "cover_displaced": _truth("井盖移位", "cover displaced"),
    "tilt_deg": _number("°", -180, 360, "倾角", "tilt"),
    "tilt_x_deg": _number("°", -180, 360, "X 轴倾角", "tilt x"),
    "tilt_y_deg": _number("°", -180, 360, "Y 轴倾角", "tilt y"),
    "tilt_z_deg": _number("°", -180, 360, "Z 轴倾角", "tilt z"),
    "tilt_x_alarm": _truth("X 轴倾角报警", "tilt alarm x"),
    "tilt_y_alarm": _truth("Y 轴倾角报警", "tilt alarm y"),
    "tilt_z_alarm": _truth("Z 轴倾角报警", "tilt alarm z"),
    "tilted": _truth("倾斜", "tilted"),
    "moved": _truth("移动", "moved"),
    "movement_count": _whole(0, 65_535, "移动次数", "movements"),
    "vibration_detected": _truth("振动", "vibration"),
    "vibration_detected_1": _truth("振动(探头 1)", "vibration, probe 1"),
    "vibration_detected_2": _truth("振动(探头 2)", "vibration, probe 2"),
    "acceleration_x_m_s2": _number("m/s²", -400, 400, "加速度 X", "acceleration x"),
    "acceleration_y_m_s2": _number("m/s²", -400, 400, "加速度 Y", "acceleration y"),
    "acceleration_z_m_s2": _number("m/s²", -400, 400, "加速度 Z", "acceleration z"),
    "vibration_velocity_mm_s": _number("mm/s", 0, 10_000, "振动速度", "vibration velocity"),
    "vibration_velocity_x_mm_s": _number("mm/s", -10_000, 10_000, "振动速度 X", "vibration velocity x"),
    "vibration_velocity_y_mm_s": _number("mm/s", -10_000, 10_000, "振动速度 Y", "vibration velocity y"),
    "vibration_velocity_z_mm_s": _number("mm/s", -10_000, 10_000, "振动速度 Z", "vibration velocity z"),
    "vibration_displacement_um": _number("µm", 0, 100_000, "振动位移", "vibration displacement"),
    "motion_detected": _truth("有人移动", "somebody moves"),
    "motion_count": _whole(0, 65_535, "人体感应次数", "movements of people"),
    "latitude_deg": _number("°", -90, 90, "纬度", "latitude"),
    "longitude_deg": _number("°", -180, 180, "经度", "longitude"),
    "altitude_m": _number("m", -500, 9000, "海拔", "altitude"),
    # level, leak and water
    "water_level_mm": _number("mm", -1000, 500_000, "水位", "water level"),
    "water_detected": _truth("进水", "water detected"),
    "water_detected_1": _truth("进水(探头 1)", "water, probe 1"),
    "water_detected_2": _truth("进水(探头 2)", "water, probe 2"),
    "distance_mm": _number("mm", 0, 100_000, "距离", "distance"),
    "distance_min_mm": _number("mm", 0, 100_000, "最小距离", "smallest distance"),
    "distance_max_mm": _number("mm", 0, 100_000, "最大距离", "largest distance"),
    "distance_median_mm": _number("mm", 0, 100_000, "距离中位数", "median distance"),
    "distance_mode_mm": _number("mm", 0, 100_000, "距离众数", "most frequent distance"),
    "distance_p10_mm": _number("mm", 0, 100_000, "距离 10 分位", "distance, 10th percentile"),
    "distance_p25_mm": _number("mm", 0, 100_000, "距离 25 分位", "distance, 25th percentile"),
    "distance_p75_mm": _number("mm", 0, 100_000, "距离 75 分位", "distance, 75th percentile"),
    "distance_p90_mm": _number("mm", 0, 100_000, "距离 90 分位", "distance, 90th percentile"),
    "level_alarm": _truth("液位报警", "level alarm"),
    "fill_level_pct": _number("%", 0, 100, "充满度", "fill level"),
    "liquid_pressure_kpa": _number("kPa", -200, 20_000, "液体压力", "liquid pressure"),
    "conductivity_us_cm": _number("µS/cm", 0, 200_000, "电导率", "conductivity"),
    "frozen": _truth("结冰", "frozen"),
    "ph": _number("pH", 0, 14, "酸碱度", "acidity"),
    "orp_mv": _number("mV", -2000, 2000, "氧化还原电位", "redox potential"),
    "turbidity_ntu": _number("NTU", 0, 10_000, "浊度", "turbidity"),
    "dissolved_oxygen_mg_l": _number("mg/L", 0, 50, "溶解氧", "dissolved oxygen"),
    "dissolved_oxygen_pct": _number("%", 0, 300, "溶解氧饱和度", "dissolved oxygen, saturation"),
    "soil_moisture_pct": _number("%", 0, 100, "土壤含水量", "soil moisture"),
    "soil_temperature_c": _number("°C", -60, 100, "土壤温度", "soil temperature"),
    "soil_conductivity_ms_cm": _number("mS/cm", 0, 100, "土壤电导率", "soil conductivity"),
    "soil_nitrogen_mg_kg": _number("mg/kg", 0, 10_000, "土壤氮", "soil nitrogen"),
    "soil_phosphorus_mg_kg": _number("mg/kg", 0, 10_000, "土壤磷", "soil phosphorus"),
    "soil_potassium_mg_kg": _number("mg/kg", 0, 10_000, "土壤钾", "soil potassium"),
    # the device itself
    "battery_v": _number("V", 0, 60, "电池电压", "battery voltage"),
    "battery_pct": _number("%", 0, 100, "电量", "battery"),
    "battery_low": _truth("电量低", "battery low"),
    "device_temperature_c": _number("°C", -60, 125, "设备温度", "device temperature"),
    "rssi_dbm": _number("dBm", -160, 20, "信号强度", "received power"),
    "snr_db": _number("dB", -40, 60, "信噪比", "signal to noise"),
    "rsrp_dbm": _number("dBm", -160, -20, "参考信号接收功率", "reference signal received power"),
    "sinr_db": _number("dB", -40, 60, "信干噪比", "signal to interference and noise"),
}
