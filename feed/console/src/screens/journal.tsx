// Everything that was told and by whom: the book of events, searched.
import { useState } from "preact/hooks";
import { pathOf, query } from "../api";
import { t, type Key } from "../i18n";
import { Chip } from "../parts/chip";
import { Empty } from "../parts/states";
import { Table } from "../parts/table";
import { go, route } from "../route";
import { fromZone, when } from "../time";
import type { AlarmEvent, EventKind } from "../types";
import { Place, Words } from "./alarms";
import { Newer, Onward, ShowAll, useLivePages } from "./lists";

const KINDS: EventKind[] = [
  "raised",
  "reraised",
  "returned",
  "acknowledged",
  "reset",
  "shelved",
  "unshelved",
  "out_of_service",
  "in_service",
  "commented",
  "suppressed",
  "unsuppressed",
  "amended",
  "withdrawn",
  "members",
];
const FIELDS = ["from", "to", "text", "device", "site", "alarm", "kind", "priority"] as const;
type Field = (typeof FIELDS)[number];
type Wanted = Partial<Record<Field, string>>;

/** The address holds what is looked for: `#/journal/device/mh-0114/kind/raised`. */
const wanted = (rest: string[]): Wanted =>
  Object.fromEntries(
    rest.flatMap((name, at) =>
      at % 2 === 0 && (FIELDS as readonly string[]).includes(name) ? [[name, rest[at + 1] ?? ""]] : [],
    ),
  );

export default function Screen() {
  const asked = wanted(route.value.rest);
  const times = { from: fromZone(asked.from ?? ""), to: fromZone(asked.to ?? "") };
  const path = `/journal${query({ ...asked, ...times, limit: 100 })}`;
  const found = useLivePages<AlarmEvent>(path, "events", "before", { told_ms: 1_000 });
  return (
    <div class="screen">
      <div class="row">
        <h1>{t("nav.journal")}</h1>
        <Newer of={found} />
      </div>
      <Search key={route.value.rest.join("/")} asked={asked} />
      <ShowAll of={found}>
        {(rows) => (rows.length ? <Events rows={rows} /> : <Empty>{t("journal.none")}</Empty>)}
      </ShowAll>
      <Onward of={found} />
    </div>
  );
}

function Search({ asked }: { asked: Wanted }) {
  const [open, setOpen] = useState(Object.keys(asked).some((name) => name !== "text"));
  const [given, set] = useState(asked);
  const write = (name: Field) => (event: { currentTarget: HTMLInputElement | HTMLSelectElement }) => {
    const { value } = event.currentTarget; // before the event is over
    set((was) => ({ ...was, [name]: value }));
  };
  const send = (event: SubmitEvent): void => {
    event.preventDefault();
    go(
      "journal",
      ...FIELDS.flatMap((name) => {
        const value = given[name]?.trim();
        return value ? [name, value] : [];
      }),
    );
  };
  const field = (name: Field) => (
    <label>
      {t(`journal.${name}`)}
      <input type="search" value={given[name] ?? ""} onInput={write(name)} />
    </label>
  );
  const time = (name: "from" | "to") => (
    <label class="far">
      {t(`journal.${name}`)}
      <input type="datetime-local" step="1" value={given[name] ?? ""} onInput={write(name)} />
    </label>
  );
  return (
    <form class={`filter panel ${open ? "open" : ""}`} role="search" onSubmit={send}>
      {field("text")}
      {time("from")}
      {time("to")}
      <label class="far">
        {t("journal.kind")}
        <select onChange={write("kind")}>
          <option value="">{t("list.all")}</option>
          {KINDS.map((kind) => (
            <option key={kind} value={kind} selected={given.kind === kind}>
              {t(`event.${kind}`)}
            </option>
          ))}
        </select>
      </label>
      <label class="far">
        {t("journal.priority")}
        <select onChange={write("priority")}>
          <option value="">{t("list.all")}</option>
          {["1", "2", "3", "4"].map((one) => (
            <option key={one} value={one} selected={given.priority === one}>
              {t(`priority.${one}` as Key)}
            </option>
          ))}
        </select>
      </label>
      {open && field("device")}
      {open && field("site")}
      {open && field("alarm")}
      <span class="row">
        <button type="submit" class="main">
          {t("list.search")}
        </button>
        {!open && (
          <button type="button" onClick={() => setOpen(true)}>
            {t("list.further")}
          </button>
        )}
        {Object.keys(asked).length > 0 && (
          <button type="button" onClick={() => go("journal")}>
            {t("list.clear")}
          </button>
        )}
      </span>
    </form>
  );
}

function Events({ rows }: { rows: AlarmEvent[] }) {
  return (
    <Table
      label={t("nav.journal")}
      rows={rows}
      id={(event) => event.number}
      columns={[
        {
          key: "time",
          head: t("journal.time"),
          cell: ({ time, number }) => (
            <>
              {when(time)}
              <small>#{number}</small>
            </>
          ),
        },
        { key: "kind", head: t("journal.kind"), cell: ({ kind }) => t(`event.${kind}`) },
        {
          key: "priority",
          head: t("list.priority"),
          cell: ({ alarm }) => <Chip priority={alarm.priority} quiet={alarm.state !== "UNACK"} />,
        },
        { key: "text", head: t("list.alarm"), cell: ({ alarm }) => <Words alarm={alarm} /> },
        { key: "place", head: t("list.place"), cell: ({ alarm }) => <Place alarm={alarm} /> },
        {
          key: "who",
          head: t("journal.who"),
          cell: ({ user, comment, alarm }) =>
            (user || comment || alarm.reason) && (
              <>
                {user}
                <small>{comment ?? alarm.reason}</small>
              </>
            ),
        },
        {
          key: "why",
          head: t("journal.why"),
          cell: ({ kind, alarm, number }) =>
            JUDGES.includes(kind) && (
              <a
                href={`api/v1/alarms/${pathOf(alarm.id)}/explain${query({ event: number, format: "html", lang: document.documentElement.lang.slice(0, 2) })}`}
                target="_blank"
                rel="noopener"
              >
                {t("journal.proof")}
              </a>
            ),
        },
      ]}
    />
  );
}

const JUDGES: EventKind[] = ["raised", "reraised", "amended"];
