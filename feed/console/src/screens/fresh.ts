// Reading again when something may have changed.
import { useEffect, useRef } from "preact/hooks";

/** The newest of what is given at each drawing, for what is called later. */
function useNewest<T>(given: T): { current: T } {
  const newest = useRef(given);
  newest.current = given;
  return newest;
}

/** Work at once, but not more often than each `every_ms`: what is asked for meanwhile is done when that is over. */
export function useThrottled(work: () => void, every_ms: number): () => void {
  const newest = useNewest(work);
  const kept = useRef({ last: -Infinity, timer: 0 });
  useEffect(() => () => clearTimeout(kept.current.timer), []);
  return () => {
    const { last, timer } = kept.current;
    if (timer) return;
    const run = (): void => {
      kept.current = { last: performance.now(), timer: 0 };
      newest.current();
    };
    const left = last + every_ms - performance.now();
    if (left <= 0) run();
    else kept.current.timer = window.setTimeout(run, left);
  };
}

const BACK_MS = 2_000; // a tab that is shown and its window that is chosen are one return

/** Read again when somebody comes back to this page. */
export function useReturn(again: () => void): void {
  const back = useNewest(useThrottled(again, BACK_MS));
  useEffect(() => {
    const look = (): void => {
      if (!document.hidden) back.current();
    };
    addEventListener("focus", look);
    document.addEventListener("visibilitychange", look);
    return () => {
      removeEventListener("focus", look);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
}
