// A device's frames as they come, for an engineer beside it: what each says or why it is not read, and its bytes.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, Problem, query } from "../api";
import { t } from "../i18n";
import { locked } from "../session";
import { when } from "../time";
import { useThrottled } from "./fresh";
import { Refusal } from "./form";
import { Walk } from "./walk";

type Said = Record<string, number | boolean | string>;
type Frame = {
  sequence: number;
  at: string;
  source: string;
  place: string;
  payload_hex: string;
  duplicate: boolean;
  refused: string | null;
  facts: Record<string, string>;
  readings: { time: string; live: boolean; values: Said; flags: string | null }[];
};
type Page = { frames: Frame[]; position: number };
type Heard = { frames: Frame[] | null; position: number; problem: Problem | null };

const KEPT = 100;
const DEAF_MS = 15_000; // the gateway listens no longer for who has not asked for 20 s
const PAUSE_MS = 1_000;
const AGAIN_MS = 5_000;
const SHORT_BYTES = 48;

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** The newest frames, the last one first; null = not read yet. came: told when there are more. */
function useFrames(id: string, came: () => void): Heard {
  const [frames, setFrames] = useState<Frame[] | null>(null);
  const [position, setPosition] = useState(0);
  const [problem, setProblem] = useState<Problem | null>(null);
  const tell = useRef(came);
  tell.current = came;
  useEffect(() => {
    let gone = false;
    const path = `/devices/${encodeURIComponent(id)}/frames`;
    const listen = async (): Promise<void> => {
      let [after, heardMs]: [number | null, number] = [null, 0];
      while (!gone) {
        if (document.hidden || locked.peek()) {
          await pause(PAUSE_MS); // nobody looks
          continue;
        }
        if (performance.now() - heardMs > DEAF_MS) after = null; // what came meanwhile the journal has
        const askedMs = performance.now();
        try {
          const page: Page = await get<Page>(`${path}${query(after === null ? { newest: "true" } : { after })}`);
          if (gone) return;
          heardMs = performance.now();
          if (after !== null && page.frames.length) tell.current();
          after = page.position;
          setPosition(page.position);
          setFrames((was) => merged(was ?? [], page.frames));
          setProblem(null);
          // It waits for a frame itself, but not while it stops.
          if (!page.frames.length && heardMs - askedMs < PAUSE_MS) await pause(PAUSE_MS);
        } catch (error) {
          if (!(error instanceof Problem)) throw error;
          if (gone) return;
          setProblem(error);
          if (error.status === 404) return; // a reload took the device away
          await pause(AGAIN_MS);
        }
      }
    };
    void listen();
    return () => void (gone = true);
  }, [id]);
  return { frames, position, problem };
}

function merged(known: Frame[], fresh: Frame[]): Frame[] {
  if (!fresh.length) return known;
  const all = new Map([...known, ...fresh].map((frame) => [frame.sequence, frame]));
  return [...all.values()].sort((a, b) => b.sequence - a.sequence).slice(0, KEPT);
}

/** say: a value with its quantity and unit, in words. */
export function Frames(given: { id: string; say: (of: Said) => [string, string][]; came: () => void }) {
  const { id, say, came } = given;
  const { frames, position, problem } = useFrames(id, useThrottled(came, AGAIN_MS));
  const [held, hold] = useState<number | null>(null); // nothing moves under the pointer
  const newest = frames?.[0]?.sequence ?? 0;
  const shown = frames?.filter(({ sequence }) => held === null || sequence <= held) ?? [];
  const waiting = (frames?.length ?? 0) - shown.length;
  return (
    <section>
      <div class="row head">
        <h3>{t("devices.frames")}</h3>
        <span role="status">{waiting > 0 && t("devices.frames_newer", { n: waiting })}</span>
      </div>
      {problem && <Refusal problem={problem} />}
      {frames && <Walk id={id} position={position} newest={newest} say={say} />}
      <p class="hint">{t(frames && !frames.length ? "devices.frames_none" : "devices.frames_live")}</p>
      {shown.length > 0 && (
        <ol
          class="frames"
          tabIndex={0}
          aria-label={t("devices.frames")}
          onPointerEnter={({ pointerType }) => pointerType === "mouse" && hold(newest)}
          onPointerLeave={() => hold(null)}
        >
          {shown.map((frame) => (
            <One key={frame.sequence} frame={frame} say={say} />
          ))}
        </ol>
      )}
    </section>
  );
}

function One({ frame, say }: { frame: Frame; say: (of: Said) => [string, string][] }) {
  const { at, duplicate, refused, facts, readings } = frame;
  const several = readings.length > 1;
  return (
    <li class={refused ? "refused" : ""}>
      <p>
        <strong>{when(at)}</strong>
        <small>
          {frame.source} {frame.place} · #{frame.sequence}
        </small>
      </p>
      {duplicate && <p>{t("devices.frames_duplicate")}</p>}
      {refused !== null && (
        <p>
          <strong>{t("devices.frames_refused")}</strong> {refused}
        </p>
      )}
      <Pairs pairs={Object.entries(facts)} />
      {readings.map(({ time, live, values, flags }, n) => (
        <div key={n}>
          {(several || !live) && (
            <small>
              {when(time)} {!live && t("devices.frames_late")}
            </small>
          )}
          <Pairs pairs={say(values)} />
          {flags && <small>{flags}</small>}
        </div>
      ))}
      <Bytes hex={frame.payload_hex} open={refused !== null} />
    </li>
  );
}

function Pairs({ pairs }: { pairs: [string, string][] }) {
  if (!pairs.length) return null;
  return (
    <ul class="said">
      {pairs.map(([name, value]) => (
        <li key={name}>
          <span>{name}</span> {value}
        </li>
      ))}
    </ul>
  );
}

/** The bytes in hexadecimal, and as text where they are text. */
function Bytes({ hex, open }: { hex: string; open: boolean }) {
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (two) => parseInt(two, 16));
  const text = textOf(bytes);
  return (
    <details open={open || bytes.length <= SHORT_BYTES}>
      <summary>{t("devices.frames_bytes", { n: bytes.length })}</summary>
      {text && <code>{text}</code>}
      <code>{hex.replace(/../g, "$& ").trim()}</code>
    </details>
  );
}

function textOf(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim();
    return /\p{C}/u.test(text.replace(/[\r\n\t]/g, "")) ? "" : text;
  } catch {
    return "";
  }
}
