// One row of the duty desk. It is drawn again only when something that it shows has changed.
import { Component } from "preact";
import { pending, type Kind } from "../commands";
import { said, t } from "../i18n";
import { Chip } from "../parts/chip";
import { link, nowMs, second } from "../state";
import { lasting, measured, today, when } from "../time";
import type { Alarm } from "../types";
import { calls, listed, type AlarmRow, type GroupRow, type Row } from "./order";

/** What a list needs of a row. at: its distance from the first one, in rows of so many pixels. */
type Given = { row: Row; at: number; height: number; chosen: boolean; sent: Kind | null; language: string };

export class Line extends Component<Given> {
  override shouldComponentUpdate(next: Given): boolean {
    const now = this.props;
    return (
      !same(now.row, next.row) || now.at !== next.at || now.height !== next.height ||
      now.chosen !== next.chosen || now.sent !== next.sent || now.language !== next.language
    );
  }

  override render({ row, at, height, chosen, sent, language }: Given) {
    return (
      <div
        id={rowId(row.id)}
        data-row={row.id}
        role="row"
        aria-rowindex={at + 2}
        aria-selected={chosen}
        class={classOf(row, sent)}
        style={{ transform: `translateY(${at * height}px)` }}
      >
        {row.kind === "group" ? <GroupCells row={row} /> : <Cells row={row} sent={sent} language={language} />}
      </div>
    );
  }
}

const same = (a: Row, b: Row): boolean =>
  a === b ||
  (a.kind === "alarm" && b.kind === "alarm" && a.alarm === b.alarm && a.gone === b.gone && a.inside === b.inside);

export const rowId = (id: string): string => `row-${id}`;

function classOf(row: Row, sent: Kind | null): string {
  if (row.kind === "group") return `line group${row.unacked ? " unacked" : ""}`;
  const { alarm, gone, inside } = row;
  const marks = [
    "line", !alarm.acknowledged && "unacked", !alarm.active && "returned", gone && "gone", inside && "inside", sent && "sent",
  ];
  return marks.filter(Boolean).join(" ");
}

/** What a row says: not drawn again when it has only moved. */
class Cells extends Component<{ row: AlarmRow; sent: Kind | null; language: string }> {
  override shouldComponentUpdate(next: Cells["props"]): boolean {
    return !same(this.props.row, next.row) || this.props.sent !== next.sent || this.props.language !== next.language;
  }

  override render({ row: { alarm, gone, inside }, sent }: Cells["props"]) {
    const words = said(alarm.text, alarm.rule);
    const beside = notes(alarm, words);
        return (
      <>
        <span role="gridcell" class="priority"><Chip priority={alarm.priority} pulse={calls(alarm) && !gone} quiet={gone} /></span>
        <span role="gridcell" class="state-of">
          {sent ? t("desk.pending") : gone && listed(alarm) ? t("desk.gone") : t(`state.${alarm.state}`)}
          <small class="brief"> {[alarm.acked_by, times(alarm)].filter(Boolean).join(" ")}</small>
        </span>
        <Since alarm={alarm} />
        <span role="gridcell" class="lasting"><Lasting alarm={alarm} /></span>
        <span role="gridcell" class="place" title={alarm.name ?? alarm.subject}>{alarm.name ?? alarm.site ?? alarm.subject}</span>
        <span role="gridcell" class="device">{alarm.device ?? alarm.subject}</span>
        <span role="gridcell" class="what" title={[words, ...beside].join(" · ")}>
          {inside && alarm.first_out && <b class="tag">{t("desk.first")}</b>}
          {words}
          {beside.length > 0 && <small> {beside.join(" · ")}</small>}
        </span>
        <span role="gridcell" class="value">{measured(alarm)}</span>
        <span role="gridcell" class="count">{times(alarm)}</span>
        <span role="gridcell" class="acked">{alarm.acked_by ?? ""}</span>
      </>
    );
  }
}

function GroupCells({ row: { head, members, unacked, open } }: { row: GroupRow }) {
  const most = (members[0] ?? head).priority; // of what nobody has seen the most urgent: no colour hides a higher one
  return (
    <>
      <span role="gridcell" class="priority"><Chip priority={most} pulse={unacked > 0 && members.some(calls)} /></span>
      <span role="gridcell" class="state-of" aria-expanded={open}>{open ? "▾" : "▸"} {unacked}/{members.length}</span>
      <Since alarm={head} />
      <span role="gridcell" class="lasting"><Lasting alarm={head} /></span>
      <span role="gridcell" class="place">{head.site ?? head.name ?? head.subject}</span>
      <span role="gridcell" class="device" />
      <span role="gridcell" class="what">
        <small>{t("desk.group", { n: members.length, unacked })} </small>
        {said(head.text, head.rule)}
      </span>
    </>
  );
}

const times = ({ count }: Alarm): string => (count > 1 ? `×${count}` : "");

/** When it began; where there is little room without its year, and of today without the day. */
function Since({ alarm: { since } }: { alarm: Alarm }) {
  const whole = since ? when(since) : "";
  return (
    <span role="gridcell" class={`since${whole.startsWith(today.value) ? " today" : ""}`} title={whole}>
      <span class="year">{whole.slice(0, 5)}</span>
      <span class="day">{whole.slice(5, 11)}</span>
      {whole.slice(11)}
    </span>
  );
}

function notes(alarm: Alarm, words: string): string[] {
  const reference = t("desk.reference");
  return [
    alarm.members.length ? t("desk.members", { n: alarm.members.length }) : "",
    alarm.basis === "reference" && !words.includes(reference) ? reference : "",
    alarm.late ? t("desk.late") : "",
    alarm.suspect ? `${t("desk.suspect")}${alarm.suspect_why ? ` (${said(alarm.suspect_why)})` : ""}` : "",
  ].filter(Boolean);
}

/** How long it lasts, second by second. With a dead line nobody knows whether it still does: the last figure stays. */
export function Lasting({ alarm: { since, returned } }: { alarm: Alarm }) {
  if (!since) return null;
  if (!returned && !link.value.dead) second.value; // read, to be drawn again each second
  const ms = (returned ? Date.parse(returned) : (link.value.dead ? (link.value.heardMs ?? nowMs()) : nowMs())) - Date.parse(since);
  // A closed hour or day that was over its limit is a finding: it has no duration.
  return <>{ms > 0 || !returned ? lasting(ms) : "—"}</>;
}

/** The command that is under way for it. */
export const sentFor = (row: Row): Kind | null => (row.kind === "alarm" ? (pending.value.get(row.id) ?? null) : null);
