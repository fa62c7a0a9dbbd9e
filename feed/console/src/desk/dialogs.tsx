// What is asked before a command goes out: how long, why, until when. Escape asks nothing more and does nothing.
import "../root"; // what all share stays one chunk
import { useState } from "preact/hooks";
import { send, sendAll, type Said } from "../commands";
import { said, t } from "../i18n";
import { Chip } from "../parts/chip";
import { Dialog } from "../parts/dialog";
import { me, settings } from "../session";
import { link, nowMs } from "../state";
import { fromZone, hour, span, toField, when, zone } from "../time";
import type { Alarm } from "../types";
import { asking, askingAll, close, type Doing } from "./actions";
import { summary } from "./rows";

const CAP_S = 12 * 3_600;
const DAY_MS = 86_400_000;

export default function Dialogs() {
  if (askingAll.value) return <AckAll those={askingAll.value} />;
  return asking.value && <Ask key={asking.value.kind} asked={asking.value} />;
}

function Ask({ asked }: { asked: NonNullable<typeof asking.value> }) {
  const { kind, alarm } = asked;
  const [given, set] = useState<Said>(kind === "shelve" ? { for_s: options()[1] ?? CAP_S } : {});
  const [words, setWords] = useState(asked.words);
  const go = (event: Event): void => {
    event.preventDefault();
    if (link.value.dead) return; // what was written stays
    const comment = kind === "dispatch" ? t("ask.dispatch.comment", { who: words.trim() }) : words.trim();
    void send(kind === "dispatch" ? "comment" : kind, alarm, { ...given, ...(comment ? { comment } : {}) });
    close();
  };
  return (
    <Dialog title={t(`act.${kind}`)} onClose={close}>
      <form onSubmit={go}>
        <About alarm={alarm} />
        {kind === "shelve" && <HowLong given={given} set={set} />}
        {kind === "out-of-service" && <Until set={(until) => set({ until })} />}
        {kind === "reset" ? <Sure set={(password) => set({ password })} /> : <Why kind={kind} words={words} set={(now) => setWords((asked.words = now))} />}
        <p class="actions">
          {link.value.dead && <strong role="alert">{t("link.dead")}</strong>}
          <button type="button" onClick={close}>{t("cancel")}</button>
          <button class="main" disabled={link.value.dead}>{t(`act.${kind}`)}</button>
        </p>
      </form>
    </Dialog>
  );
}

function About({ alarm }: { alarm: Alarm }) {
  return (
    <p class="row">
      <Chip priority={alarm.priority} />
      <span>{alarm.name ?? alarm.subject} · {said(alarm.text, alarm.rule)} · {when(alarm.since)}</span>
    </p>
  );
}

function Why({ kind, words, set }: { kind: Doing; words: string; set: (words: string) => void }) {
  const label = {
    shelve: "ask.reason", "out-of-service": "ask.order", comment: "ask.comment", dispatch: "ask.dispatch",
  } as const;
  if (!(kind in label)) return null;
  return (
    <label>
      {t(label[kind as keyof typeof label])}
      <textarea
        required
        data-first
        maxLength={900}
        value={words}
        onInput={(event) => set(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          event.currentTarget.form?.requestSubmit();
        }}
      />
    </label>
  );
}

const options = (): number[] => settings.value?.shelve_options_s ?? [];

function HowLong({ given, set }: { given: Said; set: (given: Said) => void }) {
  const shift = summary.value?.shift;
  const left_s = shift ? Math.round((Date.parse(shift.until) - nowMs()) / 1000) : 0;
  const choices: [string, Said][] = options().map((s) => [span(s), { for_s: s }]);
  if (shift && left_s > 60 && left_s <= CAP_S) {
    choices.push([t("ask.for.shift", { time: hour(shift.until).slice(0, 5) }), { for_s: left_s }]);
  }
  choices.push([t("ask.for.one_shot"), { one_shot: true }]);
  return (
    <fieldset>
      <legend>{t("ask.for")}</legend>
      <p class="row">
        {choices.map(([words, choice], n) => (
          <label key={n} class="check">
            <input
              type="radio"
              name="for"
              checked={given.one_shot === choice.one_shot && given.for_s === choice.for_s}
              onChange={() => set(choice)}
            />
            {words}
          </label>
        ))}
      </p>
      <small>{t("ask.shelve.note")}</small>
    </fieldset>
  );
}

function Until({ set }: { set: (until: string) => void }) {
  const [text, setText] = useState(toField(nowMs() + DAY_MS));
  useState(() => set(fromZone(text)));
  return (
    <label>
      {t("ask.until", { zone: zone.value })}
      <input
        type="datetime-local"
        required
        value={text}
        min={toField(nowMs())}
        onInput={({ currentTarget: { value } }) => {
          setText(value);
          if (value) set(fromZone(value));
        }}
      />
    </label>
  );
}

/** A latch is ended by who has been there; an operator says once more that it is he. */
function Sure({ set }: { set: (password: string) => void }) {
  const again = me.value?.door === "console" && me.value.role === "operator";
  return (
    <>
      <p>{t("ask.reset.sure")}</p>
      <input type="text" hidden readonly autocomplete="username" value={me.value?.user} />
      {again && (
        <label>
          {t("ask.password")}
          <input type="password" required data-first autocomplete="current-password" onInput={(event) => set(event.currentTarget.value)} />
        </label>
      )}
    </>
  );
}

function AckAll({ those }: { those: Alarm[] }) {
  const go = (event: Event): void => {
    event.preventDefault();
    void sendAll("ack", those);
    close();
  };
  return (
    <Dialog title={t("act.ack")} onClose={close}>
      <form onSubmit={go}>
        <p>{those.length ? t("ask.all", { n: those.length }) : t("ask.all.none")}</p>
        <ul class="those">
          {those.map((alarm) => <li key={alarm.id}><About alarm={alarm} /></li>)}
        </ul>
        <p class="actions">
          <button type="button" onClick={close}>{t("cancel")}</button>
          {those.length > 0 && <button class="main" data-first disabled={link.value.dead}>{t("act.ack")}</button>}
        </p>
      </form>
    </Dialog>
  );
}
