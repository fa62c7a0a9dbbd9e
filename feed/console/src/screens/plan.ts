// What stands where: devices brought together to marks that a hand can hit, the most urgent one on top.

import { t } from "../i18n";
import type { Priority } from "../types";
import type { Point } from "./crs";

export interface Spot {
  id: string;
  name: string;
  site: string | null;
  at: Point; // longitude, latitude, WGS 84
  worst: number; // priority of its most urgent alarm; 0 = none
  alarms: number;
  unseen: number; // of them, unacknowledged
  known: boolean; // it was heard lately
}

export interface Mark {
  x: number;
  y: number;
  spots: Spot[];
  worst: number;
  alarms: number;
  unseen: number;
}

export type Project = (at: Point) => readonly [number, number]; // to pixels

const CELL_PX = 34;

/** Bring together what would lie on top of each other; marks of lower urgency come first, so that they are drawn below. */
export function marks(spots: readonly Spot[], project: Project, width: number, height: number): Mark[] {
  const cells = new Map<string, Mark>();
  for (const spot of spots) {
    const [x, y] = project(spot.at);
    if (x < -CELL_PX || y < -CELL_PX || x > width + CELL_PX || y > height + CELL_PX) continue;
    const cell = `${Math.floor(x / CELL_PX)}/${Math.floor(y / CELL_PX)}`;
    const mark = cells.get(cell) ?? { x: 0, y: 0, spots: [], worst: 0, alarms: 0, unseen: 0 };
    cells.set(cell, mark);
    mark.x += x;
    mark.y += y;
    mark.spots.push(spot);
    mark.worst = urgent(mark.worst, spot.worst);
    mark.alarms += spot.alarms;
    mark.unseen += spot.unseen;
  }
  const found = [...cells.values()];
  for (const mark of found) {
    mark.x /= mark.spots.length;
    mark.y /= mark.spots.length;
  }
  return found.sort((a, b) => (b.worst || 9) - (a.worst || 9));
}

/** The more urgent of two priorities; 0 = none. */
export function urgent(a: number, b: number): number {
  return a && b ? Math.min(a, b) : a || b;
}

/** How a mark is called: by its device, or by the site that all of it belongs to, or not at all. */
export function calling(mark: Mark): string {
  const [first] = mark.spots;
  if (!first) return "";
  if (mark.spots.length === 1) return first.name;
  return first.site && mark.spots.every((spot) => spot.site === first.site) ? first.site : "";
}

/** A mark in words, for screen readers and when one points at it. */
export function wordsOf(mark: Mark): string {
  const who = calling(mark) || t("map.devices", { n: mark.spots.length });
  if (!mark.worst) return who;
  return `${who}: ${t(`priority.${mark.worst as Priority}`)}, ${t("map.alarms", { n: mark.alarms })}`;
}
