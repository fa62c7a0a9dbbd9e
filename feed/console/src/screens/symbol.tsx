// What stands for devices on a map, drawn or of tiles.
import { SHAPES } from "../parts/chip";
import type { Priority } from "../types";
import type { Mark } from "./plan";

/** The sign of its most urgent alarm, whose core pulses while somebody is called; else a quiet dot, hollow where nothing
 * is heard. Round what somebody has chosen lies a ring. */
export function Symbol({ mark }: { mark: Mark }) {
  const many = mark.spots.length > 1;
  const shape = SHAPES[mark.worst as Priority];
  return (
    <>
      {mark.chosen && <circle class="ring" r={19} />}
      {mark.worst ? (
        <>
          <path d={shape} transform="translate(-12 -12) scale(1.5)" />
          {mark.calling > 0 && <path class="core pulse" d={shape} transform="translate(-5.6 -5.6) scale(.7)" />}
        </>
      ) : (
        <circle class={mark.spots.some((spot) => spot.known) ? "known" : "unknown"} r={many ? 11 : 5} />
      )}
      {many && (
        <text class="n" x={mark.worst ? 13 : 0} y={mark.worst ? 19 : 4}>
          {mark.spots.length}
        </text>
      )}
    </>
  );
}
