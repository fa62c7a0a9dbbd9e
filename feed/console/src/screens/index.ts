// Every screen beside the duty desk, in the order of the navigation.
import type { ComponentType } from "preact";
import type { Action } from "../types";

type Screen = { load: () => Promise<{ default: ComponentType }>; asks: Action };

/** asks: what one must be allowed to do to find it in the navigation. */
export const SCREENS = {
  map: { load: () => import("./map"), asks: "see" },
  shelf: { load: () => import("./shelf"), asks: "see" },
  journal: { load: () => import("./journal"), asks: "see" },
  kpi: { load: () => import("./kpi"), asks: "see" },
  devices: { load: () => import("./devices"), asks: "see" },
  parking: { load: () => import("./parking"), asks: "see" },
  reports: { load: () => import("./reports"), asks: "see" },
  handover: { load: () => import("./handover"), asks: "see" },
  people: { load: () => import("./people"), asks: "administer" },
  audit: { load: () => import("./audit"), asks: "audit_own" },
} satisfies Record<string, Screen>;

export type Name = keyof typeof SCREENS;
