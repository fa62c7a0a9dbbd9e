// The duty desk's list as signals: what is filtered, grouped, held still, selected.
import { computed, effect, signal } from "@preact/signals";
import { alarms, changed, ended, version } from "../state";
import type { Alarm, Priority, Summary } from "../types";
import { filtered, grouped, held, Ordered, plain, type Filter, type Row } from "./order";

export const filter = signal<Filter>({ priority: null, words: "" });
export const summary = signal<Summary | null>(null);
/** null: grouped in a flood, else not; otherwise what the operator chose. */
export const grouping = signal<boolean | null>(null);
export const isGrouped = computed(() => grouping.value ?? summary.value?.flood.active ?? false);
export const openCauses = signal<Set<string>>(new Set());
export const selected = signal<string | null>(null);

/** Why the rows must not move now: the pointer moved over them, a key was pressed, a dialog is open. */
export const holding = signal<Set<string>>(new Set());
export function hold(why: string, yes: boolean): void {
  if (holding.value.has(why) === yes) return;
  const whys = new Set(holding.value);
  if (yes) whys.add(why);
  else whys.delete(why);
  holding.value = whys;
}

const ends = new Map<string, ReturnType<typeof setTimeout>>();

/** Hold the rows for so long after the last time that this was called. */
export function holdFor(why: string, ms: number): void {
  clearTimeout(ends.get(why));
  hold(why, true);
  ends.set(why, setTimeout(() => hold(why, false), ms));
}

const STILL_MS = 15_000;

/** After a key or a command the rows stay where they are, so that what comes of it is seen where the eye is. */
export const keepStill = (): void => holdFor("keys", STILL_MS);

const ordered = new Ordered();
export const list = computed<Alarm[]>(() => {
  version.value; // read, to be told of every change
  ordered.update(alarms, changed.all ? null : changed.ids);
  changed.all = false;
  changed.ids.clear();
  return ordered.list;
});

const fresh = computed<Row[]>(() => {
  const those = filtered(list.value, filter.value);
  return isGrouped.value ? grouped(those, openCauses.value) : plain(those);
});

const still = signal<Row[] | null>(null); // the rows as they stood when holding began
effect(() => {
  const hold = holding.value.size > 0;
  if (!hold) still.value = null;
  else if (still.peek() === null && fresh.value.length) still.value = fresh.peek(); // in an empty list nothing can move
});

/** Show what is there now, also while the rows are held. */
export const refresh = (): void => {
  if (still.peek() !== null) still.value = fresh.peek();
};

// What the operator himself changes is shown at once.
effect(() => {
  filter.value;
  isGrouped.value;
  openCauses.value;
  refresh();
});

export const rows = computed<Row[]>(() => {
  const [now, before] = [fresh.value, still.value];
  return before === null ? now : held(before, alarms, ended);
});

/** What came while the rows were held: how many, and how many of them are of the first priority. */
export const waiting = computed(() => {
  const before = still.value;
  if (before === null) return { count: 0, urgent: 0 };
  const seen = new Set<string>();
  for (const row of before) {
    seen.add(row.id);
    if (row.kind === "group") for (const { id } of row.members) seen.add(id);
  }
  const those = filtered(list.value, filter.value).filter(({ id, acknowledged }) => !acknowledged && !seen.has(id));
  return { count: those.length, urgent: those.filter(({ priority }) => priority === 1).length };
});

/** Alarms of the first priority that nobody has seen and the filter hides. */
export const hidden = computed(() => {
  const urgent = list.value.filter(({ priority, acknowledged }) => priority === 1 && !acknowledged);
  return urgent.length - filtered(urgent, filter.value).length;
});

export type Count = { unacked: number; total: number };
export const counts = computed<Record<Priority, Count>>(() => {
  const counted = { 1: zero(), 2: zero(), 3: zero(), 4: zero() };
  for (const { priority, acknowledged } of list.value) {
    counted[priority].total++;
    if (!acknowledged) counted[priority].unacked++;
  }
  return counted;
});
const zero = (): Count => ({ unacked: 0, total: 0 });

/** How many are withheld, by why. */
export const withheld = computed(() => {
  version.value;
  const counted = { SHELVED: 0, SUPPRESSED: 0, OUT_OF_SERVICE: 0 };
  for (const { state } of alarms.values()) if (state in counted) counted[state as keyof typeof counted]++;
  return counted;
});

export const selectedRow = computed<Row | null>(() => rows.value.find(({ id }) => id === selected.value) ?? null);

/** The alarm that the detail shows: selected, even when it has left the list. */
export const selectedAlarm = computed<Alarm | null>(() => {
  version.value;
  const row = selectedRow.value;
  const shown = row && (row.kind === "group" ? row.head : row.alarm);
  return alarms.get(shown?.id ?? selected.value ?? "") ?? ended.get(shown?.id ?? "") ?? shown;
});

/** Open or close a card. */
export function toggle(cause: string): void {
  const open = new Set(openCauses.value);
  if (!open.delete(cause)) open.add(cause);
  openCauses.value = open;
}

const placeOf = (id: string | null): number => rows.peek().findIndex((row) => row.id === id);
const unseen = (id: string | null): boolean => alarms.get(id ?? "")?.acknowledged === false;
let chosen = { at: -1, unseen: false }; // where the selection stood when it was made
selected.subscribe((id) => (chosen = { at: placeOf(id), unseen: unseen(id) }));

/** Move the selection by so many rows; ±Infinity: to an end. */
export function move(by: number): void {
  const last = rows.value.length - 1;
  if (last < 0) return;
  const at = placeOf(selected.value);
  let next = at < 0 ? (by > 0 && by < last ? 0 : last) : at + by;
  // What was acknowledged has gone to the end of the list: on from where it stood, not from there.
  if (at > chosen.at && chosen.unseen && !unseen(selected.value)) next = chosen.at + by - Number(by > 0);
  selected.value = rows.value[Math.min(last, Math.max(0, next))]?.id ?? null;
}
