// JSON of the gateway's API, as docs/api.md describes it.

export type Text = { zh: string; en: string };
export type Priority = 1 | 2 | 3 | 4;
export type State =
  | "NORMAL" | "UNACK" | "ACKED" | "RTN_UNACK" | "LATCHED" | "SHELVED" | "SUPPRESSED" | "OUT_OF_SERVICE";
export type Withheld =
  | "cut_off" | "commissioning" | "work_permit" | "maintenance" | "shelved" | "out_of_service" | "design";

export type Alarm = {
  id: string;
  occurrence: number;
  subject: string;
  device: string | null;
  name: string | null;
  site: string | null;
  family: string | null;
  rule: string;
  priority: Priority;
  state: State;
  active: boolean;
  acknowledged: boolean;
  latched: boolean;
  suppressed: Withheld[];
  since: string | null;
  returned: string | null;
  quantity: string | null;
  value: number | boolean | null;
  limit: number | null;
  unit: string | null;
  basis: string | null;
  text: Text;
  members: string[];
  late: boolean;
  suspect: string | null;
  suspect_why: Text | null;
  event: number;
  count: number;
  first_out: boolean;
  acked_by: string | null;
  acked_at: string | null;
  shelved_until: string | null;
  one_shot: boolean;
  out_until: string | null;
  reason: string | null;
  withheld_by: string | null;
  respond_by: string | null;
  group: string | null;
};

export type EventKind =
  | "raised" | "returned" | "acknowledged" | "reset" | "reraised" | "suppressed" | "unsuppressed" | "amended"
  | "withdrawn" | "members" | "shelved" | "unshelved" | "out_of_service" | "in_service" | "commented";

export type AlarmEvent = {
  number: number;
  gateway: string;
  time: string;
  sequence: number;
  kind: EventKind;
  cause: string;
  user: string | null;
  comment: string | null;
  amends: number | null;
  alarm: Alarm;
};

export type AlarmsPage = { gateway: string; position: string; alarms: Alarm[]; next: string | null };

/** As in feed/http/access.py. */
export type Action =
  | "open" | "login" | "self" | "session" | "see" | "answer" | "reset" | "shelve" | "shelve_urgent" | "handover"
  | "engineer" | "administer" | "audit_own" | "audit";
export type Role = "viewer" | "operator" | "engineer" | "admin" | "auditor";

export type Me = {
  user: string;
  name: string;
  role: Role | null; // null: nobody in particular, a token, or the socket's user
  door: "console" | "local" | "socket";
  may: Action[];
  language: "zh" | "en" | null;
  idle_s: number | null;
  must_change: boolean;
  locked: boolean;
};

export type Summary = {
  gateway: string;
  time: string;
  position: string;
  standing: Record<"p1" | "p2" | "p3" | "p4", { unacked: number; total: number }>;
  shelved: number;
  suppressed: number;
  out_of_service: number;
  maintenance: number;
  last_10_min: number;
  flood: { active: boolean; since: string | null };
  shift: { name: string; since: string; until: string } | null;
};

export type Guidance = { cause: Text; consequence: Text; action: Text; respond_within_s: number };

export type AlarmDetail = {
  alarm: Alarm;
  guidance: Guidance | null; // null: the rule is no more
  rule: ({ kind: string } & Record<string, unknown>) | null;
  device: Device | null;
  labels: Record<string, string>;
  camera: string | null;
  permit: Permit | null;
};

export type Device = {
  id: string;
  model: string;
  family: string;
  name: string | null;
  at: [number, number] | null;
  site: string | null;
  last_heard: string | null;
  state: "heard" | "silent" | "cut_off" | "unheard";
};

export type Permit = { who: string; why: string; until: string };

export type DeviceDetail = Device & {
  gateway: string;
  address: string;
  district: string | null;
  labels: Record<string, string>;
  interval_s: number;
  via: string[];
  quantities: Record<string, { unit: string; zh: string; en: string; type: string; windowed: boolean }>;
  last_frame: { sequence: number; at: string; source: string; place: string; bytes: number; what: string; flags: string | null } | null;
  values: Record<string, number | boolean | string>;
  battery: Record<string, number | boolean>;
  radio: Record<string, number>;
  facts: Record<string, string>;
  whole: boolean;
  verdicts: {
    rule: string; alarm: string; priority: Priority; mode: string; quantity: string | null;
    verdict: "normal" | "violated" | "unknown"; since: string | null;
    cause: "cut_off" | "silent" | "unheard" | "too_few" | "not_yet" | null;
  }[];
  coverage: Record<string, { minutes: number; of: number }>;
  clock_offset_s: number | null;
  counted: { frames: number; duplicates: number; facts: number; missed: number; refused: Record<string, number> };
  camera: string | null;
  permit: Permit | null;
};

export type Limit = {
  rule: string;
  priority: Priority;
  kind: "above" | "below";
  of: "value" | "slot" | "hour" | "day" | "hours" | "change" | "off_rest";
  value: number;
  clear: number | null;
  from: string | null;
  to: string | null;
  name: string | null;
  basis: string | null;
};

export type Trend = {
  device: string;
  quantity: string;
  unit: string;
  step_s: number;
  start: string;
  values: (number | null)[]; // null: a gap, never to be bridged
  windowed: boolean;
  interval_s: number;
  limits: Limit[];
  note: Text;
};

export type Receipt = {
  time: string;
  channel: string;
  to: string;
  what: string;
  status: string;
  error: string | null;
  repeat: boolean;
};

export type ConsoleSettings = {
  gateway: string;
  gateway_name: string;
  time_zone: string;
  map: { tiles: string; crs: string; attribution: string; center: [number, number] | null } | null;
  shifts: { name: string; from: string; to: string }[];
  shelve_options_s: number[];
  camera: boolean;
};
