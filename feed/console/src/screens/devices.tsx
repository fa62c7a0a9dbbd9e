// All devices, and one whole: when it was last heard, what it said, what the rules say of it, and what is missing today.
import { useEffect, useMemo, useState } from "preact/hooks";
import { language, said, t, type Key } from "../i18n";
import { Chip } from "../parts/chip";
import { Show, useLoad } from "../parts/load";
import { Empty } from "../parts/states";
import { Table } from "../parts/table";
import { route, to } from "../route";
import { alarms, version, watchers } from "../state";
import { figure, span, when } from "../time";
import type { Alarm, Device, DeviceDetail } from "../types";
import { ShowAll, Some, useAll } from "./lists";

const STATES: Device["state"][] = ["heard", "silent", "cut_off", "unheard"];
const SIGN: Record<Device["state"], string> = { heard: "●", silent: "○", cut_off: "⦸", unheard: "◌" };

export default function Screen() {
  const all = useAll<Device>("/devices", "devices", 60);
  const id = route.value.rest[0] ?? null;
  return (
    <div class={`screen beside ${id ? "chosen" : ""}`}>
      <h1>{t("nav.devices")}</h1>
      <div class="stack">
        <ShowAll of={all}>{(rows) => (rows.length ? <List rows={rows} id={id} /> : <Empty>{t("devices.empty")}</Empty>)}</ShowAll>
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
  const counts = useMemo(() => Object.fromEntries(STATES.map((one) => [one, rows.filter((row) => row.state === one).length])), [rows]);
  const sought = text.trim().toLowerCase();
  const found = rows.filter((one) =>
    (!state || one.state === state) && (!family || one.family === family) &&
    (!sought || [one.id, one.name, one.site, one.model].some((word) => word?.toLowerCase().includes(sought))));
  const ringing = byDevice();
  return (
    <>
      <div class="filter panel" role="search">
        <label class="wide">{t("devices.find")}<input type="search" value={text} onInput={(event) => setText(event.currentTarget.value)} /></label>
        <label>
          {t("devices.state")}
          <select onChange={(event) => setState(event.currentTarget.value)}>
            <option value="">{t("list.all")} ({rows.length})</option>
            {STATES.map((one) => <option key={one} value={one}>{t(`devices.state.${one}`)} ({counts[one]})</option>)}
          </select>
        </label>
        <label>
          {t("devices.family")}
          <select onChange={(event) => setFamily(event.currentTarget.value)}>
            <option value="">{t("list.all")}</option>
            {families.map((one) => <option key={one} value={one}>{familyOf(one)}</option>)}
          </select>
        </label>
      </div>
      {found.length ? (
        <Some rows={found}>
          {(some) => (
            <Table label={t("nav.devices")} rows={some} id={(one) => one.id} columns={[
              { key: "device", head: t("devices.device"), cell: (one) => <><a href={to("devices", one.id)} aria-current={one.id === id ? "true" : undefined}>{one.name ?? one.id}</a><small>{[one.name && one.id, one.site].filter(Boolean).join(" · ")}</small></> },
              { key: "condition", head: t("devices.state"), cell: (one) => <Heard state={one.state} /> },
              { key: "time", head: t("devices.heard"), cell: (one) => when(one.last_heard) },
              { key: "model", head: t("devices.model"), cell: (one) => <>{one.model}<small>{familyOf(one.family)}</small></> },
              { key: "alarms", head: t("devices.alarms"), cell: (one) => <Ringing those={ringing.get(one.id) ?? []} /> },
            ]} />
          )}
        </Some>
      ) : <Empty>{t("devices.none")}</Empty>}
    </>
  );
}

/** A family of devices as people call it; the id where the catalogue has no word. */
export function familyOf(family: string): string {
  return family === "dust" || family === "manhole" || family === "parking" ? t(`family.${family}`) : family;
}

export const Heard = ({ state }: { state: Device["state"] }) => (
  <span class={`heard ${state}`}><span aria-hidden="true">{SIGN[state]}</span> {t(`devices.state.${state}`)}</span>
);

function Ringing({ those }: { those: Alarm[] }) {
  const [first] = those;
  if (!first) return null;
  return <Chip priority={first.priority} quiet={!first.active || first.suppressed.length > 0}>{t(`priority.${first.priority}`)}{those.length > 1 && ` ×${those.length}`}</Chip>;
}

function One({ id }: { id: string }) {
  const found = useLoad<DeviceDetail>(`/devices/${encodeURIComponent(id)}`, 30);
  useEffect(() => {
    const look = (events: { alarm: Alarm }[]): void => {
      if (events.some(({ alarm }) => alarm.device === id)) found.again();
    };
    watchers.add(look);
    return () => void watchers.delete(look);
  }, [id]);
  return (
    <>
      <a class="back" href={to("devices")}>← {t("devices.back")}</a>
      <Show of={found}>{(device) => <Detail device={device} />}</Show>
    </>
  );
}

function Detail({ device }: { device: DeviceDetail }) {
  version.value;
  const standing = [...alarms.values()].filter((alarm) => alarm.device === device.id);
  const known = (name: string): string => (language.value === "zh" ? device.quantities[name]?.zh : device.quantities[name]?.en) ?? name;
  const told = (of: Record<string, number | boolean | string>): [string, string][] =>
    Object.entries(of).map(([name, value]) => [known(name), `${typeof value === "string" ? value : figure(value)} ${device.quantities[name]?.unit ?? UNITS[name] ?? ""}`]);
  const frame = device.last_frame;
  const { refused, ...counted } = device.counted;
  return (
    <article class="stack">
      <header>
        <h2>{device.name ?? device.id}</h2>
        <p><Heard state={device.state} /> {when(device.last_heard)}</p>
        {device.permit && <p class="notice">{t("devices.permit", { ...device.permit, until: when(device.permit.until) })}</p>}
        <p class="row">
          <a href={to("journal", "device", device.id)}>{t("devices.journal")}</a>
          {device.at && <a href={to("map", device.id)}>{t("nav.map")}</a>}
          {device.camera && <a href={device.camera} target="_blank" rel="noopener noreferrer">{t("devices.camera")}</a>}
        </p>
      </header>
      {standing.map((alarm) => (
        <p key={alarm.id} class="row"><Chip priority={alarm.priority} quiet={!alarm.active} /> <span>{said(alarm.text, alarm.rule)}</span><small>{t(`state.${alarm.state}`)}</small></p>
      ))}
      <Facts title="devices.values" pairs={told(Object.fromEntries(Object.entries(device.values).filter(([name]) => !(name in device.battery) && !(name in device.radio))))} />
      <Facts title="devices.battery" pairs={told(device.battery)} />
      <Facts title="devices.radio" pairs={told(device.radio)} />
      <section>
        <h3>{t("devices.verdicts")}</h3>
        <Table label={t("devices.verdicts")} rows={device.verdicts} id={(one) => one.alarm} columns={[
          { key: "rule", head: t("devices.rule"), cell: (one) => <>{one.rule}{one.quantity && <small>{known(one.quantity)}</small>}</> },
          { key: "verdict", head: t("devices.verdict"), cell: (one) => <><strong class={`verdict ${one.verdict}`}>{t(`devices.verdict.${one.verdict}`)}</strong>{one.cause && <small>{t(`devices.cause.${one.cause}`)}</small>}</> },
          { key: "time", head: t("devices.since"), cell: (one) => when(one.since) },
        ]} />
      </section>
      {Object.keys(device.coverage).length > 0 && (
        <section>
          <h3>{t("devices.coverage")}</h3>
          <dl class="facts">
            {Object.entries(device.coverage).map(([name, { minutes, of }]) => (
              <div key={name}><dt>{known(name)}</dt><dd><meter min={0} max={of} value={minutes} aria-label={known(name)} /> {t("devices.coverage_say", { n: minutes, of })}</dd></div>
            ))}
          </dl>
        </section>
      )}
      <section>
        <h3>{t("devices.frame")}</h3>
        {frame ? <p>{when(frame.at)} · {frame.source} {frame.place}<small>#{frame.sequence} · {t("devices.bytes", { n: frame.bytes })} · {frame.what} {frame.flags}</small></p> : <p class="hint">{t("devices.frame_none")}</p>}
        {!device.whole && <p class="hint">{t("devices.not_whole")}</p>}
      </section>
      <Facts title="devices.facts" pairs={Object.entries(device.facts)} />
      <Facts title="devices.device" pairs={[
        ["ID", device.id],
        [t("devices.model"), device.model],
        [t("devices.address"), device.address],
        [t("journal.site"), [device.district, device.site].filter(Boolean).join(" · ")],
        [t("devices.at"), device.at ? device.at.map((one) => one.toFixed(5)).join(", ") : ""],
        [t("devices.interval"), span(device.interval_s)],
        [t("devices.via"), device.via.join(" → ")],
        ...Object.entries(device.labels),
        [t("devices.clock"), device.clock_offset_s === null ? "" : span(Math.abs(device.clock_offset_s)).replace(/^/, device.clock_offset_s < 0 ? "−" : "")],
        [t("devices.counted"), t("devices.counted_say", { ...counted, refused: Object.values(refused).reduce((sum, n) => sum + n, 0) })],
      ]} />
    </article>
  );
}

const UNITS: Record<string, string> = { battery_v: "V", battery_pct: "%", rssi_dbm: "dBm", snr_db: "dB", rsrp_dbm: "dBm", sinr_db: "dB" };

function Facts({ title, pairs }: { title: Key; pairs: [string, string][] }) {
  const told = pairs.filter(([, value]) => value);
  if (!told.length) return null;
  return (
    <section>
      <h3>{t(title)}</h3>
      <dl class="facts">{told.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
    </section>
  );
}
