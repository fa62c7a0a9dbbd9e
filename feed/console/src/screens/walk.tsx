// A walk: an engineer stands beside a device and shows what it can. Its alarms are commissioning meanwhile.
import { useEffect, useState } from "preact/hooks";
import { commandId, Problem, command, query } from "../api";
import { said, t } from "../i18n";
import { useLoad } from "../parts/load";
import { alarms, nowMs, second, version } from "../state";
import { lasting } from "../time";
import type { Text } from "../types";
import { Refusal } from "./form";
import { useThrottled } from "./fresh";

const FOR_S = 900;
const LOOK_MS = 2_000;

type Met = boolean | null;
type Shown = { id: string; text: Text; do: Text | null; met: Met; by: Record<string, number | boolean | string> };
type View = { judged: boolean; shown: Shown[] };
/** A walk that is under way, also after the browser has put the page away. since: the frames behind this count. */
type Begun = { walk: string; since: number; fromMs: number };

const SIGN = { true: "✓", false: "✗", null: "…" } as const;

const kept = (id: string): Begun | null => JSON.parse(sessionStorage.getItem(`walk ${id}`) ?? "null") as Begun | null;

/** position: up to which frames were read; newest: the newest frame. say: values with quantity and unit, in words. */
export function Walk(given: {
  id: string;
  position: number;
  newest: number;
  say: (of: Shown["by"]) => [string, string][];
}) {
  const { id, position, newest, say } = given;
  const [begun, set] = useState<Begun | null>(() => kept(id));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [result, setResult] = useState("");
  const view = useLoad<View>(begun && `/devices/${encodeURIComponent(id)}/walk${query({ since: begun.since })}`);
  const look = useThrottled(view.again, LOOK_MS);
  useEffect(() => {
    if (begun && newest > begun.since) look();
  }, [newest]);

  const keep = (walk: Begun | null): void => {
    if (walk) sessionStorage.setItem(`walk ${id}`, JSON.stringify(walk));
    else sessionStorage.removeItem(`walk ${id}`);
    set(walk);
  };
  const tell = async (walk: string, for_s: number, comment: string): Promise<boolean> => {
    setBusy(true);
    setProblem(null);
    try {
      const body = { for_s, walk, comment, command_id: commandId() };
      await command(`/devices/${encodeURIComponent(id)}/commission`, body);
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
      return false;
    } finally {
      setBusy(false);
    }
  };
  const begin = async (): Promise<void> => {
    const walk = { walk: commandId(), since: position, fromMs: nowMs() };
    setResult("");
    if (await tell(walk.walk, FOR_S, "")) keep(walk);
  };
  const rows = begun && view.data ? [...view.data.shown, ...rang(id, begun, view.data)] : [];
  const end = async (): Promise<void> => {
    if (!begun) return;
    const word = (name: string, met: Met): string => (met ? "PASS" : met === false || name === "alarm" ? "FAIL" : "not seen");
    const words = rows.map(({ id: name, met }) => `${name} ${word(name, met)}`);
    if (!(await tell(begun.walk, 0, words.join(", ")))) return;
    keep(null);
    setResult(t("devices.walk_done"));
  };
  return (
    <div class="walk" role="group" aria-label={t("devices.walk")}>
      {begun ? (
        <>
          <Left fromMs={begun.fromMs} />
          <ul>
            {rows.map((row) => (
              <li key={row.id} class={`met-${row.met}`}>
                <span aria-hidden="true">{SIGN[`${row.met}`]}</span> <strong>{said(row.text)}</strong>{" "}
                {t(`devices.walk.${row.met}`)}
                <small>{say(row.by).map((pair) => pair.join(" ")).join(" · ")}</small>
                {row.do && <p class="do">→ {said(row.do)}</p>}
              </li>
            ))}
          </ul>
          {view.problem && <Refusal problem={view.problem} />}
          <button type="button" class="main" disabled={busy} onClick={() => void end()}>
            {t(busy ? "list.sent" : "devices.walk_end")}
          </button>
        </>
      ) : (
        <>
          <button type="button" disabled={busy} onClick={() => void begin()}>
            {t(busy ? "list.sent" : "devices.walk_begin")}
          </button>
          <small>{t("devices.walk_hint")}</small>
        </>
      )}
      {problem && <Refusal problem={problem} />}
      <span role="status">{result}</span>
    </div>
  );
}

function Left({ fromMs }: { fromMs: number }) {
  second.value;
  const left = fromMs + FOR_S * 1000 - nowMs();
  return <p>{left > 0 ? t("devices.walk_left", { time: lasting(left) }) : t("devices.walk_over")}</p>;
}

/** Whether a rule rang, where a cover was lifted and one should. */
function rang(id: string, begun: Begun, { judged, shown }: View): Shown[] {
  version.value;
  const lifted = shown.some((one) => one.id === "opened" && one.met);
  if (!judged || !lifted) return [];
  const met = [...alarms.values()].some(
    ({ device, since }) => device === id && since !== null && Date.parse(since) >= begun.fromMs,
  );
  return [{ id: "alarm", text: { zh: "报警", en: "alarm" }, do: null, met: met || null, by: {} }];
}
