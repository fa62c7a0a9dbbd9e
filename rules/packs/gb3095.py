"""GB 3095 环境空气质量标准, ambient air quality: day means of particles, µg/m³.

Class 1: nature reserves and places of scenery; class 2: where people live, trade and work, so all of a city. A day is
the natural day (GB 3095-2026 §3.10), and its limits have dates: the edition of 2026 has a transition to 2030-12-31.

Mark after each clause: V1 = read in the standard itself, V2 = read in a secondary page (the edition of 2012).
Table 1 are the basic items; TSP is in table 2, "other items", whose use the ministry or the province decides (§4.5).
"""

PM10, PM25, TSP = "pm10_ug_m3", "pm25_ug_m3", "tsp_ug_m3"

OLD = ("2016-01-01", "2026-02-28")
TRANSITION = ("2026-03-01", "2030-12-31")
NOW = ("2026-03-01", None)
FULL = ("2031-01-01", None)

# class, quantity, dates, limit, name, clause and mark
LIMITS: tuple[tuple[int, str, tuple[str, str | None], float, str, str], ...] = (
    (1, PM10, OLD, 50, "GB 3095-2012 一级", "表1 (V2)"),
    (1, PM10, NOW, 50, "GB 3095-2026 一级", "表1 (V1)"),
    (1, PM25, OLD, 35, "GB 3095-2012 一级", "表1 (V2)"),
    (1, PM25, TRANSITION, 35, "GB 3095-2026 一级 过渡", "表1 (V1)"),
    (1, PM25, FULL, 25, "GB 3095-2026 一级", "表1 (V1)"),
    (1, TSP, OLD, 120, "GB 3095-2012 一级", "表2 (V2)"),
    (1, TSP, NOW, 120, "GB 3095-2026 一级", "表2 (V1)"),
    (2, PM10, OLD, 150, "GB 3095-2012 二级", "表1 (V2)"),
    (2, PM10, TRANSITION, 120, "GB 3095-2026 二级 过渡", "表1 (V1)"),
    (2, PM10, FULL, 100, "GB 3095-2026 二级", "表1 (V1)"),
    (2, PM25, OLD, 75, "GB 3095-2012 二级", "表1 (V2)"),
    (2, PM25, TRANSITION, 60, "GB 3095-2026 二级 过渡", "表1 (V1)"),
    (2, PM25, FULL, 50, "GB 3095-2026 二级", "表1 (V1)"),
    (2, TSP, OLD, 300, "GB 3095-2012 二级", "表2 (V2)"),
    (2, TSP, NOW, 300, "GB 3095-2026 二级", "表2 (V1)"),
)

# Least valid hours of a day: table 4 (V1). TSP needs 24 h of sampling.
MIN_HOURS = {PM10: 20, PM25: 20, TSP: 24}
