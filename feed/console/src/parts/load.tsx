// Reading something once, and again when it is asked for.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, Problem } from "../api";
import { Failed, Loading } from "./states";

export type Loaded<T> = { data: T | null; problem: Problem | null; again: () => void };

/** GET a path whenever it changes, or each `every_s`; null = nothing to read. Old data stay while new are read.
 * more: what is added to the path each time that it is read. */
export function useLoad<T>(path: string | null, every_s?: number, more = (): string => ""): Loaded<T> {
  const [state, set] = useState<{ path: string | null; data: T | null; problem: Problem | null }>({
    path: null, data: null, problem: null,
  });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === null) return;
    let gone = false;
    const read = (): void => {
      get<T>(path + more()).then(
        (data) => !gone && set({ path, data, problem: null }),
        (problem: Problem) => !gone && set((before) => ({ path, data: before.path === path ? before.data : null, problem })),
      );
    };
    read();
    const timer = every_s ? setInterval(read, every_s * 1000) : 0;
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [path, turn, every_s]);
  const mine = state.path === path;
  return { data: mine ? state.data : null, problem: mine ? state.problem : null, again: () => setTurn((n) => n + 1) };
}

/** Show what was loaded, or that it is not here. */
export function Show<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  if (of.data !== null) return <>{children(of.data)}</>;
  return of.problem ? <Failed problem={of.problem} again={of.again} /> : <Loading />;
}
