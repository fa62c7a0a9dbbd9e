// 交接班: what stands, what is shelved and out of service, and what the next shift has to know; signed by both.
import { post } from "../api";
import { said, t, type Key } from "../i18n";
import { Chip } from "../parts/chip";
import { Loading } from "../parts/states";
import { Table } from "../parts/table";
import { may, me } from "../session";
import { link } from "../state";
import { when } from "../time";
import type { Alarm, Priority, State, Text } from "../types";
import { inState, standing } from "./alarms";
import { Form, word } from "./form";
import { Onward, ShowAll, Some, usePages } from "./lists";

/** An alarm as it is, or was, handed over. */
type Given = {
  id: string;
  priority: Priority;
  state: State;
  since: string | null;
  name: string | null;
  text: Text;
  acked_by: string | null;
  reason: string | null;
  until: string | null;
};
type Handover = {
  number: number;
  time: string;
  gave: string;
  took: string;
  note: string;
  standing: Given[];
  shelved: Given[];
  out_of_service: Given[];
};

const given = (alarm: Alarm): Given => ({ ...alarm, until: alarm.out_until ?? alarm.shelved_until });

export default function Screen() {
  const past = usePages<Handover>("/handovers?limit=10", "handovers", "after");
  return (
    <div class="screen handover">
      <div class="row head">
        <h1>{t("nav.handover")}</h1>
        <button type="button" class="no-print" onClick={() => print()}>
          {t("handover.print")}
        </button>
      </div>
      <Now handed={past.again} />
      <section class="no-print">
        <h2>{t("handover.past")}</h2>
        <ShowAll of={past}>
          {(rows) =>
            rows.length ? (
              <>
                {rows.map((row) => (
                  <Past key={row.number} row={row} />
                ))}
              </>
            ) : (
              <p class="hint">{t("handover.none")}</p>
            )
          }
        </ShowAll>
        <Onward of={past} />
      </section>
    </div>
  );
}

function Now({ handed }: { handed: () => void }) {
  if (!link.value.pictured) return <Loading />;
  const lists = {
    standing: [...standing(), ...inState("SUPPRESSED")].map(given),
    shelved: inState("SHELVED").map(given),
    out_of_service: inState("OUT_OF_SERVICE").map(given),
  };
  return (
    <>
      <Lists lists={lists} />
      {may("handover") ? <Sign handed={handed} /> : <p class="panel hint">{t("handover.login")}</p>}
    </>
  );
}

function Sign({ handed }: { handed: () => void }) {
  return (
    <section class="panel sign">
      <Form
        label={t("handover.sign")}
        button="handover.sign"
        done="handover.done"
        send={async (fields) => {
          await post<Handover>("/handovers", {
            note: word(fields, "note"),
            user: word(fields, "user"),
            password: word(fields, "password"),
          });
          handed();
        }}
      >
        <label>
          {t("handover.note")}
          <textarea name="note" maxLength={4000} />
        </label>
        <div class="row both">
          <p>
            {t("handover.gives")}
            <strong>{me.value?.name}</strong>
          </p>
          <label>
            {t("handover.takes")}
            <input name="user" required autocomplete="off" />
          </label>
          <label>
            {t("handover.password")}
            <input name="password" type="password" required autocomplete="off" />
          </label>
        </div>
      </Form>
    </section>
  );
}

const LISTS: Record<"standing" | "shelved" | "out_of_service", [Key, Key]> = {
  standing: ["handover.standing", "handover.none_standing"],
  shelved: ["shelf.shelved", "shelf.none_shelved"],
  out_of_service: ["shelf.out", "shelf.none_out"],
};

function Lists({ lists }: { lists: Pick<Handover, keyof typeof LISTS> }) {
  return (
    <>
      {(Object.keys(LISTS) as (keyof typeof LISTS)[]).map((name) => {
        const [title, none] = LISTS[name];
        const rows = lists[name];
        return (
          <section key={name} class="panel">
            <h2>
              {t(title)} <span class="count">{rows.length}</span>
            </h2>
            {rows.length > 0 ? (
              <Some rows={rows}>{(some) => <List title={title} rows={some} withheld={name !== "standing"} />}</Some>
            ) : (
              <p class="hint">{t(none)}</p>
            )}
          </section>
        );
      })}
    </>
  );
}

function List({ title, rows, withheld }: { title: Key; rows: Given[]; withheld: boolean }) {
  return (
    <Table
      label={t(title)}
      rows={rows}
      id={({ id }) => id}
      columns={[
        { key: "priority", head: t("list.priority"), cell: ({ priority }) => <Chip priority={priority} /> },
        {
          key: "text",
          head: t("list.alarm"),
          cell: ({ id, text, name }) => (
            <>
              {said(text, id)}
              <small>{name}</small>
            </>
          ),
        },
        { key: "condition", head: t("devices.state"), cell: ({ state }) => t(`state.${state}`) },
        { key: "time", head: t("shelf.since"), cell: ({ since }) => when(since) },
        ...(withheld
          ? [
              {
                key: "time",
                head: t("handover.until"),
                cell: ({ until }: Given) => (until ? when(until) : t("shelf.one_shot")),
              },
              { key: "why", head: t("shelf.reason"), cell: ({ reason }: Given) => reason },
            ]
          : [{ key: "who", head: t("handover.acked"), cell: ({ acked_by }: Given) => acked_by ?? "—" }]),
      ]}
    />
  );
}

function Past({ row }: { row: Handover }) {
  return (
    <details class="panel">
      <summary>
        {when(row.time)} · {t("handover.from_to", { gave: row.gave, took: row.took })} ·{" "}
        {t("handover.counts", { a: row.standing.length, b: row.shelved.length, c: row.out_of_service.length })}
      </summary>
      {row.note && <blockquote>{row.note}</blockquote>}
      <Lists lists={row} />
    </details>
  );
}
