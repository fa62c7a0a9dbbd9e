// The page's address: `#/devices/mh-0114` is the screen `devices` with `["mh-0114"]`.
import { signal } from "@preact/signals";

export type Route = { screen: string; rest: string[] };

/** A part of an address that somebody typed: `100%` is no code, and stands for itself. */
function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const read = (): Route => {
  const [screen = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(plain);
  return { screen: screen || "desk", rest };
};

export const route = signal<Route>(read());
addEventListener("hashchange", () => (route.value = read()));

/** The address of a screen. */
export const to = (screen: string, ...rest: string[]): string => `#/${[screen, ...rest].map(encodeURIComponent).join("/")}`;
export const go = (screen: string, ...rest: string[]): void => void (location.hash = to(screen, ...rest));
