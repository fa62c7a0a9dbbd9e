// Keys: every action of the duty desk has one. They rest while somebody writes, a dialog is open, or one is coming.
import { signal } from "@preact/signals";
import type { Key } from "./i18n";

export type Binding = { key: string; shown: string; does: Key; run: (event: KeyboardEvent) => void };

const layers: Binding[][] = [];

/** Whether the help is open. */
export const help = signal(false);

/** Bind these until the returned function is called; the newest layer is asked first. */
export function bind(bindings: Binding[]): () => void {
  layers.push(bindings);
  return () => void layers.splice(layers.indexOf(bindings), 1);
}

/** All that is bound now, for the help. */
export const bound = (): Binding[] => layers.flat();

const writing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select");

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open], .coming [role=status]")) return;
  if (writing(event.target) && event.key !== "Escape") return;
  const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const name = event.shiftKey && /^[a-z]$/.test(pressed) ? `Shift+${pressed}` : pressed;
  // Enter and space belong to what has the focus and can be pressed.
  if (/^(Enter| )$/.test(name) && event.target instanceof HTMLElement && event.target.closest("button, a, summary, input")) return;
  for (const layer of [...layers].reverse()) {
    const found = layer.find(({ key }) => key === name);
    if (!found) continue;
    event.preventDefault();
    found.run(event);
    return;
  }
});
