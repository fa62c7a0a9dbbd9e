// What this page knows of the gateway: alarms, the line to them, and how old its knowledge is.
import { computed, signal } from "@preact/signals";
import { stands } from "./desk/order";
import { listen } from "./feed";
import type { Said } from "./line";
import type { Alarm, AlarmEvent } from "./types";

const DEAD_MS = 30_000; // three heartbeats

export type Link = {
  open: boolean;
  problem: { status: number; word: string } | null; // why it does not come up
  pictured: boolean; // whether the alarms were ever read
  known: number; // number of the last event in the picture
  newest: number | null; // what the last heartbeat said there is
  heardMs: number | null; // when the gateway last said something
  dead: boolean; // nothing for over 30 s
  offline: boolean; // the browser itself says that there is no network
};

/** Alarms by id. Held by `version`, which counts the changes: read it to be told again. */
export const alarms = new Map<string, Alarm>();
export const version = signal(0);
export const gateway = signal("");
export const link = signal<Link>({
  open: false, problem: null, pictured: false, known: -1, newest: null, heardMs: null, dead: false, offline: false,
});
/** Whether what is shown is what there is: all events up to the gateway's last are in it. */
export const current = computed(() => {
  const { open, pictured, known, newest, dead } = link.value;
  return open && pictured && !dead && newest !== null && known >= newest;
});
/** The gateway's civil time, by this browser's clock corrected with the last heartbeat. */
export const skewMs = signal(0);
export const nowMs = (): number => Date.now() + skewMs.value;
/** Goes up each second: read it where a duration is shown. */
export const second = signal(0);

/** Those who want each event as it comes (sound, histories). */
export const watchers = new Set<(events: AlarmEvent[]) => void>();

const heard = { wall: Date.now(), mono: performance.now() }; // two clocks, for one stops in sleep, one can be set

function hear(change: Partial<Link>): void {
  heard.wall = Date.now();
  heard.mono = performance.now();
  link.value = { ...link.value, heardMs: nowMs(), dead: false, offline: false, ...change };
}

function take(said: Said): void {
  if (said.kind === "link") {
    link.value = { ...link.value, open: said.open, problem: said.problem, ...(said.open ? {} : { newest: null }) };
  } else if (said.kind === "picture") {
    alarms.clear();
    ended.clear();
    for (const alarm of said.alarms) alarms.set(alarm.id, alarm);
    gateway.value = said.gateway;
    link.value = { ...link.value, pictured: true, known: said.known, newest: null };
    changed.all = true;
    version.value++;
  } else if (said.kind === "events") {
    for (const { alarm } of said.events) put(alarm);
    hear({ known: said.events.at(-1)?.number ?? link.value.known });
    version.value++;
    for (const watcher of watchers) watcher(said.events);
  } else {
    skewMs.value = Date.parse(said.time) - Date.now();
    hear({ newest: said.last });
  }
}

/** What has changed since the table last looked. */
export const changed = { all: true, ids: new Set<string>() };

/** Alarms that have ended since the whole picture came, as they ended: a row that is held still, or the detail, has them. */
export const ended = new Map<string, Alarm>();

/** Put an alarm over what is known of it, unless that is newer. */
export function put(alarm: Alarm): void {
  const old = alarms.get(alarm.id) ?? ended.get(alarm.id);
  if (old && old.event > alarm.event) return;
  const [into, from] = stands(alarm) ? [alarms, ended] : [ended, alarms];
  from.delete(alarm.id);
  into.set(alarm.id, alarm);
  changed.ids.add(alarm.id);
}

let again: () => void = () => {};

/** Begin to listen. */
export function begin(): void {
  again = listen(take);
  // Tried at once, for a machine without a network still reaches a gateway on itself: then a heartbeat takes it back.
  addEventListener("offline", () => {
    link.value = { ...link.value, dead: true, offline: true };
    again();
  });
  addEventListener("online", () => again());
  setInterval(() => {
    const silent = Math.max(Date.now() - heard.wall, performance.now() - heard.mono);
    if (silent > DEAD_MS && !link.value.dead) link.value = { ...link.value, dead: true };
    second.value++;
  }, 1_000);
}

/** Let the line begin anew, after a login. */
export const reconnect = (): void => again();
