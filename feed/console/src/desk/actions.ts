// What can be done to an alarm now, by whom; and which dialog is open for it.
import { signal } from "@preact/signals";
import { send, type Kind } from "../commands";
import { may, me } from "../session";
import { alarms, link } from "../state";
import type { Alarm } from "../types";
import { hold, keepStill, selected, selectedRow } from "./rows";

export type Doing = Kind | "dispatch";
export type Act = { kind: Doing; shown: string; first: boolean };

/** The dialog that is open: what is asked, of which alarm as it was seen, and what has been written: a session may end. */
export const asking = signal<{ kind: Doing; alarm: Alarm; words: string } | null>(null);
/** What would be acknowledged together: alarms that are shown one by one before. */
export const askingAll = signal<Alarm[] | null>(null);

const KEYS: Record<Doing, string> = {
  ack: "A", reset: "R", shelve: "H", unshelve: "U", "out-of-service": "O", "in-service": "I", comment: "C", dispatch: "D",
};

/** Whether the person may do it at all, and whether it makes sense for this alarm; the next one first. */
function could(alarm: Alarm): [Doing, boolean, boolean][] {
  const out = alarm.state === "OUT_OF_SERVICE";
  const shelved = alarm.suppressed.includes("shelved");
  const urgent = may("shelve_urgent");
  const stands = alarms.has(alarm.id); // else it is over
  return [
    ["ack", may("answer"), stands && !alarm.acknowledged],
    ["reset", may("reset"), stands && alarm.latched && !alarm.active && alarm.acknowledged],
    ["unshelve", may("shelve"), stands && shelved],
    ["in-service", urgent, stands && out],
    ["dispatch", may("answer"), stands],
    ["shelve", alarm.priority === 1 ? urgent : may("shelve"), stands && !shelved && !out],
    ["out-of-service", urgent, stands && !out],
    ["comment", may("answer"), stands],
  ];
}

/** What makes sense for this alarm and the person may do. */
export function actions(alarm: Alarm): Act[] {
  const kinds = could(alarm).filter(([, allowed, sensible]) => allowed && sensible).map(([kind]) => kind);
  const next: Doing[] = ["ack", "reset", "unshelve", "in-service"];
  return kinds.map((kind) => ({ kind, shown: KEYS[kind], first: next.includes(kind) }));
}

/** What was wanted, but cannot be done to the alarm, or not by this person. */
export const impossible = signal<{ kind: Doing; why: "role" | "state"; alarm: Alarm | null } | null>(null);
selected.subscribe(() => (impossible.value = null));

/** Begin it on what is selected: an acknowledgement of one goes at once, everything else asks first. */
export function open(kind: Doing, alarm: Alarm): void {
  if (link.value.dead) return;
  keepStill();
  const row = selectedRow.value;
  if (kind === "ack" && row?.kind === "group") return askAll(row.members);
  const [, allowed, sensible] = could(alarm).find(([one]) => one === kind) ?? [];
  impossible.value = allowed && sensible ? null : { kind, why: allowed ? "state" : "role", alarm };
  if (impossible.value) return;
  if (kind === "ack" || kind === "unshelve" || kind === "in-service") return void send(kind, alarm);
  hold("dialog", true);
  asking.value = { kind, alarm, words: "" };
}

/** Ask about those that nobody has acknowledged: never about any that are not shown. */
export function askAll(those: Alarm[]): void {
  if (link.value.dead) return;
  impossible.value = may("answer") ? null : { kind: "ack", why: "role", alarm: null };
  if (impossible.value) return;
  hold("dialog", true);
  askingAll.value = those.map(({ id }) => alarms.get(id)).filter((one): one is Alarm => !!one && !one.acknowledged);
}

export function close(): void {
  if (asking.value || askingAll.value) keepStill();
  asking.value = askingAll.value = null;
  hold("dialog", false);
}

let whose: string | undefined;
me.subscribe((who) => {
  if (!who) return;
  if (whose !== undefined && whose !== who.user) close(); // it was another's
  whose = who.user;
});
