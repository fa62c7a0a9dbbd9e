// Everything about one alarm that a person needs to answer it.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { pathOf } from "../api";
import { pending } from "../commands";
import { language, said, t } from "../i18n";
import { Chip } from "../parts/chip";
import { Show, useLoad } from "../parts/load";
import { Failed } from "../parts/states";
import { to } from "../route";
import { alarms, link, nowMs, second, watchers } from "../state";
import { measured, span, when } from "../time";
import type { Alarm, AlarmDetail, AlarmEvent, Receipt } from "../types";
import { actions, open, type Act } from "./actions";
import { back } from "./address";
import { selectedRow } from "./rows";
import { TrendPane } from "./trend-pane";

export function Detail({ alarm }: { alarm: Alarm | null }) {
  if (!alarm) {
    return <aside class="detail" aria-label={t("detail.label")}><p class="state">{t("detail.none")}</p></aside>;
  }
  return (
    <aside class="detail full" tabIndex={-1} aria-label={t("detail.label")} key={alarm.id}>
      <button type="button" class="plain back" onClick={back}>{t("detail.back")}</button>
      <About alarm={alarm} />
    </aside>
  );
}

function About({ alarm }: { alarm: Alarm }) {
  const path = `/alarms/${pathOf(alarm.id)}`;
  const detail = useLoad<AlarmDetail>(path);
  const history = useLoad<{ events: AlarmEvent[] }>(`${path}/history?limit=50`);
  const receipts = useLoad<{ receipts: Receipt[] }>(`${path}/receipts`);
  useEffect(() => {
    const told = (events: AlarmEvent[]): void => {
      if (!events.some((event) => event.alarm.id === alarm.id)) return;
      detail.again();
      history.again();
      receipts.again();
    };
    watchers.add(told);
    return () => void watchers.delete(told);
  }, [alarm.id]);
  const row = selectedRow.value;
  const over = !alarms.has(alarm.id); // shown as it ended
  const evidence = `api/v1${path}/explain?format=html&lang=${language.value}`;
  return (
    <>
      <header>
        <p class="row">
          <Chip priority={alarm.priority} quiet={over} />
          <strong>{t(over ? "desk.gone" : `state.${alarm.state}`)}</strong>
          <span>{measured(alarm)}</span>
          {alarm.first_out && alarm.group && <b class="tag">{t("desk.first")}</b>}
        </p>
        <h2>{said(alarm.text, alarm.rule)}</h2>
        <p>{[alarm.site, alarm.name ?? alarm.subject].filter(Boolean).join(" · ")}</p>
        <Withheld alarm={alarm} />
      </header>
      {row?.kind === "group" && <strong>{t("desk.group", { n: row.members.length, unacked: row.unacked })}</strong>}
      <Actions alarm={alarm} />
      {detail.problem && !detail.data && <Failed problem={detail.problem} again={detail.again} />}
      <Guidance alarm={alarm} detail={detail.data} />
      {alarm.device && alarm.quantity && <TrendPane alarm={alarm} device={alarm.device} quantity={alarm.quantity} />}
      <section>
        <h3>{t("detail.history")}</h3>
        <Show of={history}>
          {({ events }) => <ol class="events history">{events.map((event) => <Told key={event.number} event={event} />)}</ol>}
        </Show>
      </section>
      <section>
        <h3>{t("detail.receipts")}</h3>
        <Show of={receipts}>{(data) => <Receipts list={data.receipts} />}</Show>
      </section>
      <p class="row links">
        <a href={evidence} target="_blank" rel="noopener">{t("detail.evidence")}</a>
        {alarm.device && <a href={to("devices", alarm.device)}>{t("detail.device")}</a>}
        {detail.data?.camera && (
          <a href={detail.data.camera} target="_blank" rel="noopener noreferrer">{t("detail.camera")}</a>
        )}
      </p>
      {alarm.members.length > 0 && (
        <details>
          <summary>{t("detail.members")} ({alarm.members.length})</summary>
          <p class="members">{alarm.members.map((one) => <a key={one} href={to("devices", one)}>{one}</a>)}</p>
        </details>
      )}
      <p><small>{t("detail.id")} {alarm.id} #{alarm.occurrence}</small></p>
    </>
  );
}

function Actions({ alarm }: { alarm: Alarm }) {
  const waits = pending.value.has(alarm.id);
  const ref = useRef<HTMLParagraphElement>(null);
  const had = useRef(false); // the focus: when its button goes, it goes to the pane, from which Tab goes on
  useLayoutEffect(() => {
    if (had.current && document.activeElement === document.body) ref.current?.closest<HTMLElement>(".detail")?.focus();
  });
  return (
    <p
      ref={ref}
      class="row acts"
      onFocusIn={() => void (had.current = true)}
      onFocusOut={({ relatedTarget }) => void (had.current = relatedTarget === null)}
    >
      {actions(alarm).map((act: Act) => (
        <button
          key={act.kind}
          type="button"
          class={act.first ? "main" : ""}
          disabled={link.value.dead} // what it would answer may have changed unseen
          aria-disabled={waits} // what is disabled loses the focus
          aria-keyshortcuts={act.shown}
          onClick={() => waits || open(act.kind, alarm)}
        >
          {waits && act.first ? t("desk.pending") : t(`act.${act.kind}`)} <kbd>{act.shown}</kbd>
        </button>
      ))}
    </p>
  );
}

function Withheld({ alarm }: { alarm: Alarm }) {
  if (alarm.state !== "SHELVED" && alarm.state !== "OUT_OF_SERVICE") return null;
  const until = when(alarm.state === "SHELVED" ? alarm.shelved_until : alarm.out_until);
  return (
    <p>
      {alarm.state === "OUT_OF_SERVICE"
        ? t("detail.out", { until })
        : alarm.one_shot ? t("detail.one_shot") : t("detail.shelved", { until })}
      {" · "}
      {t("detail.withheld", { who: alarm.withheld_by ?? "", why: alarm.reason ?? "" })}
    </p>
  );
}

function Guidance({ alarm, detail }: { alarm: Alarm; detail: AlarmDetail | null }) {
  const guidance = detail?.guidance;
  if (!guidance) return null;
  second.value;
  const late = alarm.respond_by !== null && !alarm.acknowledged && Date.parse(alarm.respond_by) < nowMs();
  return (
    <section class="guidance">
      <h3>{t("detail.guidance")}</h3>
      <p class="todo"><span class="sr">{t("detail.action")} </span>{said(guidance.action)}</p>
      <p>
        {t("detail.respond", { span: span(guidance.respond_within_s) })}
        {alarm.respond_by && ` ${t("detail.respond.by", { time: when(alarm.respond_by) })}`}
        {late && <strong class="late"> {t("detail.overdue")}</strong>}
      </p>
      <dl>
        <dt>{t("detail.cause")}</dt>
        <dd>{said(guidance.cause)}</dd>
        <dt>{t("detail.consequence")}</dt>
        <dd>{said(guidance.consequence)}</dd>
      </dl>
      {detail?.permit && (
        <p>{t("detail.permit", { who: detail.permit.who, why: detail.permit.why, until: when(detail.permit.until) })}</p>
      )}
    </section>
  );
}

function Told({ event }: { event: AlarmEvent }) {
  return (
    <li>
      <time dateTime={event.time}>{when(event.time)}</time> <b>{t(`event.${event.kind}`)}</b>
      {event.user && <span> {event.user}</span>}
      {event.comment && <q>{event.comment}</q>}
      <small> {measured(event.alarm)}</small>
    </li>
  );
}

function Receipts({ list }: { list: Receipt[] }) {
  if (!list.length) return <p><small>{t("detail.receipts.none")}</small></p>;
  return (
    <ol class="receipts history">
      {list.map((one) => (
        <li key={`${one.time} ${one.channel} ${one.to}`}>
          <time dateTime={one.time}>{when(one.time)}</time> <b>{one.channel}</b> {one.to} {one.status}
          {one.error && <span> {one.error}</span>}
          {one.repeat && <small> {t("detail.repeat")}</small>}
        </li>
      ))}
    </ol>
  );
}
