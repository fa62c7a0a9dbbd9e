// The keys of the duty desk.
import { pathOf } from "../api";
import { language } from "../i18n";
import type { Binding } from "../keys";
import { go } from "../route";
import type { Priority } from "../types";
import { askAll, close, open, type Doing } from "./actions";
import { pick } from "./counters";
import { dismiss } from "./refused";
import { grouping, hold, isGrouped, keepStill, move, refresh, rows, selected, selectedAlarm, selectedRow, toggle } from "./rows";
import { visible } from "./table";

const PAGE = 15;

function step(by: number): void {
  move(by);
  document.getElementById("rows")?.focus(); // what is selected there is read aloud only where the focus is
  keepStill();
}

function first(): void {
  refresh();
  selected.value = null;
  step(1);
}

function act(kind: Doing): void {
  if (selectedAlarm.value) open(kind, selectedAlarm.value);
}

/** Every alarm that stands in sight, named one by one: never those that nobody could see. */
function ackInSight(): void {
  const ids = new Set(visible.ids());
  askAll(rows.value.filter((row) => ids.has(row.id)).flatMap((row) => (row.kind === "alarm" && !row.gone ? [row.alarm] : [])));
}

function enter(): void {
  const row = selectedRow.value;
  if (row?.kind === "group") {
    keepStill();
    toggle(row.cause);
  } else document.querySelector<HTMLElement>(".detail button:not(.back)")?.focus();
}

function evidence(): void {
  const alarm = selectedAlarm.value;
  if (alarm) window.open(`api/v1/alarms/${pathOf(alarm.id)}/explain?format=html&lang=${language.value}`, "_blank", "noopener");
}

function leave(): void {
  close();
  dismiss();
  selected.value = null;
  hold("keys", false);
  document.getElementById("rows")?.focus();
}

const does = (key: string, shown: string, kind: Doing): Binding => ({ key, shown, does: `act.${kind}`, run: () => act(kind) });

export const deskKeys: Binding[] = [
  { key: "ArrowUp", shown: "↑", does: "keys.move", run: () => step(-1) },
  { key: "ArrowDown", shown: "↓", does: "keys.move", run: () => step(1) },
  { key: "PageUp", shown: "PgUp", does: "keys.page", run: () => step(-PAGE) },
  { key: "PageDown", shown: "PgDn", does: "keys.page", run: () => step(PAGE) },
  { key: "Home", shown: "Home", does: "keys.ends", run: first },
  { key: "End", shown: "End", does: "keys.ends", run: () => step(Infinity) },
  { key: "Enter", shown: "Enter", does: "keys.open", run: enter },
  does("a", "A", "ack"),
  { key: "Shift+a", shown: "Shift+A", does: "keys.ackall", run: ackInSight },
  does("r", "R", "reset"),
  does("h", "H", "shelve"),
  does("u", "U", "unshelve"),
  does("o", "O", "out-of-service"),
  does("i", "I", "in-service"),
  does("c", "C", "comment"),
  does("d", "D", "dispatch"),
  { key: "m", shown: "M", does: "keys.map", run: () => go("map", ...(selectedAlarm.value?.device ? [selectedAlarm.value.device] : [])) },
  { key: "e", shown: "E", does: "keys.evidence", run: evidence },
  { key: "/", shown: "/", does: "keys.filter", run: () => document.getElementById("filter")?.focus() },
  ...([1, 2, 3, 4] as Priority[]).map((n): Binding => ({ key: String(n), shown: String(n), does: "keys.priority", run: () => pick(n) })),
  { key: "g", shown: "G", does: "keys.group", run: () => void (grouping.value = !isGrouped.value) },
  { key: "Escape", shown: "Esc", does: "keys.escape", run: leave },
];
