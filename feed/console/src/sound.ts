// Sound: three tones. Browsers are silent until somebody has pressed something, so a shift begins with a test tone.
import { computed, effect, signal } from "@preact/signals";
import { alarms, link, version, watchers } from "./state";
import type { AlarmEvent } from "./types";

const REPEAT_MS = 4_000;
const GAP_MS = 1_500; // between two tones, so that a flood is not a siren

type Tone = { hz: number; at_s: number; for_s: number }[];
const TONES: Record<"urgent" | "high" | "low", Tone> = {
  urgent: [0, 0.25, 0.5, 0.75].map((at_s, n) => ({ hz: n % 2 ? 740 : 988, at_s, for_s: 0.2 })),
  high: [0, 0.3].map((at_s) => ({ hz: 660, at_s, for_s: 0.2 })),
  low: [{ hz: 440, at_s: 0, for_s: 0.25 }],
};

let context: AudioContext | null = null;
let sounded = -Infinity;

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

/** On the wall screen a browser may be allowed to sound without a gesture; then it does. */
export function beginUnasked(): void {
  const asked = new AudioContext();
  if (asked.state !== "running") return void asked.close();
  context = asked;
  audible.value = true;
}

function play(tone: Tone): void {
  if (!context || context.state !== "running") return;
  sounded = performance.now();
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

// ------------------------------------------------------------------------------------------------- what sounds

/** Occurrences that somebody has silenced; silence ends the sound and nothing else. */
const silenced = signal<Set<string>>(new Set());
const one = (id: string, occurrence: number): string => `${id}#${occurrence}`;

const calling = computed(() => {
  version.value;
  return [...alarms.values()].filter((alarm) => alarm.priority === 1 && alarm.state === "UNACK");
});
/** Whether an alarm of the first priority calls until somebody acknowledges or silences it. */
export const ringing = computed(() => calling.value.some(({ id, occurrence }) => !silenced.value.has(one(id, occurrence))));

export function silence(): void {
  silenced.value = new Set(calling.value.map(({ id, occurrence }) => one(id, occurrence)));
}

/** What asks somebody for attention who was not asked before: rules/flood.py. */
const RINGING = new Set(["raised", "reraised", "unshelved", "unsuppressed", "in_service"]);
const annunciated = ({ kind, alarm }: AlarmEvent): boolean => RINGING.has(kind) && alarm.state === "UNACK";

watchers.add((events) => {
  const priorities = events.filter(annunciated).map(({ alarm }) => alarm.priority);
  const most = Math.min(...priorities);
  if (!priorities.length || (most > 1 && performance.now() - sounded < GAP_MS)) return;
  play(most === 1 ? TONES.urgent : most === 2 ? TONES.high : TONES.low);
});

let repeating: ReturnType<typeof setInterval> | undefined;
effect(() => {
  const ring = ringing.value && audible.value && !link.value.dead;
  clearInterval(repeating);
  if (!ring) return;
  if (performance.now() - sounded > GAP_MS) play(TONES.urgent);
  repeating = setInterval(() => play(TONES.urgent), REPEAT_MS);
});
