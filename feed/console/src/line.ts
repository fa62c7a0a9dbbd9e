// The line to the gateway: the full picture, then every change after it, without a gap. One for the whole browser.
import { get, Problem, query } from "./api";
import { stands } from "./desk/order";
import type { Alarm, AlarmEvent, AlarmsPage } from "./types";

const RETRY_MS = 2_000;
const QUIET_MS = 31_000; // three heartbeats: a line can be dead without an error, when nobody closes it
const GATHER_MS = 50; // many events of one moment go to the pages as one message

/** What the line says to the pages; each message carries all that has become known since the one before. */
export type Said =
  | { kind: "picture"; gateway: string; alarms: Alarm[]; known: number }
  | { kind: "events"; events: AlarmEvent[] }
  | { kind: "heartbeat"; last: number; time: string }
  | { kind: "link"; open: boolean; problem: { status: number; word: string } | null };

const numberOf = (position: string): number => Number(position.slice(position.lastIndexOf("-") + 1));

export class Line {
  private readonly alarms = new Map<string, Alarm>();
  private gateway = "";
  private known = -1;
  private feed = "";
  private source: EventSource | null = null;
  private trying = 0;
  private open = false;
  private problem: { status: number; word: string } | null = null;
  private beat: Extract<Said, { kind: "heartbeat" }> | null = null;
  private heardMs = Date.now();
  private gathered: AlarmEvent[] = [];

  /** tell: takes what the line says. */
  constructor(private readonly tell: (said: Said) => void) {
    setInterval(() => this.watch(), 5_000);
    void this.connect();
  }

  /** All that a page which comes later has to know. */
  now(): Said[] {
    this.flush();
    const link: Said = { kind: "link", open: this.open, problem: this.problem };
    if (this.known < 0) return [link];
    const picture: Said = {
      kind: "picture", gateway: this.gateway, alarms: [...this.alarms.values()], known: this.known,
    };
    return this.beat ? [picture, link, this.beat] : [picture, link];
  }

  /** Begin anew, from the position reached: after a login, or when the network has come back. */
  again(): void {
    if (this.known >= 0) this.listen();
    else void this.connect();
  }

  private async connect(): Promise<void> {
    const mine = ++this.trying;
    this.source?.close();
    this.source = null;
    try {
      await this.picture();
      if (mine === this.trying) this.listen();
    } catch (error) {
      if (mine !== this.trying) return;
      this.linked(false, error instanceof Problem ? { status: error.status, word: error.word } : null);
      if (!(error instanceof Problem)) throw error;
      setTimeout(() => mine === this.trying && void this.connect(), RETRY_MS);
    }
  }

  private async picture(): Promise<void> {
    const all: Alarm[] = [];
    let first: AlarmsPage | null = null;
    let next: string | null = null;
    do {
      const page: AlarmsPage = await get<AlarmsPage>(`/alarms${query({ after: next })}`);
      first ??= page;
      all.push(...page.alarms);
      next = page.next;
    } while (next !== null);
    // The position of the first page: what changed while the others were read comes again as events.
    this.gathered = [];
    this.alarms.clear();
    for (const alarm of all) this.alarms.set(alarm.id, alarm);
    this.gateway = first.gateway;
    this.known = numberOf(first.position);
    this.feed = first.position.slice(0, first.position.lastIndexOf("-"));
    this.heardMs = Date.now();
    this.beat = null;
    this.tell({ kind: "picture", gateway: this.gateway, alarms: all, known: this.known });
  }

  private listen(): void {
    this.trying++;
    this.source?.close();
    this.flush();
    const after = `${this.feed}-${this.known}`;
    const source = (this.source = new EventSource(`api/v1/events/stream${query({ after })}`));
    source.addEventListener("open", () => this.linked(true, null));
    source.addEventListener("alarm", (event: MessageEvent<string>) => this.take(JSON.parse(event.data) as AlarmEvent));
    source.addEventListener("heartbeat", (event: MessageEvent<string>) => {
      const { last, time } = JSON.parse(event.data) as { last: string; time: string };
      this.heardMs = Date.now();
      this.flush();
      this.beat = { kind: "heartbeat", last: numberOf(last), time };
      this.tell(this.beat);
    });
    source.addEventListener("error", () => {
      this.linked(false, null);
      // The browser comes back by itself, but not after a refusal: 410 (another gateway, or too long ago), 401, 503.
      if (source.readyState !== EventSource.CLOSED || source !== this.source) return;
      const mine = ++this.trying;
      setTimeout(() => mine === this.trying && void this.connect(), RETRY_MS);
    });
  }

  private take(event: AlarmEvent): void {
    this.heardMs = Date.now();
    if (event.number <= this.known) return;
    if (event.number !== this.known + 1) return void this.connect(); // a gap must not be: take the whole picture
    this.known = event.number;
    if (stands(event.alarm)) this.alarms.set(event.alarm.id, event.alarm);
    else this.alarms.delete(event.alarm.id);
    if (!this.gathered.length) setTimeout(() => this.flush(), GATHER_MS);
    this.gathered.push(event);
  }

  private flush(): void {
    const events = this.gathered;
    this.gathered = [];
    if (events.length) this.tell({ kind: "events", events });
  }

  private linked(open: boolean, problem: { status: number; word: string } | null): void {
    this.open = open;
    this.problem = problem;
    this.tell({ kind: "link", open, problem });
  }

  private watch(): void {
    if (Date.now() - this.heardMs < QUIET_MS) return;
    this.heardMs = Date.now();
    this.again();
  }
}
