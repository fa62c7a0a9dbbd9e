// Times and figures as the control room reads them: in the gateway's zone, whatever the browser's is.
import { computed, signal } from "@preact/signals";
import { t, type Key } from "./i18n";
import { nowMs, second } from "./state";
import type { Alarm } from "./types";

export const zone = signal("Asia/Shanghai");
const clock = computed(
  () => new Intl.DateTimeFormat("sv-SE", { timeZone: zone.value, dateStyle: "short", timeStyle: "medium" }),
);

/** `2026-11-24 16:00:00`. time: RFC 3339 or milliseconds. */
export const when = (time: string | number | null): string =>
  time === null ? "—" : clock.value.format(typeof time === "string" ? Date.parse(time) : time);

/** The day that it is now, `2026-11-24`. */
export const today = computed(() => {
  second.value;
  return when(nowMs()).slice(0, 10);
});

/** `16:00:00` of it. */
export const hour = (time: string | number): string => when(time).slice(11);

/** Milliseconds as `00:12:05`, over a day as `3 天 04:00`. */
export function lasting(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const rest = `${two(Math.floor(s / 3600) % 24)}:${two(Math.floor(s / 60) % 60)}`;
  return s < 86_400 ? `${rest}:${two(s % 60)}` : `${t("time.days", { n: Math.floor(s / 86_400) })} ${rest}`;
}

/** Seconds as people say them: `15 分钟`, `2 小时`, `3 天`. */
export function span(seconds: number): string {
  const round = (n: number): number => Math.round(n * 10) / 10;
  if (seconds < 60) return t("time.seconds", { n: Math.round(seconds) });
  if (seconds < 3600) return t("time.minutes", { n: round(seconds / 60) });
  if (seconds < 2 * 86_400) return t("time.hours", { n: round(seconds / 3600) });
  return t("time.days", { n: round(seconds / 86_400) });
}

/** A measured value; two digits at the most, — where there is none. */
export function figure(value: number | boolean | null | undefined): string {
  if (value === null || value === undefined) return "—";
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  return value.toLocaleString("zh-CN", { maximumFractionDigits: 2, useGrouping: false });
}

/** `34.2 / 15 °` of an alarm; empty where it has neither. */
export function measured({ value, limit, unit }: Alarm): string {
  if (value === null && limit === null) return "";
  return `${figure(value)}${limit === null ? "" : ` / ${figure(limit)}`}${unit ? ` ${unit}` : ""}`;
}

const SHIFTS = new Map<string, Key>([["早班", "shift.morning"], ["中班", "shift.late"], ["夜班", "shift.night"]]);

/** A shift as it is called; the three that a gateway has where nobody named any are words of the catalogue. */
export function shiftName(name: string): string {
  const key = SHIFTS.get(name);
  return key ? t(key) : name;
}

/** A moment written in the gateway's zone, `2026-11-24T16:00`, as RFC 3339 in UTC; "" where it is no time. */
export function fromZone(text: string): string {
  const written = Date.parse(`${text}Z`);
  if (Number.isNaN(written)) return "";
  const offset = (ms: number): number => Date.parse(`${when(ms).replace(" ", "T")}Z`) - ms;
  const near = written - offset(written);
  return new Date(written - offset(near)).toISOString(); // again: the clocks may be put on between the two
}

/** A moment as a field for date and time has it, in the gateway's zone. */
export const toField = (ms: number): string => when(ms).replace(" ", "T").slice(0, 16);
