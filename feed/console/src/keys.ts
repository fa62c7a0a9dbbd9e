// Keys: every action of the duty desk has one. They rest while somebody writes or a dialog is open.
import type { Key } from "./i18n";

export type Binding = { key: string; shown: string; does: Key; run: (event: KeyboardEvent) => void };

const layers: Binding[][] = [];

/** Bind these until the returned function is called; the newest layer is asked first. */
export function bind(bindings: Binding[]): () => void {
  layers.push(bindings);
  return () => void layers.splice(layers.indexOf(bindings), 1);
}

/** All that is bound now, for the help. */
export const bound = (): Binding[] => layers.flat();

const writing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable);

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open]")) return;
  if (writing(event.target) && event.key !== "Escape") return;
  const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const name = event.shiftKey && /^[a-z]$/.test(pressed) ? `Shift+${pressed}` : pressed;
  // Enter and space belong to a button or link that has the focus.
  if (/^(Enter| )$/.test(name) && event.target instanceof HTMLElement && event.target.closest("button, a, summary")) return;
  for (const layer of [...layers].reverse()) {
    const found = layer.find(({ key }) => key === name);
    if (!found) continue;
    event.preventDefault();
    found.run(event);
    return;
  }
});
