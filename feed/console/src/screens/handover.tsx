// 交接班: what stands, what is shelved and out of service, and what the next shift has to know; signed by both.
import { useEffect, useRef, useState } from "preact/hooks";
import { post, Problem } from "../api";
import { said, t, type Key } from "../i18n";
import { Chip } from "../parts/chip";
import { Show, useLoad } from "../parts/load";
import { Failed } from "../parts/states";
import { Table } from "../parts/table";
import { may, me, named, settings } from "../session";
import { gateway, version } from "../state";
import { shiftName, when } from "../time";
import type { Priority, State, Summary, Text } from "../types";
import { Form, word } from "./form";
import { useReturn, useThrottled } from "./fresh";
import { Newer, Onward, ShowAll, Some, useLivePages } from "./lists";

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
type Lists = {
  as_of: string | null; // null: of a version that did not say
  event: number | null;
  standing: Given[];
  shelved: Given[];
  out_of_service: Given[];
};
type Shown = Lists & { sha256: string };
type Signed = { number: number; time: string; gave: string; took: string; note: string };
type Row = Signed & Record<keyof typeof LISTS, number>;

const TOLD_MS = 5_000;
const EVERY_S = 30; // the gateway keeps what it has shown for 90 s

export default function Screen() {
  const path = "/handovers?limit=10";
  const past = useLivePages<Row>(path, "handovers", "after", { every_ms: 300_000 });
  return (
    <div class="screen handover">
      <div class="row head">
        <h1>{t("nav.handover")}</h1>
        <button type="button" class="no-print" onClick={() => print()}>
          {t("handover.print")}
        </button>
      </div>
      <Now handed={past.look} />
      <section class="no-print">
        <h2>{t("handover.past")}</h2>
        <Newer of={past} />
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

/** The lists as the gateway has them, and would keep them: what is signed is what stands here. */
function Now({ handed }: { handed: () => void }) {
  const now = useLoad<Shown>("/handovers/now", EVERY_S);
  const changed = useThrottled(now.again, TOLD_MS);
  const first = useRef(version.peek());
  useEffect(() => {
    if (version.value !== first.current) changed();
  }, [version.value]);
  useReturn(now.again);
  return (
    <>
      {now.data && now.problem && <Failed problem={now.problem} again={now.again} />}
      <Show of={now}>
        {(lists) => (
          <>
            <Sheet />
            <p class="hint">{t("handover.as_of", { time: when(lists.as_of), n: lists.event ?? 0 })}</p>
            <Lists lists={lists} />
            {may("handover") ? (
              <Sign seen={lists.sha256} handed={handed} again={now.again} />
            ) : (
              <p class="panel hint">{t("handover.login")}</p>
            )}
          </>
        )}
      </Show>
    </>
  );
}

/** Whose sheet it is, on paper too: gateway and shift. */
function Sheet() {
  const shift = useLoad<Summary>("/summary", EVERY_S).data?.shift;
  const turn = shift && `${shiftName(shift.name)} ${when(shift.since).slice(0, 16)} – ${when(shift.until).slice(0, 16)}`;
  return <p><strong>{[settings.value?.gateway_name || gateway.value, turn].filter(Boolean).join(" · ")}</strong></p>;
}

function Sign({ seen, handed, again }: { seen: string; handed: () => void; again: () => void }) {
  return (
    <section class="panel sign">
      <Form
        label={t("handover.sign")}
        button="handover.sign"
        done="handover.done"
        send={async (fields) => {
          try {
            await post("/handovers", {
              note: word(fields, "note"),
              user: word(fields, "user"),
              password: word(fields, "password"),
              seen,
            });
            handed();
          } catch (error) {
            if (error instanceof Problem && error.status === 409) again(); // the lists were too old
            throw error;
          }
        }}
      >
        <label>
          {t("handover.note")}
          <textarea name="note" maxLength={4000} />
        </label>
        <div class="row both">
          <p>
            {t("handover.gives")}
            <strong>{me.value && named(me.value)}</strong>
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

const LISTS = {
  standing: ["handover.standing", "handover.none_standing"],
  shelved: ["shelf.shelved", "shelf.none_shelved"],
  out_of_service: ["shelf.out", "shelf.none_out"],
} satisfies Record<string, [Key, Key]>;

function Lists({ lists }: { lists: Lists }) {
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

/** A handover of before; its lists, of thousands perhaps, are read when somebody opens it. */
function Past({ row }: { row: Row }) {
  const [open, setOpen] = useState(false);
  const whole = useLoad<Lists>(open ? `/handovers/${row.number}` : null);
  return (
    <details class="panel" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {when(row.time)} · {t("handover.from_to", { gave: row.gave, took: row.took })} ·{" "}
        {t("handover.counts", { a: row.standing, b: row.shelved, c: row.out_of_service })}
      </summary>
      {row.note && <blockquote>{row.note}</blockquote>}
      {open && (
        <Show of={whole}>
          {(lists) => (
            <>
              {lists.as_of && <p class="hint">{t("handover.as_of", { time: when(lists.as_of), n: lists.event ?? 0 })}</p>}
              <Lists lists={lists} />
            </>
          )}
        </Show>
      )}
    </details>
  );
}
