// Commands on alarms: pending until the gateway confirms, and shown with what changed when it refuses.
import { signal } from "@preact/signals";
import { command, commandId, get, pathOf, Problem } from "./api";
import { locked, me, operator } from "./session";
import { alarms, link, put, version, watchers } from "./state";
import type { Alarm } from "./types";

export type Kind = "ack" | "reset" | "shelve" | "unshelve" | "out-of-service" | "in-service" | "comment";
export type Said = { comment?: string; for_s?: number; one_shot?: boolean; until?: string; password?: string };
/** A refusal: what was seen when the command was given, and what is there now. */
export type Refusal = { problem: Problem; kind: Kind; seen: Alarm; now: Alarm | null };

const AFTER_MS = 3_000; // its event comes within a moment of the answer; without it the row must not wait for ever

/** Alarms whose command is under way, by id. */
export const pending = signal<Map<string, Kind>>(new Map());
export const refusals = signal<Refusal[]>([]);
/** A sentence for the operator who has something to do first. */
export const needsName = signal(false);

function settle(id: string): void {
  if (!pending.value.has(id)) return;
  const left = new Map(pending.value);
  left.delete(id);
  pending.value = left;
}

watchers.add((events) => events.forEach(({ alarm }) => settle(alarm.id)));

/** Give a command on an alarm as it was seen. True: the gateway has done it. */
export async function send(kind: Kind, seen: Alarm, said: Said = {}): Promise<boolean> {
  // What it would answer may have changed unseen; and who is not here gives no command.
  if (link.value.dead || locked.value) return false;
  const local = me.value?.door !== "console";
  const user = operator.value.trim();
  needsName.value = local && !user;
  if (needsName.value) return false;
  if (pending.value.has(seen.id)) return false;
  pending.value = new Map(pending.value).set(seen.id, kind);
  const body = { occurrence: seen.occurrence, command_id: commandId(), ...said, ...(local ? { user } : {}) };
  try {
    await command<Alarm>(`/alarms/${pathOf(seen.id)}/${kind}`, body);
    setTimeout(() => settle(seen.id), AFTER_MS);
    refusals.value = refusals.value.filter((one) => one.seen.id !== seen.id); // what was refused before is done
    return true;
  } catch (error) {
    settle(seen.id);
    if (!(error instanceof Problem)) throw error;
    if (error.status !== 401 && error.status !== 423) await tell({ problem: error, kind, seen, now: null });
    return false;
  }
}

/** The same command on several alarms, each named as it was seen; a few at a time. */
export async function sendAll(kind: Kind, those: Alarm[], said: Said = {}): Promise<void> {
  const left = [...those];
  const one = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) await send(kind, next, said);
  };
  await Promise.all([one(), one(), one(), one()]);
}

async function tell(refusal: Refusal): Promise<void> {
  const { seen, problem } = refusal;
  if (problem.status === 409) {
    // What is newer may not have come over the line yet.
    const detail = await get<{ alarm: Alarm }>(`/alarms/${pathOf(seen.id)}`).catch(() => null);
    if (detail) {
      put(detail.alarm);
      version.value++;
    }
  }
  const now = alarms.get(seen.id) ?? null;
  refusals.value = [...refusals.value.filter(({ seen: { id } }) => id !== seen.id), { ...refusal, now }];
}
