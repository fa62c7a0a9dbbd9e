// Lists that come by pages: whole ones that are read to their end, and long ones that are read on as far as one looks.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, Problem, query } from "../api";
import { t } from "../i18n";
import { Failed, Loading } from "../parts/states";
import { link } from "../state";
import { useReturn } from "./fresh";

export type All<T> = { rows: T[] | null; problem: Problem | null; again: () => void };
type Page = { next: string | number | null } & Record<string, unknown>;

/** Read a list to its end, and again each `every_s`; the rows are what its pages have under `name`. */
export function useAll<T>(path: string, name: string, every_s?: number): All<T> {
  const [rows, setRows] = useState<T[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [turn, setTurn] = useState(0);
  const again = (): void => setTurn((n) => n + 1);
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    const read = async (): Promise<void> => {
      try {
        const found = await toTheEnd<T>(path, name, stop.signal);
        if (stop.signal.aborted) return;
        setRows(found);
        setProblem(null);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (!stop.signal.aborted) setProblem(error);
      }
      if (every_s && !stop.signal.aborted) timer = window.setTimeout(again, every_s * 1000);
    };
    void read();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, name, turn]);
  return { rows, problem, again };
}

async function toTheEnd<T>(path: string, name: string, stop: AbortSignal): Promise<T[]> {
  const found: T[] = [];
  let after: string | number | null = null;
  do {
    const page: Page = await get<Page>(`${path}${query({ after })}`);
    found.push(...(page[name] as T[]));
    after = page.next;
  } while (after !== null && !stop.aborted);
  return found;
}

/** Show a list that was read: loading, failed (above what is known from before), or there. */
export function ShowAll<T>({ of, children }: { of: All<T>; children: (rows: T[]) => ComponentChildren }) {
  return (
    <>
      {of.problem && <Failed problem={of.problem} again={of.again} />}
      {of.rows ? children(of.rows) : !of.problem && <Loading />}
    </>
  );
}

const STEP = 200;

/** So many of the rows, and a button for more: a table of thousands takes seconds to draw. */
export function Some<T>({ rows, children }: { rows: T[]; children: (rows: T[]) => ComponentChildren }) {
  const [count, setCount] = useState(STEP);
  return (
    <>
      {children(rows.slice(0, count))}
      {rows.length > count && (
        <p class="row">
          {t("list.some", { n: count, all: rows.length })}
          <button type="button" onClick={() => setCount(count + STEP)}>
            {t("list.more")}
          </button>
        </p>
      )}
    </>
  );
}

export type Pages<T> = All<T> & { more: (() => void) | null; busy: boolean };
type Kept<T> = { path: string; rows: T[] | null; next: Page["next"]; problem: Problem | null };

/** Read the first page of a list, and the following ones when they are asked for. by: the parameter that goes on. */
export function usePages<T>(path: string, name: string, by: "before" | "after"): Pages<T> {
  const [state, set] = useState<Kept<T>>({ path, rows: null, next: null, problem: null });
  const [asked, ask] = useState<{ path: string; turn: number; from: Page["next"] }>({ path, turn: 0, from: null });
  const [busy, setBusy] = useState(true);
  const mine = state.path === path;
  const from = asked.path === path ? asked.from : null; // a page of another list is none of this one
  useEffect(() => {
    let gone = false;
    setBusy(true);
    const [base, own = ""] = path.split("?");
    get<Page>(`${base}${query({ ...Object.fromEntries(new URLSearchParams(own)), [by]: from })}`)
      .then(
        (page) => {
          const found = page[name] as T[];
          if (!gone)
            set((was) => ({
              path,
              rows: from === null ? found : [...(was.rows ?? []), ...found],
              next: page.next,
              problem: null,
            }));
        },
        (problem: Problem) =>
          !gone && set((was) => ({ ...was, path, rows: was.path === path ? was.rows : null, problem })),
      )
      .finally(() => !gone && setBusy(false));
    return () => void (gone = true);
  }, [path, asked.turn, from]);
  return {
    rows: mine ? state.rows : null,
    problem: mine ? state.problem : null,
    busy,
    again: () => ask({ path, turn: asked.turn + 1, from: null }),
    more: mine && state.next !== null ? () => ask({ path, turn: asked.turn, from: state.next }) : null,
  };
}

const LOOK_MS = 1_000;

export type Live<T> = Pages<T> & { newer: (() => void) | null; look: () => void };

/** Entries newest first, by pages, and live: what is new comes above, but not while the pointer is on the rows.
 * when: read again at the earliest so long after the last time when an event was told (told_ms), whatever happens
 * (every_ms), and when somebody comes back to the page. newer: shows what waits for the pointer, or null. look: at once. */
export function useLivePages<T extends { number: number }>(
  path: string, name: string, by: "before" | "after", when: { told_ms?: number; every_ms?: number },
): Live<T> {
  const { told_ms = Infinity, every_ms = Infinity } = when;
  const pages = usePages<T>(path, name, by);
  const [fresh, set] = useState<{ path: string; rows: T[] }>({ path, rows: [] });
  const [waits, setWaits] = useState(false);
  const seen = useRef({ known: -1, ms: performance.now(), due: false }); // the event up to which the rows are whole
  const above = fresh.path === path ? fresh.rows : [];
  const top = above[0]?.number ?? pages.rows?.[0]?.number ?? -1;
  const read = async (): Promise<void> => {
    const { known } = link.peek();
    seen.current = { known, ms: performance.now(), due: false };
    const page = await get<Page>(path).catch(() => null);
    if (!page) return void (seen.current.due = true); // asked again
    setWaits(false);
    const found = page[name] as T[];
    const newer = found.filter(({ number }) => number > top);
    if (newer.length && newer.length === found.length && page.next !== null) {
      set({ path, rows: [] });
      return pages.again(); // more than a page: begin anew
    }
    if (newer.length) set({ path, rows: [...newer, ...above] });
  };
  useReturn(() => void (seen.current.due = true));
  const ready = pages.rows !== null && !pages.busy;
  useEffect(() => {
    if (!ready) return;
    const timer = setInterval(() => {
      if (document.hidden) return;
      const { known, ms, due } = seen.current;
      const age = performance.now() - ms;
      if (!due && age < (link.peek().known === known ? every_ms : Math.min(told_ms, every_ms))) return;
      if (document.querySelector("main table:hover")) setWaits(true);
      else void read();
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [path, ready, top]);
  const rows = pages.rows && [...above, ...pages.rows.filter(({ number }) => number < (above.at(-1)?.number ?? Infinity))];
  return { ...pages, rows, newer: waits ? () => void read() : null, look: () => void read() };
}

/** Shows what has come while the pointer was on the rows. */
export function Newer<T>({ of: { newer } }: { of: Live<T> }) {
  if (!newer) return null;
  return (
    <button type="button" class="small no-print" onClick={newer}>
      {t("list.newer")}
    </button>
  );
}

/** The foot of such a list. */
export function Onward<T>({ of }: { of: Pages<T> }) {
  if (!of.rows?.length) return null;
  return (
    <p class="row">
      {t("list.shown", { n: of.rows.length })}
      {" · "}
      {of.more ? (
        <button type="button" disabled={of.busy} onClick={of.more}>
          {t("list.older")}
        </button>
      ) : (
        t("list.end")
      )}
    </p>
  );
}
