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
  calling: number; // of them, those that call for somebody
  known: boolean; // it was heard lately
  chosen: boolean; // somebody looks at it
}

export interface Mark {
  x: number;
  y: number;
  spots: Spot[];
  worst: number;
  alarms: number;
  calling: number;
  chosen: boolean;
}

export type Project = (at: Point) => readonly [number, number]; // to pixels

const APART_PX = 44;

/**
 * Bring together what would lie on top of each other: a mark stands where its most urgent device is.
 * The least urgent comes first, so that it is drawn below.
 */
export function marks(spots: readonly Spot[], project: Project, width: number, height: number): Mark[] {
  const cells = new Map<string, Mark[]>(); // by square of the smallest distance: only neighbours can be too near
  const found: Mark[] = [];
  for (const spot of [...spots].sort((a, b) => (a.worst || 9) - (b.worst || 9))) {
    const [x, y] = project(spot.at);
    if (x < -APART_PX || y < -APART_PX || x > width + APART_PX || y > height + APART_PX) continue;
    const [column, row] = [Math.floor(x / APART_PX), Math.floor(y / APART_PX)];
    let mark = near(cells, column, row, x, y);
    if (!mark) {
      mark = { x, y, spots: [], worst: 0, alarms: 0, calling: 0, chosen: false };
      found.push(mark);
      const cell = cells.get(`${column}/${row}`);
      if (cell) cell.push(mark);
      else cells.set(`${column}/${row}`, [mark]);
    }
    mark.spots.push(spot);
    mark.worst = urgent(mark.worst, spot.worst);
    mark.alarms += spot.alarms;
    mark.calling += spot.calling;
    mark.chosen ||= spot.chosen;
  }
  return found.reverse();
}

function near(cells: Map<string, Mark[]>, column: number, row: number, x: number, y: number): Mark | undefined {
  for (let c = column - 1; c <= column + 1; c++) {
    for (let r = row - 1; r <= row + 1; r++) {
      const mark = cells.get(`${c}/${r}`)?.find((one) => Math.hypot(one.x - x, one.y - y) < APART_PX);
      if (mark) return mark;
    }
  }
  return undefined;
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
  const many = mark.spots.length > 1 ? t("map.devices", { n: mark.spots.length }) : "";
  const who = [calling(mark), many].filter(Boolean).join(" ");
  if (!mark.worst) return who;
  return `${who}: ${t(`priority.${mark.worst as Priority}`)}, ${t("map.alarms", { n: mark.alarms })}`;
}
