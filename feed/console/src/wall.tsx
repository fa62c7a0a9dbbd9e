// 大屏: read from across the room. Nothing to press, nothing that scrolls; what does not fit is counted.
import "./root"; // what all share stays one chunk
import { useEffect, useRef, useState } from "preact/hooks";
import { calls } from "./desk/order";
import { Lasting } from "./desk/row";
import { counts, list, summary } from "./desk/rows";
import { DeadBar } from "./dead";
import { said, t } from "./i18n";
import { Chip } from "./parts/chip";
import { useLoad } from "./parts/load";
import { settings } from "./session";
import { audible, beginUnasked } from "./sound";
import { current, gateway, link, nowMs, second } from "./state";
import { hour, measured, shiftName, when } from "./time";
import type { Alarm, Priority, Summary } from "./types";

const ROW_REM = 3.4;

export default function Wall() {
  const counted = useLoad<Summary>("/summary", 10);
  useEffect(() => {
    if (counted.data) summary.value = counted.data;
  }, [counted.data]);
  useEffect(() => {
    document.documentElement.classList.add("wall"); // its rem grows with the screen
    const end = beginUnasked();
    return () => {
      end(); // at the desk a shift begins with a test tone
      document.documentElement.classList.remove("wall");
    };
  }, []);
  return (
    <main class="wall-page">
      <header>
        <h1>{settings.value?.gateway_name || gateway.value}</h1>
        <Clock />
        {summary.value?.shift && <span>{t("desk.shift", { name: shiftName(summary.value.shift.name), time: hour(summary.value.shift.until).slice(0, 5) })}</span>}
        {summary.value?.flood.active && <strong class="flood">{t("wall.flood")}</strong>}
        {!audible.value && <strong id="silent" class="badge">{t("duty.off")}</strong>}
        <span id="link" class={current.value ? "live" : "waiting"}>
          {current.value ? t("link.live", { n: link.value.known }) : t("link.catching")}
        </span>
      </header>
      <DeadBar />
      <Figures />
      <Standing />
    </main>
  );
}

function Clock() {
  second.value;
  return <time>{when(nowMs())}</time>;
}

function Figures() {
  return (
    <ul class={`figures${link.value.dead ? " dead" : ""}`}>
      {([1, 2, 3, 4] as Priority[]).map((priority) => {
        const { unacked, total } = counts.value[priority];
        return (
          <li key={priority} class="panel">
            <Chip priority={priority} quiet={total === 0} />
            <b>{unacked}</b>
            <small>{t("wall.unacked")}</small>
            <span><small>{t("wall.total")}</small> {total}</span>
          </li>
        );
      })}
    </ul>
  );
}

/** As many as there is room for, the most urgent first. */
function Standing() {
  const box = useRef<HTMLDivElement>(null);
  const [fit, setFit] = useState(10);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const rem = (): number => parseFloat(getComputedStyle(document.documentElement).fontSize);
    const seen = new ResizeObserver(() => setFit(Math.max(1, Math.floor(element.clientHeight / (ROW_REM * rem())))));
    seen.observe(element);
    return () => seen.disconnect();
  }, []);
  const unacked = list.value.filter(({ acknowledged }) => !acknowledged);
  const shown = unacked.length > fit ? unacked.slice(0, fit - 1) : unacked;
  return (
    <section class={`standing${link.value.dead ? " dead" : ""}`} aria-label={t("wall.list")} ref={box}>
      {shown.map((alarm) => <One key={alarm.id} alarm={alarm} />)}
      {unacked.length > shown.length && <p class="more">{t("wall.more", { n: unacked.length - shown.length })}</p>}
      {!unacked.length && <p class="state">{t(current.value ? "wall.calm" : "desk.unknown")}</p>}
    </section>
  );
}

function One({ alarm }: { alarm: Alarm }) {
  return (
    <p class={`one${alarm.active ? "" : " returned"}`}>
      <Chip priority={alarm.priority} pulse={calls(alarm)} />
      <span>{t(`state.${alarm.state}`)}</span>
      <strong>{alarm.name ?? alarm.subject}</strong>
      <span>{said(alarm.text, alarm.rule)}</span>
      <span class="number">{measured(alarm)}</span>
      <span class="number"><Lasting alarm={alarm} /></span>
    </p>
  );
}
