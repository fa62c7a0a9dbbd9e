// Every screen beside the duty desk, in the order of the navigation, and what one must be allowed to do to find it there.
import type { ComponentType } from "preact";
import { speakOfAll } from "../i18n";
import { sheet } from "../sheet";
import type { Action } from "../types";

export const SCREENS = {
  map: "see",
  shelf: "see",
  journal: "see",
  kpi: "see",
  devices: "see",
  parking: "see",
  reports: "see",
  handover: "see",
  people: "administer",
  audit: "audit_own",
} satisfies Record<string, Action>;

export type Name = keyof typeof SCREENS;

/** Fetch one. */
export async function load(name: Name): Promise<{ default: ComponentType }> {
  const [all] = await Promise.all([import("./all"), sheet("screens.css"), speakOfAll()]);
  return { default: all[name] };
}
