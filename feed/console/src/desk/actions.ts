// What can be done to an alarm now, by whom; and which dialog is open for it.
import { signal } from "@preact/signals";
import { send, type Kind } from "../commands";
import { may, me } from "../session";
import { alarms, link } from "../state";
import type { Alarm } from "../types";
import { hold, selected, selectedRow } from "./rows";

export type Doing = Kind | "dispatch";
export type Act = { kind: Doing; shown: string; first: boolean };

/** The dialog that is open: what is asked, of which alarm as it was seen, and what has been written: a session may end. */
export const asking = signal<{ kind: Doing; alarm: Alarm; words: string } | null>(null);
/** What would be acknowledged together: alarms that are shown one by one before. */
export const askingAll = signal<Alarm[] | null>(null);

const KEYS: Record<Doing, string> = {
  ack: "A", reset: "R", shelve: "H", unshelve: "U", "out-of-service": "O", "in-service": "I", comment: "C", dispatch: "D",
};

/** Those that make sense for this alarm and that the person may do, the next one first. */
export function actions(alarm: Alarm): Act[] {
  if (!alarms.has(alarm.id)) return []; // it is over
  const out = alarm.state === "OUT_OF_SERVICE";
  const shelved = alarm.suppressed.includes("shelved");
  const urgent = may("shelve_urgent");
  const can: [Doing, boolean][] = [
    ["ack", !alarm.acknowledged && may("answer")],
    ["reset", alarm.latched && !alarm.active && alarm.acknowledged && may("reset")],
    ["unshelve", shelved && may("shelve")],
    ["in-service", out && urgent],
    ["dispatch", may("answer")],
    ["shelve", !shelved && !out && (alarm.priority === 1 ? urgent : may("shelve"))],
    ["out-of-service", !out && urgent],
    ["comment", may("answer")],
  ];
  const kinds = can.filter(([, yes]) => yes).map(([kind]) => kind);
  const next: Doing[] = ["ack", "reset", "unshelve", "in-service"];
  return kinds.map((kind) => ({ kind, shown: KEYS[kind], first: next.includes(kind) }));
}

/** What was wanted, but cannot be done to the alarm, or not by this person. */
export const impossible = signal<Doing | null>(null);
selected.subscribe(() => (impossible.value = null));

/** Begin it on what is selected: an acknowledgement of one goes at once, everything else asks first. */
export function open(kind: Doing, alarm: Alarm): void {
  if (link.value.dead) return;
  const row = selectedRow.value;
  if (kind === "ack" && row?.kind === "group") return askAll(row.members);
  const can = actions(alarm).some((one) => one.kind === kind);
  impossible.value = can ? null : kind;
  if (!can) return;
  if (kind === "ack" || kind === "unshelve" || kind === "in-service") return void send(kind, alarm);
  hold("dialog", true);
  asking.value = { kind, alarm, words: "" };
}

/** Ask about those that nobody has acknowledged: never about any that are not shown. */
export function askAll(those: Alarm[]): void {
  if (link.value.dead || !may("answer")) return;
  hold("dialog", true);
  askingAll.value = those.map(({ id }) => alarms.get(id)).filter((one): one is Alarm => !!one && !one.acknowledged);
}

export function close(): void {
  asking.value = askingAll.value = null;
  hold("dialog", false);
}

let whose: string | undefined;
me.subscribe((who) => {
  if (!who) return;
  if (whose !== undefined && whose !== who.user) close(); // it was another's
  whose = who.user;
});
