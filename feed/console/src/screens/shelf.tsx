// What does not ring although it may be wrong: shelved, suppressed by design, out of service. Reviewed at each handover.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Problem } from "../api";
import { t, type Key } from "../i18n";
import { Failed, Loading } from "../parts/states";
import { Table, type Column } from "../parts/table";
import { may } from "../session";
import { link, nowMs, second } from "../state";
import { lasting, when } from "../time";
import type { Alarm } from "../types";
import { act, inState, what } from "./alarms";
import { Some } from "./lists";

const WARN_MS = 600_000;

export default function Screen() {
  const [problem, setProblem] = useState<Problem | null>(null);
  if (!link.value.pictured) return <Loading />;
  const shelved = inState("SHELVED");
  const free = (kind: "unshelve" | "in-service") => async (alarm: Alarm): Promise<void> => {
    setProblem(null);
    await act(alarm, kind).catch((error: unknown) => {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    });
  };
  return (
    <div class="screen">
      <h1>{t("nav.shelf")}</h1>
      {problem && <Failed problem={problem} />}
      <Soon shelved={shelved} />
      <Group title="shelf.shelved" rows={shelved} none="shelf.none_shelved" columns={[
        ...what(),
        left((alarm) => alarm.shelved_until),
        ...why(),
        {
          key: "do", head: t("shelf.do"), cell: (alarm) =>
            may(alarm.priority === 1 ? "shelve_urgent" : "shelve") && <Free alarm={alarm} words="shelf.unshelve" free={free("unshelve")} />,
        },
      ]} />
      <Group title="shelf.out" rows={inState("OUT_OF_SERVICE")} none="shelf.none_out" columns={[
        ...what(),
        left((alarm) => alarm.out_until),
        ...why(),
        {
          key: "do", head: t("shelf.do"), cell: (alarm) =>
            may("shelve_urgent") && <Free alarm={alarm} words="shelf.in_service" free={free("in-service")} />,
        },
      ]} />
      <Group title="shelf.suppressed" rows={inState("SUPPRESSED")} none="shelf.none_suppressed" columns={[
        ...what(),
        { key: "why", head: t("shelf.cause"), cell: (alarm) => alarm.suppressed.map((one) => t(`withheld.${one}`)).join(t("list.and")) },
        { key: "time", head: t("shelf.since"), cell: (alarm) => when(alarm.since) },
      ]} />
    </div>
  );
}

const left = (until: (alarm: Alarm) => string | null): Column<Alarm> => ({
  key: "left", head: t("shelf.left"), cell: (alarm) => <Left until={until(alarm)} />,
});

const why = (): Column<Alarm>[] => [
  { key: "why", head: t("shelf.reason"), cell: (alarm) => alarm.reason },
  { key: "who", head: t("shelf.who"), cell: (alarm) => alarm.withheld_by },
];

function Group(given: { title: Key; none: Key; rows: Alarm[]; columns: Column<Alarm>[] }) {
  const { title, none, rows, columns } = given;
  return (
    <section class="panel">
      <h2>{t(title)} <span class="count">{rows.length}</span></h2>
      {!rows.length && <p class="hint">{t(none)}</p>}
      {rows.length > 0 && (
        <Some rows={rows}>{(some) => <Table label={t(title)} rows={some} id={(alarm) => alarm.id} columns={columns} />}</Some>
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

/** How long it still is withheld; without an end, until the condition has gone. */
function Left({ until }: { until: string | null }): ComponentChildren {
  second.value;
  if (until === null) return t("shelf.one_shot");
  const ms = Date.parse(until) - nowMs();
  return (
    <>
      <strong class={ms < WARN_MS ? "soon" : ""}>{ms > 0 ? lasting(ms) : t("shelf.over", { time: lasting(-ms) })}</strong>
      <small>{t("shelf.until", { time: when(until) })}</small>
    </>
  );
}

function Free({ alarm, words, free }: { alarm: Alarm; words: Key; free: (alarm: Alarm) => Promise<void> }) {
  const [busy, setBusy] = useState(false);
  return (
    <button
      type="button"
      disabled={busy || link.value.dead}
      aria-label={`${t(words)} ${alarm.name ?? alarm.subject}`}
      onClick={() => {
        setBusy(true);
        void free(alarm).finally(() => setBusy(false));
      }}
    >
      {t(busy ? "list.sent" : words)}
    </button>
  );
}
