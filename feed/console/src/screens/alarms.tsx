// What the screens show of alarms.
import { said, t } from "../i18n";
import { Chip } from "../parts/chip";
import type { Column } from "../parts/table";
import { to } from "../route";
import { alarms, version } from "../state";
import { measured } from "../time";
import type { Alarm, State } from "../types";

const due = (alarm: Alarm): string =>
  alarm.shelved_until ?? alarm.out_until ?? `~${alarm.priority}${alarm.since ?? ""}`;

/** Alarms in some states: those first whose withholding ends first, else the most urgent and oldest. */
export const inState = (...states: State[]): Alarm[] => {
  version.value; // asked again when anything has changed
  return [...alarms.values()]
    .filter((alarm) => states.includes(alarm.state))
    .sort((a, b) => due(a).localeCompare(due(b)));
};

/** Which alarm: priority, words, place. */
export const what = (): Column<Alarm>[] => [
  {
    key: "priority",
    head: t("list.priority"),
    cell: (alarm) => <Chip priority={alarm.priority} quiet={!alarm.active} />,
  },
  { key: "text", head: t("list.alarm"), cell: (alarm) => <Words alarm={alarm} /> },
  { key: "place", head: t("list.place"), cell: (alarm) => <Place alarm={alarm} /> },
];

export function Words({ alarm }: { alarm: Alarm }) {
  return (
    <>
      {said(alarm.text, alarm.rule)}
      <small>{[measured(alarm), t(`state.${alarm.state}`)].filter(Boolean).join(" · ")}</small>
    </>
  );
}

export function Place({ alarm }: { alarm: Alarm }) {
  return (
    <>
      {alarm.device ? (
        <a href={to("devices", alarm.device)}>{alarm.name ?? alarm.device}</a>
      ) : (
        (alarm.name ?? alarm.subject)
      )}
      {alarm.site && <small>{alarm.site}</small>}
    </>
  );
}
