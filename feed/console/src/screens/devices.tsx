// All devices, and beside them the one that was chosen.
import { useMemo, useState } from "preact/hooks";
import { t } from "../i18n";
import { Chip } from "../parts/chip";
import { Empty } from "../parts/states";
import { Table } from "../parts/table";
import { route, to } from "../route";
import { alarms, version } from "../state";
import { when } from "../time";
import type { Alarm, Device } from "../types";
import { Heard, One } from "./device";
import { ShowAll, Some, useAll } from "./lists";

const STATES: Device["state"][] = ["heard", "silent", "cut_off", "unheard"];

export default function Screen() {
  const all = useAll<Device>("/devices", "devices", 60);
  const id = route.value.rest[0] ?? null;
  return (
    <div class={`screen beside ${id ? "chosen" : ""}`}>
      <h1>{t("nav.devices")}</h1>
      <div class="stack">
        <ShowAll of={all}>
          {(rows) => (rows.length ? <List rows={rows} id={id} /> : <Empty>{t("devices.empty")}</Empty>)}
        </ShowAll>
      </div>
      <aside class="panel" aria-label={t("devices.device")}>
        {id ? <One key={id} id={id} /> : <Empty>{t("devices.pick")}</Empty>}
      </aside>
    </div>
  );
}

/** Alarms by device, as long as somebody looks. */
function byDevice(): Map<string, Alarm[]> {
  version.value;
  const found = new Map<string, Alarm[]>();
  for (const alarm of alarms.values()) {
    if (alarm.device) found.set(alarm.device, [...(found.get(alarm.device) ?? []), alarm]);
  }
  for (const list of found.values()) list.sort((a, b) => a.priority - b.priority);
  return found;
}

function List({ rows, id }: { rows: Device[]; id: string | null }) {
  const [text, setText] = useState("");
  const [state, setState] = useState("");
  const [family, setFamily] = useState("");
  const families = useMemo(() => [...new Set(rows.map((one) => one.family))].sort(), [rows]);
  const counts = useMemo(
    () => Object.fromEntries(STATES.map((one) => [one, rows.filter((row) => row.state === one).length])),
    [rows],
  );
  const sought = text.trim().toLowerCase();
  const found = rows.filter(
    (one) =>
      (!state || one.state === state) &&
      (!family || one.family === family) &&
      (!sought || [one.id, one.name, one.site, one.model].some((word) => word?.toLowerCase().includes(sought))),
  );
  const ringing = byDevice();
  return (
    <>
      <div class="filter panel" role="search">
        <label class="wide">
          {t("devices.find")}
          <input type="search" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <label>
          {t("devices.state")}
          <select onChange={(event) => setState(event.currentTarget.value)}>
            <option value="">
              {t("list.all")} ({rows.length})
            </option>
            {STATES.map((one) => (
              <option key={one} value={one}>
                {t(`devices.state.${one}`)} ({counts[one]})
              </option>
            ))}
          </select>
        </label>
        <label>
          {t("devices.family")}
          <select onChange={(event) => setFamily(event.currentTarget.value)}>
            <option value="">{t("list.all")}</option>
            {families.map((one) => (
              <option key={one} value={one}>
                {familyOf(one)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {found.length ? (
        <Some rows={found}>
          {(some) => (
            <Table
              label={t("nav.devices")}
              rows={some}
              id={(one) => one.id}
              columns={[
                {
                  key: "device",
                  head: t("devices.device"),
                  cell: (one) => (
                    <>
                      <a href={to("devices", one.id)} aria-current={one.id === id ? "true" : undefined}>
                        {one.name ?? one.id}
                      </a>
                      <small>{[one.name && one.id, one.site].filter(Boolean).join(" · ")}</small>
                    </>
                  ),
                },
                { key: "condition", head: t("devices.state"), cell: (one) => <Heard state={one.state} /> },
                { key: "time", head: t("devices.heard"), cell: (one) => when(one.last_heard) },
                {
                  key: "model",
                  head: t("devices.model"),
                  cell: (one) => (
                    <>
                      {one.model}
                      <small>{familyOf(one.family)}</small>
                    </>
                  ),
                },
                {
                  key: "alarms",
                  head: t("devices.alarms"),
                  cell: (one) => <Ringing those={ringing.get(one.id) ?? []} />,
                },
              ]}
            />
          )}
        </Some>
      ) : (
        <Empty>{t("devices.none")}</Empty>
      )}
    </>
  );
}

/** A family of devices as people call it; the id where the catalogue has no word. */
function familyOf(family: string): string {
  return family === "dust" || family === "manhole" || family === "parking" ? t(`family.${family}`) : family;
}

function Ringing({ those }: { those: Alarm[] }) {
  const [first] = those;
  if (!first) return null;
  return (
    <Chip priority={first.priority} quiet={!first.active || first.suppressed.length > 0}>
      {t(`priority.${first.priority}`)}
      {those.length > 1 && ` ×${those.length}`}
    </Chip>
  );
}
