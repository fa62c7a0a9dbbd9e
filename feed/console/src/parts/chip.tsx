// A priority is told by shape, colour and text together: none of them alone.
import type { ComponentChildren } from "preact";
import { t } from "../i18n";
import type { Priority } from "../types";

export const SHAPES: Record<Priority, string> = {
  1: "M8 .5 15.5 8 8 15.5.5 8z",
  2: "M8 1 15.5 15H.5z",
  3: "M1.5 1.5h13v13h-13z",
  4: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1z",
};

/** A filled chip: symbol and text. */
export function Chip(given: { priority: Priority; pulse?: boolean; quiet?: boolean; children?: ComponentChildren }) {
  const { priority, pulse = false, quiet = false, children } = given;
  return (
    <span class={`chip ${quiet ? "quiet" : `p${priority}`}`}>
      <svg class={pulse ? "pulse" : ""} viewBox="0 0 16 16" aria-hidden="true">
        <path d={SHAPES[priority]} />
      </svg>
      {children ?? t(`priority.${priority}`)}
    </span>
  );
}
