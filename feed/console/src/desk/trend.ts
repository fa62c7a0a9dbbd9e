// Drawing a trend: the line, its gaps as gaps, the limits as dashed lines. Its own chunk, for uPlot is as large as the app.
import "../root"; // what all share stays one chunk
import uPlot from "uplot";
import { t } from "../i18n";
import { figure, zone } from "../time";
import type { Alarm, Limit, Trend } from "../types";

const HEIGHT = 170;
const DRAWN = ["value", "slot", "hour", "hours", "day"] as const; // the others are of changes, not of the value itself
type Drawn = Limit & { of: (typeof DRAWN)[number] };

/** Draw into a box as wide as it is; returns what ends it. alarm: whose limit is marked, and whose value is a point. */
export function draw(box: HTMLElement, trend: Trend, alarm: Alarm): () => void {
  const from = Date.parse(trend.start) / 1000;
  const times = trend.values.map((_, n) => from + n * trend.step_s);
  const limits = trend.limits.filter((limit): limit is Drawn => (DRAWN as readonly string[]).includes(limit.of));
  const mine = (limit: Drawn): boolean => limit.rule === alarm.rule;
  const point = pointOf(alarm, limits.filter(mine), from);
  const style = getComputedStyle(box);
  const [text, line, muted, danger] = ["--text", "--line", "--muted", "--danger"].map((name) => style.getPropertyValue(name)) as
    [string, string, string, string];
  const axis = { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { stroke: line }, font: `12px ${style.fontFamily}` };
  const plot = new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT,
      tzDate: (s) => uPlot.tzDate(new Date(s * 1000), zone.value),
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { range: (_, low, high) => [low, high + trend.step_s] }, // the present minute is not over
        y: { range: (_, low, high) => room([low, high, point?.value ?? null, ...limits.map(({ value }) => value)]) },
      },
      axes: [
        { ...axis, values: "{HH}:{mm}", space: 60 },
        { ...axis, size: 52, values: (_, splits) => splits.map((value) => figure(value)) },
      ],
      series: [{}, { stroke: text, width: 1.5, spanGaps: false, points: { show: true, size: 3, fill: text } }],
      hooks: {
        draw: [
          (u) => {
            for (const limit of limits) if (!mine(limit)) drawLimit(u, limit, muted, 0.75);
            for (const limit of limits) if (mine(limit)) drawLimit(u, limit, danger, 2, style.fontFamily);
            if (point) drawPoint(u, point, danger);
          },
        ],
      },
    },
    [times, trend.values],
    box,
  );
  const seen = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT }));
  seen.observe(box);
  return () => {
    seen.disconnect();
    plot.destroy();
  };
}

/** The range that holds all of these, with some room. */
function room(values: (number | null)[]): [number, number] {
  const known = values.filter((value): value is number => value !== null && Number.isFinite(value));
  const [low, high] = [Math.min(...known, 0), Math.max(...known)];
  const beyond = (high - low || 1) * 0.1;
  return [low < 0 ? low - beyond : low, high + beyond];
}

type Point = { at: number; value: number };

/** The reading that raised it, when and how much; an alarm of means has none. */
function pointOf({ value, since }: Alarm, mine: Drawn[], from: number): Point | null {
  const at = Date.parse(since ?? "") / 1000;
  if (typeof value !== "number" || !(at >= from) || !mine.some(({ of }) => of === "value")) return null;
  return { at, value };
}

function drawPoint(u: uPlot, { at, value }: Point, colour: string): void {
  const { ctx } = u;
  ctx.save();
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.arc(u.valToPos(at, "x", true), u.valToPos(value, "y", true), 4 * devicePixelRatio, 0, 2 * Math.PI);
  ctx.fill();
  ctx.restore();
}

/** A dashed line; font: of its words, where it has some. */
function drawLimit(u: uPlot, limit: Drawn, colour: string, width_px: number, font = ""): void {
  const y = u.valToPos(limit.value, "y", true);
  const { ctx, bbox: { left, width } } = u;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.lineWidth = width_px * devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(left, y);
  ctx.lineTo(left + width, y);
  ctx.stroke();
  if (font) {
    ctx.font = `${12 * devicePixelRatio}px ${font}`;
    ctx.textAlign = "right";
    ctx.textBaseline = limit.kind === "above" ? "bottom" : "top";
    ctx.fillText(`${t(`limit.${limit.of}`)} ${figure(limit.value)}`, left + width - 4 * devicePixelRatio, y);
  }
  ctx.restore();
}
