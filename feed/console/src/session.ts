// Who sits here, and what he may do.
import { computed, signal } from "@preact/signals";
import { get, Problem, refused } from "./api";
import type { Action, ConsoleSettings, Me } from "./types";

/** asked: nobody knows yet; out: has to log in; locked: has to unlock; in. */
export const session = signal<{ is: "asked" | "out" | "locked" | "in"; me: Me | null }>({ is: "asked", me: null });
export const me = computed(() => session.value.me);
export const settings = signal<ConsoleSettings | null>(null);

export const may = (action: Action): boolean => me.value?.may.includes(action) ?? false;

/** The name under which commands go out over the loopback door, where nobody logs in; kept by the browser. */
export const operator = signal(localStorage.getItem("user") ?? "");

refused.listeners.push(({ status }) => {
  if (status === 401) session.value = { is: "out", me: null };
  if (status === 423) session.value = { ...session.value, is: "locked" };
});

/** Ask the gateway who this is. */
export async function whoAmI(): Promise<void> {
  try {
    session.value = { is: "in", me: await get<Me>("/me") };
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 404) throw error;
    session.value = { is: "in", me: LOCAL };
  }
}

const LOCAL: Me = {
  user: "", name: "", role: "operator", door: "local", may: ["open", "self", "see", "answer", "reset", "shelve"],
  language: null, idle_s: null, must_change: false, locked: false,
};
