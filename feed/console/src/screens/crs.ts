/* Where WGS 84 lies on a map of China: what config/crs.py undoes, done at the edge. A test holds both against each other. */

export type Point = readonly [number, number]; // longitude, latitude
export type Crs = "wgs84" | "cgcs2000" | "gcj02" | "bd09";

const A = 6378245; // Krasovsky 1940: semi-major axis in m, first eccentricity squared
const EE = 0.00669342162296594323;
const { PI, sin, cos, sqrt, abs, atan2, hypot } = Math;
const BD = (PI * 3000) / 180;

/** A point in the coordinates of a map's tiles. CGCS2000 is WGS 84 to within a decimetre. */
export function onMap(point: Point, crs: Crs): Point {
  if (crs === "gcj02") return toGcj02(point);
  return crs === "bd09" ? toBd09(toGcj02(point)) : point;
}

function inChina([east, north]: Point): boolean {
  return east >= 72.004 && east <= 137.8347 && north >= 0.8293 && north <= 55.8271;
}

function toGcj02(point: Point): Point {
  if (!inChina(point)) return point;
  const x = point[0] - 105;
  const y = point[1] - 35;
  const waves = ((20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)) * 2) / 3;
  let north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + waves;
  north += ((20 * sin(y * PI) + 40 * sin((y / 3) * PI) + 160 * sin((y / 12) * PI) + 320 * sin((y * PI) / 30)) * 2) / 3;
  let east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + waves;
  east += ((20 * sin(x * PI) + 40 * sin((x / 3) * PI) + 150 * sin((x / 12) * PI) + 300 * sin((x / 30) * PI)) * 2) / 3;
  const latitude = (point[1] * PI) / 180;
  const magic = 1 - EE * sin(latitude) ** 2;
  north *= 180 / (((A * (1 - EE)) / (magic * sqrt(magic))) * PI);
  east *= 180 / ((A / sqrt(magic)) * cos(latitude) * PI);
  return [point[0] + east, point[1] + north];
}

function toBd09([x, y]: Point): Point {
  const radius = hypot(x, y) + 0.00002 * sin(y * BD);
  const angle = atan2(y, x) + 0.000003 * cos(x * BD);
  return [radius * cos(angle) + 0.0065, radius * sin(angle) + 0.006];
}
