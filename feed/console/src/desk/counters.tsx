// What stands, in one line: by priority, what is withheld, how much came lately, whether it is a flood, whose shift.
import { useRef } from "preact/hooks";
import { t } from "../i18n";
import { Chip } from "../parts/chip";
import { to } from "../route";
import { hour, shiftName } from "../time";
import type { Priority } from "../types";
import { counts, filter, grouping, isGrouped, summary, withheld } from "./rows";

const PRIORITIES: Priority[] = [1, 2, 3, 4];

export function pick(priority: Priority): void {
  filter.value = { ...filter.value, priority: filter.value.priority === priority ? null : priority };
}

export function Counters() {
  const words = useRef<HTMLInputElement>(null);
  const now = summary.value;
  return (
    <section class="counters" aria-label={t("desk.counts")}>
      <ul id="counts" title={t("desk.counts")}>
        {PRIORITIES.map((priority) => {
          const { unacked, total } = counts.value[priority];
          return (
            <li key={priority}>
              <button
                type="button"
                class="plain"
                aria-pressed={filter.value.priority === priority}
                onClick={() => pick(priority)}
              >
                <Chip priority={priority} quiet={total === 0}>{t(`priority.${priority}`)} {unacked}/{total}</Chip>
              </button>
            </li>
          );
        })}
      </ul>
      <ul class="facts">
        {(["SHELVED", "SUPPRESSED", "OUT_OF_SERVICE"] as const).map((state) => (
          <li key={state}>
            <a class={withheld.value[state] ? "some" : ""} href={to("shelf")}>{t(`withheld.${state}`, { n: withheld.value[state] })}</a>
          </li>
        ))}
        {now && <li>{t("desk.last10", { n: now.last_10_min })}</li>}
        {now?.flood.active && <li class="flood">{t("desk.flood")}</li>}
        {now?.shift && <li>{t("desk.shift", { name: shiftName(now.shift.name), time: hour(now.shift.until).slice(0, 5) })}</li>}
      </ul>
      <span class="find">
        <label class="check">
          <input type="checkbox" checked={isGrouped.value} onChange={(event) => (grouping.value = event.currentTarget.checked)} />
          {t("desk.grouped")}
        </label>
        <input
          ref={words}
          id="filter"
          type="search"
          aria-label={t("desk.filter")}
          placeholder={t("desk.filter.hint")}
          value={filter.value.words}
          onInput={(event) => (filter.value = { ...filter.value, words: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key !== "Escape" && event.key !== "Enter") return;
            if (event.key === "Escape") filter.value = { ...filter.value, words: "" };
            document.getElementById("rows")?.focus();
          }}
        />
      </span>
    </section>
  );
}
