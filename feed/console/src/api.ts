// Asking the gateway. Every refusal is a Problem with a sentence for people in both languages.
import type { Text } from "./types";

export class Problem extends Error {
  /** status: of HTTP; 0 = the gateway was not reached. word: the end of urn:cityward:problem:… */
  constructor(
    readonly status: number,
    readonly word: string,
    readonly text: Text,
    readonly body: Record<string, unknown> = {},
  ) {
    super(text.en);
  }
}

const TIMEOUT_MS = 15_000;
const AGAIN_MS = 1_000;

/** Called for every Problem before it is thrown: who has to log in (401) or to unlock (423) is told there. */
export const refused: { listeners: ((problem: Problem) => void)[] } = { listeners: [] };

// Whether somebody sits here: what the page asks by itself must not keep an idle session from being locked.
const STILL_MS = 60_000;
let touched = Date.now();
/** How long ago somebody touched this page, in milliseconds. */
export const untouchedMs = (): number => Date.now() - touched;
if (typeof document !== "undefined") {
  for (const kind of ["pointerdown", "pointermove", "keydown", "wheel"])
    addEventListener(kind, () => (touched = Date.now()), { passive: true });
}
const idle = (): Record<string, string> => (untouchedMs() > STILL_MS ? { "X-Cityward-Idle": "1" } : {});

async function ask(method: string, path: string, body?: unknown): Promise<unknown> {
  let answer: Response;
  try {
    answer = await fetch(`api/v1${path}`, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { ...idle(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    const late = (error as Error).name === "TimeoutError";
    throw new Problem(0, "unreached", late
      ? { zh: "网关没有按时答复", en: "The gateway did not answer in time" }
      : { zh: "没有送达网关", en: "The gateway was not reached" });
  }
  if (answer.ok) return answer.status === 204 ? null : await answer.json();
  const problem = await problemOf(answer);
  for (const listener of refused.listeners) listener(problem);
  throw problem;
}

async function problemOf(answer: Response): Promise<Problem> {
  const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  const text = body["text"] as Text | undefined;
  const word = String(body["type"] ?? "").replace("urn:cityward:problem:", "") || "unknown";
  const plain = { zh: `网关拒绝（HTTP ${answer.status}）`, en: `Refused by the gateway (HTTP ${answer.status})` };
  return new Problem(answer.status, word, text ?? plain, body);
}

/** GET; `T` is the shape that docs/api.md promises. */
export const get = <T>(path: string): Promise<T> => ask("GET", path) as Promise<T>;
export const post = <T>(path: string, body: unknown = {}): Promise<T> => ask("POST", path, body) as Promise<T>;
export const patch = <T>(path: string, body: unknown): Promise<T> => ask("PATCH", path, body) as Promise<T>;
export const remove = <T>(path: string, body?: unknown): Promise<T> => ask("DELETE", path, body) as Promise<T>;

/** An id in a path: the slash of `rule@subject/quantity` stays. */
export const pathOf = (id: string): string => id.split("/").map(encodeURIComponent).join("/");

/** `?a=1&b=2` of what is given; nothing for what is null, undefined or empty. */
export function query(given: Record<string, string | number | null | undefined>): string {
  const pairs = Object.entries(given).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return pairs.length ? `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}` : "";
}

/** A new command_id. */
export const commandId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Send a command; again with the same id while nobody knows whether it has happened (504, a lost connection). */
export async function command<T>(path: string, body: { command_id: string } & Record<string, unknown>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await post<T>(path, body);
    } catch (error) {
      const unknown = error instanceof Problem && (error.status === 0 || error.status === 504);
      if (!unknown || attempt === 3) throw error;
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }
}
