// Sound: four tones. Browsers are silent until somebody has pressed something, so a shift begins with a test tone.
import { computed, effect, signal } from "@preact/signals";
import { calls } from "./desk/order";
import { alarms, link, version, watchers } from "./state";
import type { AlarmEvent } from "./types";

const REPEAT_MS = 4_000;
const REPEAT_LOST_MS = 10_000;
const KEPT = "silenced";
const GAP_MS = 1_500; // between two tones, so that a flood is not a siren

type Tone = { hz: number; at_s: number; for_s: number }[];
const TONES: Record<"urgent" | "high" | "low" | "lost", Tone> = {
  urgent: [0, 0.25, 0.5, 0.75].map((at_s, n) => ({ hz: n % 2 ? 740 : 988, at_s, for_s: 0.2 })),
  high: [0, 0.3].map((at_s) => ({ hz: 660, at_s, for_s: 0.2 })),
  low: [{ hz: 440, at_s: 0, for_s: 0.25 }],
  lost: [660, 550, 440].map((hz, n) => ({ hz, at_s: n * 0.25, for_s: 0.2 })),
};

let context: AudioContext | null = null;
let sounded = -Infinity;
let last: Tone | null = null;

/** Whether tones can be heard. */
export const audible = signal(false);

/** 开始值班: to be called from a gesture. Plays the test tone. */
export async function begin(): Promise<void> {
  context ??= new AudioContext();
  context.onstatechange = () => (audible.value = context?.state === "running");
  await context.resume();
  audible.value = context.state === "running";
  play(TONES.high);
}

/** On the wall screen a browser may be allowed to sound without a gesture; then it does, until what is returned. */
export function beginUnasked(): () => void {
  if (context) return () => {};
  const asked = new AudioContext();
  if (asked.state !== "running") {
    void asked.close();
    return () => {};
  }
  context = asked;
  audible.value = true;
  return () => {
    if (context !== asked) return;
    context = null;
    audible.value = false;
    void asked.close();
  };
}

function play(tone: Tone): void {
  if (!context || context.state !== "running") return;
  sounded = performance.now();
  last = tone;
  for (const { hz, at_s, for_s } of tone) {
    const [from, gain, voice] = [context.currentTime + at_s, context.createGain(), context.createOscillator()];
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(0.35, from + 0.02);
    gain.gain.setValueAtTime(0.35, from + for_s - 0.03);
    gain.gain.linearRampToValueAtTime(0, from + for_s);
    voice.type = "triangle";
    voice.frequency.value = hz;
    voice.connect(gain).connect(context.destination);
    voice.start(from);
    voice.stop(from + for_s);
  }
}

/** Whether it is this page that sounds: of all tabs of a browser that could, one does. */
const rings = signal(false);
let leave: (() => void) | null = null;
let queued = false;

effect(() => {
  if (!audible.value) return leave?.();
  if (queued) return;
  queued = true;
  void navigator.locks.request("sound", () => {
    queued = audible.value;
    if (!queued) return;
    rings.value = true;
    return new Promise<void>((done) => {
      leave = () => {
        rings.value = queued = false;
        leave = null;
        done();
      };
    });
  });
});

// ------------------------------------------------------------------------------------------------- what sounds

/** Occurrences that somebody has silenced, in whichever tab; silence ends the sound and nothing else. */
const kept = (): string[] => JSON.parse(localStorage.getItem(KEPT) ?? "[]") as string[];
const silenced = signal(kept());
/** Whether somebody has silenced that nothing is heard of the gateway; the next time it calls anew. */
const lossSilenced = signal(false);
const LOSS = "line";
addEventListener("storage", ({ key }) => {
  if (key !== KEPT) return;
  silenced.value = kept();
  lossSilenced.value = link.value.dead && silenced.value.includes(LOSS);
});
effect(() => {
  if (!link.value.dead) lossSilenced.value = false;
});
const one = (id: string, occurrence: number): string => `${id}#${occurrence}`;

const calling = computed(() => {
  version.value;
  return [...alarms.values()].filter((alarm) => alarm.priority === 1 && calls(alarm));
});
const urgent = computed(() => calling.value.some(({ id, occurrence }) => !silenced.value.includes(one(id, occurrence))));
const lost = computed(() => link.value.dead && !lossSilenced.value);
/** Whether an alarm of the first priority, or a dead line, calls until it is silenced or over. */
export const ringing = computed(() => urgent.value || lost.value);

export function silence(): void {
  silenced.value = [...calling.value.map(({ id, occurrence }) => one(id, occurrence)), ...(link.value.dead ? [LOSS] : [])];
  lossSilenced.value = link.value.dead;
  localStorage.setItem(KEPT, JSON.stringify(silenced.value));
}

/** What asks somebody for attention who was not asked before: rules/flood.py. */
const RINGING = new Set(["raised", "reraised", "unshelved", "unsuppressed", "in_service"]);
const annunciated = ({ kind, alarm }: AlarmEvent): boolean => RINGING.has(kind) && alarm.state === "UNACK";

watchers.add((events) => {
  const priorities = events.filter(annunciated).map(({ alarm }) => alarm.priority);
  const most = Math.min(...priorities);
  if (!rings.value || !priorities.length) return;
  const tone = most === 1 ? TONES.urgent : most === 2 ? TONES.high : TONES.low;
  if ((most > 1 || last === tone) && performance.now() - sounded < GAP_MS) return; // the most urgent only waits for itself
  play(tone);
});

let repeating: ReturnType<typeof setInterval> | undefined;
effect(() => {
  const tone = rings.value && (urgent.value ? TONES.urgent : lost.value && TONES.lost);
  clearInterval(repeating);
  if (!tone) return;
  if (performance.now() - sounded > GAP_MS) play(tone);
  repeating = setInterval(() => play(tone), urgent.value ? REPEAT_MS : REPEAT_LOST_MS);
});
