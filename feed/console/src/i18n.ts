// The words of the console: one catalogue in two languages. Those of the other language, and of the other screens, come
// when they are first needed.
import { signal } from "@preact/signals";
import type { Text } from "./types";

export type Key = keyof typeof import("./i18n/zh.json");
export type Language = "zh" | "en";
type Words = Record<string, string>;

const KEPT = "language";
const PARTS: Record<Language, { desk: () => Promise<{ default: Words }>; rest: () => Promise<{ default: Words }> }> = {
  zh: { desk: () => import("./i18n/zh.json?desk"), rest: () => import("./i18n/zh.json?rest") },
  en: { desk: () => import("./i18n/en.json?desk"), rest: () => import("./i18n/en.json?rest") },
};
const words: Record<Language, Words> = { zh: {}, en: {} };
let all = false; // whether the words of the other screens are wanted

export const language = signal<Language>("zh");

/** Show the page in this language, and remember it. Resolves when its words are here. */
export async function speak(wanted: Language, keep = true): Promise<void> {
  const { desk, rest } = PARTS[wanted];
  const parts = await Promise.all(all ? [desk(), rest()] : [desk()]);
  for (const part of parts) Object.assign(words[wanted], part.default);
  language.value = wanted;
  document.documentElement.lang = wanted === "zh" ? "zh-CN" : "en";
  if (keep) localStorage.setItem(KEPT, wanted);
}

/** Fetch the words of the other screens too. */
export async function speakOfAll(): Promise<void> {
  all = true;
  await speak(language.value, false);
}

/** What this browser was told before, or null. */
export const spoken = (): Language | null => localStorage.getItem(KEPT) as Language | null;

/** A text of the catalogue; `{n}` is filled in, `{n:device|devices}` is one or many. */
export function t(key: Key, given: Record<string, string | number> = {}): string {
  const text = words[language.value][key] ?? "";
  return text.replace(/\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g, (_, name: string, one?: string, many?: string) =>
    one === undefined ? String(given[name] ?? "") : String(given[name] === 1 ? one : many),
  );
}

/** A text that the gateway gives in both languages; `or` where it has none. */
export const said = (text: Text | null | undefined, or = ""): string =>
  text ? text[language.value] || text.zh || or : or;
