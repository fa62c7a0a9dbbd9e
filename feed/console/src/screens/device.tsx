// One device, whole: when it was last heard, what it said, what the rules say of it, and what is missing today.
import { useEffect } from "preact/hooks";
import { language, said, t, type Key } from "../i18n";
import { Chip } from "../parts/chip";
import { Show, useLoad } from "../parts/load";
import { Empty } from "../parts/states";
import { Table } from "../parts/table";
import { to } from "../route";
import { may } from "../session";
import { alarms, version, watchers } from "../state";
import { figure, span, when } from "../time";
import type { Alarm, Device, DeviceDetail } from "../types";
import { narrow } from "../width";
import { Frames } from "./frames";
import { useReturn } from "./fresh";

/** Drawn, for not every font has a sign for each: full, hollow, crossed out, dotted. */
const RING = "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 0 1 0-11z";
const SIGN: Record<Device["state"], string> = { heard: RING, silent: RING, cut_off: `${RING}M4 4l8 8`, unheard: RING };

export const Heard = ({ state }: { state: Device["state"] }) => (
  <span class={`heard ${state}`}>
    <svg viewBox="0 0 16 16" aria-hidden="true"><path d={SIGN[state]} /></svg> {t(`devices.state.${state}`)}
  </span>
);

export function One({ id }: { id: string }) {
  const found = useLoad<DeviceDetail>(`/devices/${encodeURIComponent(id)}`, 30);
  useEffect(() => {
    const look = (events: { alarm: Alarm }[]): void => {
      if (events.some(({ alarm }) => alarm.device === id)) found.again();
    };
    watchers.add(look);
    return () => void watchers.delete(look);
  }, [id]);
  useReturn(found.again);
  return (
    <>
      <a class="back" href={to("devices")}>
        ← {t("devices.back")}
      </a>
      {found.problem?.status === 404 ? (
        <Empty>{t("devices.unknown", { id })}</Empty>
      ) : (
        <Show of={found}>{(device) => <Detail device={device} came={found.again} />}</Show>
      )}
    </>
  );
}

function Detail({ device, came }: { device: DeviceDetail; came: () => void }) {
  version.value;
  const standing = [...alarms.values()].filter((alarm) => alarm.device === device.id);
  const known = (name: string): string =>
    (language.value === "zh" ? device.quantities[name]?.zh : device.quantities[name]?.en) ?? name;
  const told = (of: Record<string, number | boolean | string>): [string, string][] =>
    Object.entries(of).map(([name, value]) => [
      known(name),
      `${typeof value === "string" ? value : figure(value)} ${device.quantities[name]?.unit ?? UNITS[name] ?? ""}`,
    ]);
  const measured = Object.fromEntries(
    Object.entries(device.values).filter(([name]) => !(name in device.battery) && !(name in device.radio)),
  );
  // In a hand they come first: who walks looks at nothing else.
  const frames = may("engineer") && <Frames id={device.id} say={told} came={came} />;
  return (
    <article class="stack">
      <header>
        <h2>{device.name ?? device.id}</h2>
        <p>
          <Heard state={device.state} /> {when(device.last_heard)}
        </p>
        {device.permit && (
          <p class="notice">{t("devices.permit", { ...device.permit, until: when(device.permit.until) })}</p>
        )}
        <p class="row">
          <a href={to("journal", "device", device.id)}>{t("devices.journal")}</a>
          {device.at && <a href={to("map", device.id)}>{t("nav.map")}</a>}
          {device.camera && (
            <a href={device.camera} target="_blank" rel="noopener noreferrer">
              {t("devices.camera")}
            </a>
          )}
        </p>
      </header>
      {standing.map((alarm) => (
        <p key={alarm.id} class="row">
          <Chip priority={alarm.priority} quiet={!alarm.active} /> <span>{said(alarm.text, alarm.rule)}</span>
          <small>{t(`state.${alarm.state}`)}</small>
        </p>
      ))}
      {narrow.value && frames}
      <Facts title="devices.values" pairs={told(measured)} />
      <Facts title="devices.battery" pairs={told(device.battery)} />
      <Facts title="devices.radio" pairs={told(device.radio)} />
      {!narrow.value && frames}
      <Verdicts device={device} known={known} />
      <Coverage device={device} known={known} />
      {!may("engineer") && <LastFrame device={device} />}
      {!device.whole && <p class="hint">{t("devices.not_whole")}</p>}
      <Facts title="devices.facts" pairs={Object.entries(device.facts)} />
      <Facts title="devices.device" pairs={identity(device)} />
    </article>
  );
}

type Part = { device: DeviceDetail; known: (quantity: string) => string };

function Verdicts({ device, known }: Part) {
  return (
    <section>
      <h3>{t("devices.verdicts")}</h3>
      <Table
        label={t("devices.verdicts")}
        rows={device.verdicts}
        id={(one) => one.alarm}
        columns={[
          {
            key: "rule",
            head: t("devices.rule"),
            cell: (one) => (
              <>
                {one.rule}
                {one.quantity && <small>{known(one.quantity)}</small>}
              </>
            ),
          },
          {
            key: "verdict",
            head: t("devices.verdict"),
            cell: (one) => (
              <>
                <strong class={`verdict ${one.verdict}`}>{t(`devices.verdict.${one.verdict}`)}</strong>
                {one.cause && <small>{t(`devices.cause.${one.cause}`)}</small>}
              </>
            ),
          },
          { key: "time", head: t("devices.since"), cell: (one) => when(one.since) },
        ]}
      />
    </section>
  );
}

function Coverage({ device, known }: Part) {
  const covered = Object.entries(device.coverage);
  if (!covered.length) return null;
  return (
    <section>
      <h3>{t("devices.coverage")}</h3>
      <dl class="facts">
        {covered.map(([name, { minutes, of }]) => (
          <div key={name}>
            <dt>{known(name)}</dt>
            <dd>
              <meter min={0} max={of} value={minutes} aria-label={known(name)} />{" "}
              {t("devices.coverage_say", { n: minutes, of })}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function LastFrame({ device: { last_frame: frame } }: { device: DeviceDetail }) {
  return (
    <section>
      <h3>{t("devices.frame")}</h3>
      {frame ? (
        <p>
          {when(frame.at)} · {frame.source} {frame.place}
          <small>
            #{frame.sequence} · {t("devices.bytes", { n: frame.bytes })} · {frame.what} {frame.flags}
          </small>
        </p>
      ) : (
        <p class="hint">{t("devices.frame_none")}</p>
      )}
    </section>
  );
}

/** What is registered of it, and what was counted. */
function identity(device: DeviceDetail): [string, string][] {
  const { refused, ...counted } = device.counted;
  const offset = device.clock_offset_s;
  return [
    ["ID", device.id],
    [t("devices.model"), device.model],
    [t("devices.address"), device.address],
    [t("journal.site"), [device.district, device.site].filter(Boolean).join(" · ")],
    [t("devices.at"), device.at ? device.at.map((one) => one.toFixed(5)).join(", ") : ""],
    [t("devices.interval"), span(device.interval_s)],
    [t("devices.via"), device.via.join(" → ")],
    ...Object.entries(device.labels),
    [t("devices.clock"), offset === null ? "" : `${offset < 0 ? "−" : ""}${span(Math.abs(offset))}`],
    [
      t("devices.counted"),
      t("devices.counted_say", { ...counted, refused: Object.values(refused).reduce((sum, n) => sum + n, 0) }),
    ],
  ];
}

const UNITS: Record<string, string> = {
  battery_v: "V",
  battery_pct: "%",
  rssi_dbm: "dBm",
  snr_db: "dB",
  rsrp_dbm: "dBm",
  sinr_db: "dB",
};

function Facts({ title, pairs }: { title: Key; pairs: [string, string][] }) {
  const told = pairs.filter(([, value]) => value);
  if (!told.length) return null;
  return (
    <section>
      <h3>{t(title)}</h3>
      <dl class="facts">
        {told.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
