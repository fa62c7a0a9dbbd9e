// A modal dialog: the browser's own, which keeps the focus inside, gives it back, and closes on Escape.
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { locked } from "../session";

export function Dialog(given: { title: string; onClose: () => void; wide?: boolean; children: ComponentChildren }) {
  const { title, onClose, wide = false, children } = given;
  const ref = useRef<HTMLDialogElement>(null);
  const name = useId();
  useLayoutEffect(() => {
    if (locked.value || ref.current?.open) return; // what is opened later stands above, also above the lock
    ref.current?.showModal();
    ref.current?.querySelector<HTMLElement>("[data-first]")?.focus(); // else it would be the button that closes it
  }, [locked.value]);
  const [before] = useState(() => document.activeElement);
  useLayoutEffect(() => () => giveBack(before), []);
  return (
    <dialog ref={ref} class={wide ? "wide" : ""} aria-labelledby={name} onClose={onClose}>
      <header>
        <h2 id={name}>{title}</h2>
        <button type="button" class="plain" aria-label={t("close")} onClick={() => ref.current?.close()}>
          ✕
        </button>
      </header>
      {children}
    </dialog>
  );
}

/** The browser itself gives the focus back only when a dialog is closed, not when it goes with what it was asked for. */
function giveBack(before: Element | null): void {
  setTimeout(() => {
    if (document.activeElement !== document.body) return;
    if (before instanceof HTMLElement) before.focus(); // in vain where it is gone
    if (document.activeElement === document.body) (document.getElementById("rows") ?? document.getElementById("main"))?.focus();
  });
}
