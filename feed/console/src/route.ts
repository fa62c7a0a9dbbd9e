// The page's address: `#/devices/mh-0114` is the screen `devices` with `["mh-0114"]`.
import { signal } from "@preact/signals";

export type Route = { screen: string; rest: string[] };

const read = (): Route => {
  const [screen = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return { screen: screen || "desk", rest };
};

export const route = signal<Route>(read());
addEventListener("hashchange", () => (route.value = read()));

/** The address of a screen. */
export const to = (screen: string, ...rest: string[]): string => `#/${[screen, ...rest].map(encodeURIComponent).join("/")}`;
export const go = (screen: string, ...rest: string[]): void => void (location.hash = to(screen, ...rest));
