// What was not done, why, and what has changed since the person looked.
import { needsName, refusals, send, type Refusal } from "../commands";
import { said, t } from "../i18n";
import { me } from "../session";
import { alarms } from "../state";
import { measured, when } from "../time";
import type { Alarm } from "../types";
import { impossible } from "./actions";

export function Refused() {
  return (
    <div id="notice" role="alert">
      {needsName.value && me.value?.door !== "console" && <p>{t("refused.name")}</p>}
      <Impossible />
      {refusals.value.map((refusal) => <One key={refusal.seen.id} refusal={refusal} />)}
    </div>
  );
}

/** Why it was not even asked for: the alarm is not in that state, or it is no matter of this role. */
function Impossible() {
  if (!impossible.value) return null;
  const { kind, why, alarm } = impossible.value;
  const state = alarm && alarms.has(alarm.id) ? t(`state.${alarm.state}`) : t("desk.gone");
  return <p>{t(`refused.${why}`, { kind: t(`act.${kind}`), state })}</p>;
}

export function dismiss(): void {
  refusals.value = [];
  impossible.value = null;
}

function One({ refusal }: { refusal: Refusal }) {
  const { problem, kind, seen, now } = refusal;
  const away = (): void => void (refusals.value = refusals.value.filter((one) => one !== refusal));
  return (
    <section class="refusal">
      <p class="row">
        <strong>{t("refused.title", { kind: t(`act.${kind}`) })}</strong>
        <span>{seen.name ?? seen.subject} · {said(seen.text, seen.rule)}</span>
        <button type="button" class="plain" aria-label={t("close")} onClick={away}>✕</button>
      </p>
      <p>{said(problem.text)}</p>
      {problem.status === 409 && (
        <dl>
          <dt>{t("refused.seen")}</dt>
          <dd>{short(seen)}</dd>
          <dt>{t("refused.now")}</dt>
          <dd>{now ? short(now) : t("refused.over")}</dd>
        </dl>
      )}
      {problem.status === 409 && kind === "ack" && now && !now.acknowledged && (
        <button
          type="button"
          onClick={() => {
            away();
            void send("ack", now);
          }}
        >
          {t("act.ack")} {when(now.since)}
        </button>
      )}
    </section>
  );
}

const short = (alarm: Alarm): string =>
  [t(`priority.${alarm.priority}`), t(`state.${alarm.state}`), when(alarm.since), measured(alarm), said(alarm.text)]
    .filter(Boolean).join(" · ");
