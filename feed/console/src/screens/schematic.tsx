// A plan without a map: devices where they are, north up, one measure in all directions.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { calling, marks, wordsOf, type Mark, type Spot } from "./plan";
import { Symbol } from "./symbol";

type View = { x: number; y: number; scale: number }; // middle in metres east and north of the origin; pixels a metre
type Size = { width: number; height: number };

const DEGREE_M = 111_320;
const EDGE_PX = 70;
const CLOSEST = 4;
const STEP = 1.6;

export function Schematic({ spots, pick, aim }: { spots: Spot[]; pick: (mark: Mark) => void; aim: Spot[] | null }) {
  const svg = useRef<SVGSVGElement>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const [own, setView] = useState<View | null>(null); // null = all of it
  const origin = spots[0]?.at ?? [0, 0];
  const east = Math.cos((origin[1] * Math.PI) / 180) * DEGREE_M;
  const metres = ({ at }: Spot): [number, number] => [(at[0] - origin[0]) * east, (at[1] - origin[1]) * DEGREE_M];
  const around = (those: Spot[]): View => fitting(those.map(metres), size);
  const view = own ?? around(spots);
  const project = (at: Spot["at"]): [number, number] => [
    size.width / 2 + ((at[0] - origin[0]) * east - view.x) * view.scale,
    size.height / 2 - ((at[1] - origin[1]) * DEGREE_M - view.y) * view.scale,
  ];
  useLayoutEffect(() => {
    const element = svg.current;
    if (!element) return undefined;
    const look = (): void => setSize({ width: element.clientWidth, height: element.clientHeight });
    const watch = new ResizeObserver(look);
    watch.observe(element);
    look();
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (aim?.length) setView(around(aim));
  }, [aim]);
  const zoom = (by: number, px = size.width / 2, py = size.height / 2): void => {
    const scale = Math.min(CLOSEST, Math.max(1e-4, view.scale * by));
    const [dx, dy] = [px - size.width / 2, py - size.height / 2];
    setView({ scale, x: view.x + dx / view.scale - dx / scale, y: view.y - dy / view.scale + dy / scale });
  };
  const move = (dx: number, dy: number): void =>
    setView({ ...view, x: view.x + dx / view.scale, y: view.y - dy / view.scale });
  const drag = useDrag(move);
  const open = (mark: Mark): void => {
    pick(mark);
    if (mark.spots.length > 1 && view.scale < CLOSEST) setView(around(mark.spots));
  };
  const keys: Record<string, () => void> = {
    "+": () => zoom(STEP),
    "=": () => zoom(STEP),
    "-": () => zoom(1 / STEP),
    "0": () => setView(null),
    ArrowLeft: () => move(-80, 0),
    ArrowRight: () => move(80, 0),
    ArrowUp: () => move(0, -80),
    ArrowDown: () => move(0, 80),
  };
  const shown = size.width ? marks(spots, project, size.width, size.height) : [];
  const named = labels(shown, size.width);
  return (
    <>
      <svg
        ref={svg}
        class="schematic"
        tabindex={0}
        role="group"
        aria-label={t("map.schematic_say")}
        {...drag}
        onWheel={(event) => {
          event.preventDefault();
          zoom(event.deltaY < 0 ? STEP : 1 / STEP, event.offsetX, event.offsetY);
        }}
        onKeyDown={(event) => {
          const does = keys[event.key];
          if (!does || event.ctrlKey || event.altKey || event.metaKey) return;
          event.preventDefault();
          does();
        }}
      >
        <Grid view={view} size={size} />
        {shown.map((mark) => (
          <One key={mark.spots[0]?.id} mark={mark} open={open} />
        ))}
        <g class="names" aria-hidden="true">
          {[...named].map(([mark, side]) => (
            <text key={mark.spots[0]?.id} class={side} x={mark.x + (side === "right" ? 17 : -17)} y={mark.y + 4}>
              {calling(mark)}
            </text>
          ))}
        </g>
      </svg>
      <div class="zoom" role="group" aria-label={t("map.zoom")}>
        <button type="button" aria-label={t("map.in")} onClick={() => zoom(STEP)}>
          +
        </button>
        <button type="button" aria-label={t("map.out")} onClick={() => zoom(1 / STEP)}>
          −
        </button>
        <button type="button" onClick={() => setView(null)}>
          {t("map.all")}
        </button>
      </div>
      <Scale scale={view.scale} />
    </>
  );
}

function fitting(points: [number, number][], size: Size): View {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [west, east, south, north] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  if (!points.length) return { x: 0, y: 0, scale: 1 };
  const room = (px: number, m: number): number => Math.max(40, px - 2 * Math.min(EDGE_PX, px / 8)) / Math.max(1, m);
  return {
    x: (west + east) / 2,
    y: (south + north) / 2,
    scale: Math.min(CLOSEST / 2, room(size.width, east - west), room(size.height, north - south)),
  };
}

/** Move by pointer; a press that does not move is a click on a mark. */
function useDrag(move: (dx: number, dy: number) => void) {
  const last = useRef<[number, number] | null>(null);
  return {
    onPointerDown: (event: PointerEvent): void => void (last.current = [event.clientX, event.clientY]),
    onPointerMove: (event: PointerEvent): void => {
      if (!last.current || !event.buttons) return;
      const [x, y] = last.current;
      if (Math.hypot(event.clientX - x, event.clientY - y) < 3) return;
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      last.current = [event.clientX, event.clientY];
      move(x - event.clientX, y - event.clientY);
    },
    onPointerUp: (): void => void (last.current = null),
    onPointerCancel: (): void => void (last.current = null),
  };
}

function One({ mark, open }: { mark: Mark; open: (mark: Mark) => void }) {
  return (
    <g
      class={`mark ${mark.worst ? `p${mark.worst}` : ""}`}
      tabindex={0}
      role="button"
      aria-label={wordsOf(mark)}
      transform={`translate(${Math.round(mark.x)} ${Math.round(mark.y)})`}
      onClick={() => open(mark)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        open(mark);
      }}
    >
      <title>{wordsOf(mark)}</title>
      <Symbol mark={mark} />
    </g>
  );
}

const LINE_PX = 16;

const wide = (text: string): number => [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 12.5 : 7), 0);
type Side = "right" | "left";

/** Whose names have room, and on which side: the most urgent first, none over a mark or over another name. */
function labels(shown: Mark[], width: number): Map<Mark, Side> {
  const taken = shown.map(({ x, y }) => [x - 14, y - 14, x + 14, y + 14] as const);
  const named = new Map<Mark, Side>();
  for (const mark of [...shown].reverse()) {
    const length = wide(calling(mark));
    const side = (["right", "left"] as const).find((one) => {
      const [from, to] = one === "right" ? [mark.x + 15, mark.x + 18 + length] : [mark.x - 18 - length, mark.x - 15];
      const free =
        from > 0 &&
        to < width &&
        !taken.some(([w, n, e, s]) => to > w && from < e && mark.y + LINE_PX / 2 > n && mark.y - LINE_PX / 2 < s);
      if (free) taken.push([from, mark.y - LINE_PX / 2, to, mark.y + LINE_PX / 2]);
      return free;
    });
    if (side && length) named.set(mark, side);
  }
  return named;
}

const round = (m: number): number => {
  const power = 10 ** Math.floor(Math.log10(m));
  return power * ([5, 2, 1].find((one) => one * power <= m) ?? 1);
};

function Grid({ view, size }: { view: View; size: Size }) {
  const step = round(240 / view.scale) * view.scale;
  const lines = (length: number, offset: number): number[] =>
    Array.from({ length: Math.ceil(length / step) + 1 }, (_, n) => (((offset % step) + step) % step) + n * step);
  return (
    <g class="grid" aria-hidden="true">
      {lines(size.width, size.width / 2 - view.x * view.scale).map((x) => (
        <line key={`x${x}`} x1={x} x2={x} y1={0} y2={size.height} />
      ))}
      {lines(size.height, size.height / 2 + view.y * view.scale).map((y) => (
        <line key={`y${y}`} x1={0} x2={size.width} y1={y} y2={y} />
      ))}
    </g>
  );
}

function Scale({ scale }: { scale: number }) {
  const m = round(120 / scale);
  const width = Math.round(m * scale);
  return (
    <svg class="scale" width={width + 2} height="22" role="img" aria-label={t("map.scale", { n: length(m) })}>
      <path d={`M1 12v8h${width}v-8`} />
      <text x={width / 2} y="10">
        {length(m)}
      </text>
    </svg>
  );
}

const length = (m: number): string => (m < 1000 ? `${Math.round(m * 10) / 10} m` : `${m / 1000} km`);
