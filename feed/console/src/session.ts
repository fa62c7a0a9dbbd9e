// Who sits here, and what he may do.
import { computed, effect, signal } from "@preact/signals";
import { get, post, refused, untouchedMs } from "./api";
import { language, speak, spoken } from "./i18n";
import { begin, link, reconnect } from "./state";
import { zone } from "./time";
import type { Action, ConsoleSettings, Me } from "./types";

/** asked: nobody knows yet; out: has to log in; in. */
export const session = signal<{ is: "asked" | "out" | "in"; me: Me | null }>({ is: "asked", me: null });
/** The session has to be unlocked with the password. */
export const locked = signal(false);
export const me = computed(() => session.value.me);
export const settings = signal<ConsoleSettings | null>(null);

/** A person as he is called, and as his acts are signed. */
export const named = ({ name, user }: Me): string => (name && name !== user ? `${name} (${user})` : user);

export const may = (action: Action): boolean => me.value?.may.includes(action) ?? false;

/** The name under which commands go out over the loopback door, where nobody logs in; kept by the browser. */
export const operator = signal(localStorage.getItem("user") ?? "");

function refuse(status: number): void {
  if (status === 401) session.value = { is: "out", me: null };
  if (status === 423) locked.value = true;
}

refused.listeners.push(({ status, word }) => word === "wrong-login" || refuse(status));
effect(() => refuse(link.value.problem?.status ?? 0));
effect(() => {
  if (link.value.open && session.peek().is === "out") void enter().catch(() => {});
});

// All tabs have one session: where somebody logs in or out, the others ask anew who it is.
const others = new BroadcastChannel("session");
others.onmessage = (): void => {
  const before = me.peek()?.user;
  enter().then(
    () => before && before !== me.peek()?.user && location.reload(), // what was begun here was another's
    () => {},
  );
};

let begun = false;

/** Ask the gateway who this is, and begin, or have him log in. */
export async function enter(): Promise<void> {
  await entered(await get<Me>("/me"));
}

/** Log in: with name and password, or a wall screen with its token. */
export async function login(given: { user: string; password: string } | { token: string }): Promise<void> {
  const who = await post<Me>("/login", given);
  others.postMessage("");
  await entered(who);
}

/** Go on after the lock. */
export async function unlock(password: string): Promise<void> {
  await entered(await post<Me>("/me/unlock", { password }));
}

export async function changePassword(old: string, wanted: string): Promise<void> {
  await entered(await post<Me>("/me/password", { old, new: wanted }));
}

export async function logout(): Promise<void> {
  await post("/logout");
  others.postMessage("");
  session.value = { is: "out", me: null };
}

async function entered(who: Me): Promise<void> {
  if (!who.may.includes("see")) return void (session.value = { is: "out", me: null });
  session.value = { is: "in", me: who };
  locked.value = who.locked;
  if (who.locked || who.must_change) return;
  if (!begun) begin();
  else if (link.value.problem) reconnect();
  begun = true;
  if (who.language && !spoken() && who.language !== language.value) await speak(who.language, false);
  settings.value = await get<ConsoleSettings>("/console");
  zone.value = settings.value.time_zone;
}

// ------------------------------------------------------------------------------------------------------ idle

setInterval(() => {
  const idle_s = me.value?.idle_s;
  if (idle_s && untouchedMs() > idle_s * 1000) locked.value = true;
}, 5_000);
