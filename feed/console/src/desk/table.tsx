// The windowed table: of 5,000 rows only those in sight are in the document. All have one height, so that it can be.
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { language, t } from "../i18n";
import { current, link } from "../state";
import { narrow } from "../width";
import { choose } from "./address";
import { filter, hidden, hold, holdFor, refresh, rows, selected, toggle, waiting } from "./rows";
import { Line, rowId, sentFor } from "./row";

const HEIGHT = 30;
const HEIGHT_NARROW = 76;
const POINTER_MS = 60_000; // a mouse that lies there for longer is nobody who looks
const BEYOND = 6; // rows kept on either side of what is in sight

/** Ids of the rows that can be seen now: what Shift+A acknowledges. */
export const visible: { ids: () => string[] } = { ids: () => [] };

export function Table() {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const room = useSignal(600);
  const all = rows.value;
  const height = narrow.value ? HEIGHT_NARROW : HEIGHT;
  const head = narrow.value ? 0 : HEIGHT; // it stays above the rows
  const first = Math.max(0, Math.floor(top.value / height) - BEYOND);
  const last = Math.min(all.length, Math.ceil((top.value + room.value) / height) + BEYOND);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const seen = new ResizeObserver(() => (room.value = element.clientHeight - head));
    seen.observe(element);
    visible.ids = () => {
      const from = Math.ceil(element.scrollTop / height);
      const to = Math.floor((element.scrollTop + element.clientHeight - head) / height);
      return rows.peek().slice(from, Math.max(to, from + 1)).map(({ id }) => id);
    };
    return () => {
      seen.disconnect();
      hold("pointer", false);
    };
  }, [height]);

  const at = all.findIndex(({ id }) => id === selected.value);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || at < 0) return;
    if (at * height < element.scrollTop) element.scrollTop = at * height;
    const below = (at + 1) * height + head - element.clientHeight;
    if (below > element.scrollTop) element.scrollTop = below;
  }, [selected.value, height]);

  return (
    <div
      class="list"
      onPointerMove={(event) => event.pointerType === "mouse" && holdFor("pointer", POINTER_MS)}
      onPointerLeave={() => hold("pointer", false)}
    >
      <Waiting onShow={() => box.current?.scrollTo(0, 0)} />
      <div
        ref={box}
        id="rows"
        role="grid"
        tabIndex={0}
        aria-label={t("desk.table")}
        aria-rowcount={all.length + 1}
        aria-activedescendant={at >= first && at < last ? rowId(all[at]?.id ?? "") : undefined}
        onScroll={(event) => (top.value = event.currentTarget.scrollTop)}
        onClick={(event) => press(event.target)}
      >
        <Head />
        <div class="all" role="rowgroup" style={{ height: `${all.length * height}px` }}>
          {all.slice(first, last).map((row, n) => (
            <Line
              key={row.id}
              row={row}
              at={first + n}
              height={height}
              chosen={row.id === selected.value}
              sent={sentFor(row)}
              language={language.value}
            />
          ))}
        </div>
      </div>
      <Nothing count={all.length} />
      {hidden.value > 0 && (
        <button type="button" id="hidden" onClick={() => (filter.value = { priority: null, words: "" })}>
          {t("desk.hidden", { n: hidden.value })}
        </button>
      )}
    </div>
  );
}

function press(target: EventTarget | null): void {
  const id = target instanceof Element ? target.closest<HTMLElement>("[data-row]")?.dataset["row"] : undefined;
  const row = rows.peek().find((one) => one.id === id);
  if (!row) return;
  if (row.kind === "group") toggle(row.cause);
  choose(row.id);
}

function Head() {
  const columns = ["priority", "state", "since", "lasting", "place", "device", "what", "value", "count", "acked"] as const;
  return (
    <div role="rowgroup" class="head">
      <div role="row" class="line" aria-rowindex={1}>
        {columns.map((name) => (
          <span key={name} role="columnheader" class={name === "state" ? "state-of" : name}>{t(`desk.${name}`)}</span>
        ))}
      </div>
    </div>
  );
}

/** What came while the rows were held still. */
function Waiting({ onShow }: { onShow: () => void }) {
  const { count, urgent } = waiting.value;
  if (!count) return null;
  const show = (): void => {
    refresh();
    onShow();
  };
  return (
    <button type="button" id="new" class={urgent ? "urgent" : ""} onClick={show}>
      {t("desk.new", { n: count })}
      {urgent > 0 && ` · ${t("desk.new.urgent", { n: urgent })}`}
    </button>
  );
}

/** An empty list is called empty only when the gateway has just said so. */
function Nothing({ count }: { count: number }) {
  if (count || link.value.dead) return null;
  const narrowed = filter.value.priority !== null || filter.value.words.trim() !== "";
  return <p id="none" class="state">{t(!current.value ? "desk.unknown" : narrowed ? "desk.none.filter" : "desk.none")}</p>;
}
