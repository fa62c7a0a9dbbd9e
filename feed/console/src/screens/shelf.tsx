// What does not ring although it may be wrong: shelved, suppressed by design, out of service. Reviewed at each handover.
import { useLayoutEffect, useRef } from "preact/hooks";
import { pending, send } from "../commands";
import { Refused } from "../desk/refused";
import { t, type Key } from "../i18n";
import { Loading } from "../parts/states";
import { Table, type Column } from "../parts/table";
import { may } from "../session";
import { link, nowMs, second } from "../state";
import { lasting, when } from "../time";
import type { Alarm } from "../types";
import { inState, what } from "./alarms";
import { Some } from "./lists";

const WARN_MS = 600_000;

export default function Screen() {
  if (!link.value.pictured) return <Loading />;
  const shelved = inState("SHELVED");
  return (
    <div class="screen">
      <h1>{t("nav.shelf")}</h1>
      <Refused />
      <Soon shelved={shelved} />
      <Group
        title="shelf.shelved"
        rows={shelved}
        none="shelf.none_shelved"
        columns={[
          ...what(),
          left((alarm) => alarm.shelved_until),
          ...why(),
          {
            key: "do",
            head: t("shelf.do"),
            cell: (alarm) =>
              may(alarm.priority === 1 ? "shelve_urgent" : "shelve") && <Free alarm={alarm} kind="unshelve" />,
          },
        ]}
      />
      <Group
        title="shelf.out"
        rows={inState("OUT_OF_SERVICE")}
        none="shelf.none_out"
        columns={[
          ...what(),
          left((alarm) => alarm.out_until),
          ...why(),
          {
            key: "do",
            head: t("shelf.do"),
            cell: (alarm) => may("shelve_urgent") && <Free alarm={alarm} kind="in-service" />,
          },
        ]}
      />
      <Group
        title="shelf.suppressed"
        rows={inState("SUPPRESSED")}
        none="shelf.none_suppressed"
        columns={[
          ...what(),
          {
            key: "why",
            head: t("shelf.cause"),
            cell: (alarm) => alarm.suppressed.map((one) => t(`withheld.${one}`)).join(t("list.and")),
          },
          { key: "time", head: t("shelf.since"), cell: (alarm) => when(alarm.since) },
        ]}
      />
    </div>
  );
}

const left = (until: (alarm: Alarm) => string | null): Column<Alarm> => ({
  key: "left",
  head: t("shelf.left"),
  cell: (alarm) => <Left until={until(alarm)} oneShot={alarm.one_shot} />,
});

const why = (): Column<Alarm>[] => [
  { key: "why", head: t("shelf.reason"), cell: (alarm) => alarm.reason },
  { key: "who", head: t("shelf.who"), cell: (alarm) => alarm.withheld_by },
];

function Group(given: { title: Key; none: Key; rows: Alarm[]; columns: Column<Alarm>[] }) {
  const { title, none, rows, columns } = given;
  return (
    <section class="panel">
      <h2>
        {t(title)} <span class="count">{rows.length}</span>
      </h2>
      {!rows.length && <p class="hint">{t(link.value.dead ? "shelf.none_dead" : none)}</p>}
      {rows.length > 0 && (
        <Some rows={rows}>
          {(some) => <Table label={t(title)} rows={some} id={(alarm) => alarm.id} columns={columns} />}
        </Some>
      )}
    </section>
  );
}

/** Ten minutes before a shelving ends somebody has to decide: it rings again. */
function Soon({ shelved }: { shelved: Alarm[] }) {
  second.value;
  const soon = shelved.filter((alarm) => alarm.shelved_until && Date.parse(alarm.shelved_until) - nowMs() < WARN_MS);
  return <div role="status">{soon.length > 0 && <p class="notice">{t("shelf.soon", { n: soon.length })}</p>}</div>;
}

/** How long it still is withheld: at the latest, for one that ends with the condition. */
function Left({ until, oneShot }: { until: string | null; oneShot: boolean }) {
  second.value;
  if (until === null) return null;
  const ms = Date.parse(until) - nowMs();
  return (
    <>
      <strong class={ms < WARN_MS ? "soon" : ""}>
        {ms > 0 ? lasting(ms) : t("shelf.over", { time: lasting(-ms) })}
      </strong>
      <small>{t("shelf.until", { time: when(until) })}</small>
      {oneShot && <small>{t("shelf.one_shot")}</small>}
    </>
  );
}

function Free({ alarm, kind }: { alarm: Alarm; kind: "unshelve" | "in-service" }) {
  const busy = pending.value.has(alarm.id);
  const ref = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => () => void (document.activeElement === ref.current && leave(ref.current)), []);
  const words = t(kind === "unshelve" ? "shelf.unshelve" : "shelf.in_service");
  return (
    <button
      ref={ref}
      type="button"
      disabled={link.value.dead}
      aria-disabled={busy} // what is disabled loses the focus
      aria-label={`${words} ${alarm.name ?? alarm.subject}`}
      onClick={() => void send(kind, alarm)}
    >
      {busy ? t("list.sent") : words}
    </button>
  );
}

/** The row goes, and the focus with it to the row beside, from which Tab goes on: no second Enter reaches its button. */
function leave(button: HTMLElement | null): void {
  const row = button?.closest("tr");
  const next = row?.nextElementSibling ?? row?.previousElementSibling ?? document.querySelector("main h1");
  if (!(next instanceof HTMLElement)) return;
  next.tabIndex = -1;
  next.focus();
}
