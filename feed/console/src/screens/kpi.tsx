// How good the alarm system is: the figures of ISA-18.2 beside what is aimed at and what can be managed.
import { useState } from "preact/hooks";
import { query } from "../api";
import { said, t, type Key } from "../i18n";
import { Chip } from "../parts/chip";
import { Show, useLoad } from "../parts/load";
import { Table, type Column } from "../parts/table";
import { to } from "../route";
import { nowMs } from "../state";
import { figure, span, shiftName, when } from "../time";
import type { Priority, Text } from "../types";

type Counted = { alarm: string; name: string; text: Text; priority: Priority; count: number; share_pct: number };
type Stale = Omit<Counted, "count" | "share_pct"> & { since: string; until: string | null; hours: number };
type Delay = { count: number; open: number; median_s: number | null; p95_s: number | null };
type Shift = {
  name: string;
  since: string;
  until: string;
  alarms: number;
  per_10_min_mean: number;
  per_10_min_most: number;
  to_acknowledge: Delay;
};
type Kpi = {
  from: string;
  to: string;
  alarms: number;
  periods: number[];
  per_10_min_mean: number;
  per_hour_mean: number;
  per_day_mean: number;
  per_10_min_most: number;
  per_10_min_over_ten_pct: number;
  in_flood_pct: number;
  top_pct: number;
  unauthorised_suppressions: number | null;
  floods: { since: string; until: string; alarms: number }[];
  by_priority: Record<string, number>;
  by_priority_pct: Record<string, number>;
  top: Counted[];
  chattering: Counted[];
  fleeting: Counted[];
  stale: Stale[];
  to_acknowledge: Delay;
  to_return: Delay;
  by_shift: Shift[];
  targets: Record<string, [number, number | null]>;
};

const FIGURES = [
  "per_10_min_mean",
  "per_hour_mean",
  "per_day_mean",
  "per_10_min_over_ten_pct",
  "per_10_min_most",
  "in_flood_pct",
  "top_pct",
  "chattering",
  "fleeting",
  "stale",
  "unauthorised_suppressions",
] as const;
const SPANS = { day: 1, week: 7, month: 30 } as const;
const MIX: Record<Priority, string> = { 1: "<1", 2: "5", 3: "15", 4: "80" };
const DAY_MS = 86_400_000;
const EVERY_S = 300;

export default function Screen() {
  const [wanted, setWanted] = useState<keyof typeof SPANS>("day");
  return (
    <div class="screen kpi">
      <div class="row head">
        <h1>{t("nav.kpi")}</h1>
        <div class="row" role="group" aria-label={t("kpi.span")}>
          {(Object.keys(SPANS) as (keyof typeof SPANS)[]).map((one) => (
            <button key={one} type="button" aria-pressed={one === wanted} onClick={() => setWanted(one)}>
              {t(`kpi.${one}`)}
            </button>
          ))}
        </div>
        <small>
          {t("kpi.note")} {wanted !== "month" && t("kpi.short")}
        </small>
      </div>
      <Last key={wanted} days={SPANS[wanted]} />
    </div>
  );
}

/** The last so many days, whenever it is read. */
function Last({ days }: { days: number }) {
  const found = useLoad<Kpi>("/kpi", EVERY_S, () => query({ from: new Date(nowMs() - days * DAY_MS).toISOString() }));
  return <Show of={found}>{(kpi) => <Whole kpi={kpi} />}</Show>;
}

function Whole({ kpi }: { kpi: Kpi }) {
  return (
    <>
      <Bars kpi={kpi} />
      <div class="columns">
        <section class="panel">
          <h2>{t("kpi.figures")}</h2>
          <Figures kpi={kpi} />
        </section>
        <div class="stack">
          <Mix kpi={kpi} />
          <section class="panel">
            <h2>{t("kpi.shifts")}</h2>
            <Table
              label={t("kpi.shifts")}
              rows={[...kpi.by_shift].reverse().slice(0, 21)}
              id={({ since }) => since}
              columns={[
                {
                  key: "shift",
                  head: t("kpi.shift"),
                  cell: ({ name, since }) => (
                    <>
                      {shiftName(name)}
                      <small>{when(since).slice(5, 16)}</small>
                    </>
                  ),
                },
                { key: "number", head: t("kpi.alarms"), cell: ({ alarms }) => alarms },
                { key: "number", head: t("kpi.per_10_min_most"), cell: ({ per_10_min_most }) => per_10_min_most },
                { key: "number", head: t("kpi.acked"), cell: ({ to_acknowledge }) => delay(to_acknowledge) },
              ]}
            />
          </section>
          <section class="panel">
            <h2>{t("kpi.floods")}</h2>
            <Table
              label={t("kpi.floods")}
              rows={kpi.floods}
              id={({ since }) => since}
              empty={t("kpi.no_floods")}
              columns={[
                { key: "time", head: t("devices.since"), cell: ({ since }) => when(since) },
                { key: "time", head: t("kpi.until"), cell: ({ until }) => when(until) },
                { key: "number", head: t("kpi.alarms"), cell: ({ alarms }) => alarms },
              ]}
            />
          </section>
        </div>
      </div>
      <div class="columns">
        <Actors title="kpi.top" rows={kpi.top} share count="kpi.count" />
        <div class="stack">
          <Actors title="kpi.chattering" rows={kpi.chattering} count="kpi.in_a_minute" />
          <Actors title="kpi.fleeting" rows={kpi.fleeting} count="kpi.count" />
          <section class="panel">
            <h2>
              {t("kpi.stale")} <span class="count">{kpi.stale.length}</span>
            </h2>
            <Table
              label={t("kpi.stale")}
              rows={kpi.stale}
              id={({ alarm, since }) => alarm + since}
              columns={[
                ...which<Stale>(),
                {
                  key: "number",
                  head: t("kpi.hours"),
                  cell: ({ hours, until }) => (
                    <>
                      {span(hours * 3600)}
                      {until === null && <small>{t("kpi.still")}</small>}
                    </>
                  ),
                },
              ]}
            />
          </section>
        </div>
      </div>
    </>
  );
}

const delay = ({ median_s, p95_s }: Delay): string =>
  median_s === null ? "—" : `${span(median_s)} / ${p95_s === null ? "—" : span(p95_s)}`;

/** Whose target itself is not good enough: "fewer than 5 on any day", "less than 1 %". */
const BELOW = new Set<string>(["per_10_min_over_ten_pct", "in_flood_pct", "stale"]);
const SHARES = new Set<string>(["per_10_min_over_ten_pct", "in_flood_pct", "top_pct"]);

function Figures({ kpi }: { kpi: Kpi }) {
  const rows = FIGURES.map((name) => {
    const given = kpi[name];
    const value = Array.isArray(given) ? given.length : given;
    const [target = null, most = null] = kpi.targets[name] ?? [];
    return { name, value, target, most, unit: SHARES.has(name) ? " %" : "" };
  });
  return (
    <>
      <Table
        label={t("kpi.figures")}
        rows={rows}
        id={({ name }) => name}
        columns={[
          { key: "figure", head: t("kpi.figure"), cell: ({ name }) => t(`kpi.${name}`) },
          {
            key: "number",
            head: t("kpi.value"),
            cell: ({ value, unit }) => (
              <strong>
                {figure(value)}
                {value === null ? "" : unit}
              </strong>
            ),
          },
          {
            key: "number",
            head: t("kpi.target"),
            cell: ({ name, target, unit }) => (target === null ? "—" : `${BELOW.has(name) ? "<" : "≤"} ${target}${unit}`),
          },
          { key: "number", head: t("kpi.most"), cell: ({ most, unit }) => (most === null ? "—" : `≤ ${most}${unit}`) },
          {
            key: "judged",
            head: t("kpi.judged"),
            cell: ({ name, value, target, most }) => <Judged of={judged(value, target, most, BELOW.has(name))} />,
          },
        ]}
      />
      <dl class="facts">
        {(["acked", "returned"] as const).map((name) => {
          const of = name === "acked" ? kpi.to_acknowledge : kpi.to_return;
          return (
            <div key={name}>
              <dt>{t(`kpi.${name}`)}</dt>
              <dd>
                {delay(of)} <small>{of.open > 0 && t("kpi.open", { n: of.open })}</small>
              </dd>
            </div>
          );
        })}
      </dl>
    </>
  );
}

type Judgement = "good" | "above" | "bad" | "unknown";

function judged(value: number | null, target: number | null, most: number | null, below: boolean): Judgement {
  if (value === null || target === null) return "unknown";
  if (below ? value < target : value <= target) return "good";
  return most !== null && value > most ? "bad" : "above";
}

const Judged = ({ of }: { of: Judgement }) => <span class={`judged ${of}`}>{t(`kpi.${of}`)}</span>;

const which = <T extends { alarm: string; name: string; text: Text; priority: Priority }>(): Column<T>[] => [
  { key: "priority", head: t("list.priority"), cell: ({ priority }) => <Chip priority={priority} /> },
  {
    key: "text",
    head: t("list.alarm"),
    cell: ({ alarm, name, text }) => (
      <>
        <a href={to("journal", "alarm", alarm)}>{said(text, alarm)}</a>
        <small>{name}</small>
      </>
    ),
  },
];

function Actors({ title, rows, count, share = false }: { title: Key; rows: Counted[]; count: Key; share?: boolean }) {
  return (
    <section class="panel">
      <h2>
        {t(title)} <span class="count">{rows.length}</span>
      </h2>
      <Table
        label={t(title)}
        rows={rows}
        id={({ alarm }) => alarm}
        columns={[
          ...which<Counted>(),
          { key: "number", head: t(count), cell: ({ count: n }) => n },
          ...(share
            ? [
                {
                  key: "share",
                  head: t("kpi.share"),
                  cell: ({ share_pct }: Counted) => (
                    <>
                      <meter min={0} max={100} value={share_pct} aria-label={t("kpi.share")} />{" "}
                      {figure(Math.round(share_pct * 10) / 10)} %
                    </>
                  ),
                },
              ]
            : []),
        ]}
      />
    </section>
  );
}

function Mix({ kpi }: { kpi: Kpi }) {
  return (
    <section class="panel">
      <h2>{t("kpi.mix")}</h2>
      <Table
        label={t("kpi.mix")}
        rows={[1, 2, 3, 4] as Priority[]}
        id={(priority) => priority}
        columns={[
          { key: "priority", head: t("list.priority"), cell: (priority) => <Chip priority={priority} /> },
          { key: "number", head: t("kpi.alarms"), cell: (priority) => kpi.by_priority[priority] ?? 0 },
          {
            key: "share",
            head: t("kpi.share"),
            cell: (priority) => (
              <>
                <meter min={0} max={100} value={kpi.by_priority_pct[priority] ?? 0} aria-label={t("kpi.share")} />{" "}
                {Math.round(kpi.by_priority_pct[priority] ?? 0)} %
              </>
            ),
          },
          { key: "goal", head: t("kpi.target"), cell: (priority) => t("kpi.mix_goal", { n: MIX[priority] }) },
        ]}
      />
    </section>
  );
}

const WIDTH = 1000;
const HEIGHT = 120;
const MOST_BARS = 250;

/** Bars over time; where there are more periods than room, each bar is the highest of some. */
function Bars({ kpi }: { kpi: Kpi }) {
  const per = Math.ceil(kpi.periods.length / MOST_BARS);
  const bars = Array.from({ length: Math.ceil(kpi.periods.length / per) }, (_, at) =>
    Math.max(...kpi.periods.slice(at * per, (at + 1) * per)),
  );
  const top = Math.max(12, ...bars);
  const width = WIDTH / bars.length;
  const y = (count: number): number => HEIGHT - (count / top) * HEIGHT;
  const days = [0, 0.25, 0.5, 0.75, 1].map(
    (part) => Date.parse(kpi.from) + part * (Date.parse(kpi.to) - Date.parse(kpi.from)),
  );
  return (
    <section class="panel">
      <h2>{per === 1 ? t("kpi.bars") : t("kpi.bars_most", { n: per })}</h2>
      <div class="bars">
        <span class="scale" aria-hidden="true">
          <span>{top}</span>
          <span>0</span>
        </span>
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={t("kpi.bars_say", { n: kpi.alarms, most: kpi.per_10_min_most })}
        >
          {bars.map(
            (count, at) =>
              count > 0 && (
                <rect
                  key={at}
                  class={count > 10 ? "over" : ""}
                  x={at * width}
                  y={y(count)}
                  width={Math.max(1, width * 0.8)}
                  height={HEIGHT - y(count)}
                />
              ),
          )}
          <line class="limit" x1={0} x2={WIDTH} y1={y(10)} y2={y(10)} />
        </svg>
        <span class="times" aria-hidden="true">
          {days.map((day) => (
            <span key={day}>{when(day).slice(5, 16)}</span>
          ))}
        </span>
      </div>
      <small>
        {t("kpi.flood_line")} · {t("kpi.bars_say", { n: kpi.alarms, most: kpi.per_10_min_most })}
      </small>
    </section>
  );
}
