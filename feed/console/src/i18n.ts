// The words of the console: one catalogue in two languages. Chinese comes with the page, English when it is asked for.
import { signal } from "@preact/signals";
import zh from "./i18n/zh.json";
import type { Text } from "./types";

export type Key = keyof typeof zh;
export type Language = "zh" | "en";
type Catalogue = Record<Key, string>;

const KEPT = "language";
const catalogues: Partial<Record<Language, Catalogue>> = { zh };

export const language = signal<Language>("zh");

/** Show the page in this language, and remember it. Resolves when its catalogue is here. */
export async function speak(wanted: Language, keep = true): Promise<void> {
  catalogues[wanted] ??= (await import("./i18n/en.json")).default as Catalogue;
  language.value = wanted;
  document.documentElement.lang = wanted === "zh" ? "zh-CN" : "en";
  if (keep) localStorage.setItem(KEPT, wanted);
}

/** What this browser was told before, or null. */
export const spoken = (): Language | null => localStorage.getItem(KEPT) as Language | null;

/** A text of the catalogue; `{n}` is filled in, `{n:device|devices}` is one or many. */
export function t(key: Key, given: Record<string, string | number> = {}): string {
  const text = (catalogues[language.value] ?? zh)[key];
  return text.replace(/\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g, (_, name: string, one?: string, many?: string) =>
    one === undefined ? String(given[name] ?? "") : String(given[name] === 1 ? one : many),
  );
}

/** A text that the gateway gives in both languages; `or` where it has none. */
export const said = (text: Text | null | undefined, or = ""): string =>
  text ? text[language.value] || text.zh || or : or;
