// The one plain page: active alarms, live. It must never look healthier than it is: what is shown is true only while
// heartbeats come, and an empty list is called empty only when the gateway has just said so.
"use strict";

const DEAD_MS = 30_000;   // three heartbeats
const RETRY_MS = 3_000;

const TEXTS = {
  zh: {
    title: "城管物联感知网关 · 报警", user: "值班员", language: "English", counts: "各级报警数：未确认／全部",
    priority: "优先级", state: "状态", since: "发生时间", duration: "持续", place: "位置 / 设备", what: "描述",
    value: "当前值 / 限值", action: "操作", footer: "时间为北京时间。确认表示“已看到”，不表示已处置。",
    p1: "一级", p2: "二级", p3: "三级", p4: "四级",
    UNACK: "未确认", ACKED: "已确认", RTN_UNACK: "已恢复未确认", LATCHED: "已锁存待复位", SUPPRESSED: "已抑制",
    ack: "确认", reset: "复位", pending: "已发送…", sure: "现场已确认恢复正常？复位后该报警结束。",
    members: n => `含 ${n} 台静默设备`, suppressed: n => `另有 ${n} 条报警被抑制（上级线路中断）`,
    reference: "参考限值，非执法依据", late: "迟到数据", suspect: "传感器存疑", yes: "是", no: "否",
    live: n => `连接正常，完整至 #${n}`, catching: "正在补齐…", waiting: "正在连接网关…",
    none: "当前没有报警", unknown: "尚未连上网关，无法得知当前报警",
    dead: "数据中断", since_dead: t => `自 ${t} 起没有收到网关数据，下面是中断前的情况，可能已经改变。`,
    never: "一直没有收到网关数据。", offline: "浏览器已断网。",
    name_first: "请先填写值班员姓名，再确认报警。", failed: "没有送达网关，请重试：", d: "天",
  },
  en: {
    title: "Cityward · alarms", user: "Operator", language: "中文", counts: "Alarms by priority: unacknowledged / all",
    priority: "Priority", state: "State", since: "Since", duration: "For", place: "Place / device", what: "What",
    value: "Value / limit", action: "Action", footer: "Beijing time. To acknowledge means \"seen\", not \"dealt with\".",
    p1: "P1", p2: "P2", p3: "P3", p4: "P4",
    UNACK: "Unacknowledged", ACKED: "Acknowledged", RTN_UNACK: "Returned, unacknowledged",
    LATCHED: "Latched, to be reset", SUPPRESSED: "Suppressed",
    ack: "Acknowledge", reset: "Reset", pending: "Sent…", sure: "Is it confirmed on site? A reset ends this alarm.",
    members: n => `${n} silent device${n === 1 ? "" : "s"} inside`,
    suppressed: n => `${n} more suppressed (the line above them is down)`,
    reference: "reference limit, not a basis for enforcement", late: "late data", suspect: "sensor in doubt", yes: "yes", no: "no",
    live: n => `live, complete to #${n}`, catching: "catching up…", waiting: "connecting to the gateway…",
    none: "No active alarm", unknown: "Not connected yet: the present alarms are not known",
    dead: "NO DATA", since_dead: t => `Nothing heard from the gateway since ${t}. What you see is from before, and may have changed.`,
    never: "Nothing has been heard from the gateway.", offline: "The browser is offline.",
    name_first: "Enter your name first, then acknowledge.", failed: "It did not reach the gateway, try again: ", d: "d",
  },
};
const SHAPES = {
  1: "M8 0 16 8 8 16 0 8z", 2: "M8 1 16 15H0z", 3: "M1 1h14v14H1z", 4: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1z",
};

const by = id => document.getElementById(id);
const alarms = new Map();        // id -> alarm as the API gives it
const rows = new Map();          // id -> row element
const pending = new Map();       // id -> occurrence whose command has been sent
const heard = { wall: 0, mono: 0, at: 0 };  // when something last came: two clocks, for one stops in sleep, one is set
let language = localStorage.getItem("language") === "en" ? "en" : "zh";
let source = null, known = -1, newest = Infinity, dead = false, offline = false, skew = 0, trying = 0;
const opened = performance.now();

const text = key => TEXTS[language][key];
const number = position => Number(position.slice(position.lastIndexOf("-") + 1));

function element(tag, words, kind) {
  const made = document.createElement(tag);
  if (words !== undefined) made.textContent = words;
  if (kind) made.className = kind;
  return made;
}

function chip(priority, words) {
  const made = element("span", undefined, `chip p${priority}`);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", SHAPES[priority]);
  svg.append(path);
  made.append(svg, words);
  return made;
}

// ------------------------------------------------------------------------------------------------ time and values

const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium" });
const when = ms => clock.format(ms);

function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000)), two = n => String(n).padStart(2, "0");
  const days = Math.floor(s / 86400), rest = `${two(Math.floor(s / 3600) % 24)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  return days ? `${days} ${text("d")} ${rest}` : rest;
}

function figure(value) {
  if (value === null) return "—";
  if (typeof value === "boolean") return text(value ? "yes" : "no");
  return value.toLocaleString("zh-CN", { maximumFractionDigits: 2, useGrouping: false });
}

function measured(alarm) {
  if (alarm.value === null && alarm.limit === null) return "";
  const limit = alarm.limit === null ? "" : ` / ${figure(alarm.limit)}`;
  return `${figure(alarm.value)}${limit}${alarm.unit ? " " + alarm.unit : ""}`;
}

// -------------------------------------------------------------------------------------------------------- drawing

function fill(row, alarm) {
  row.className = `${alarm.acknowledged ? "" : "unacked"} ${alarm.active ? "" : "returned"}`;
  const cells = Array.from({ length: 8 }, () => element("td"));
  const [priority, state, since, lasting, place, what, value, act] = cells;
  ["", "state", "when since", "when lasting", "place", "what", "number", "act"].forEach((kind, i) => cells[i].className = kind);
  priority.append(chip(alarm.priority, text(`p${alarm.priority}`)));
  state.textContent = text(alarm.state);
  since.textContent = alarm.since ? when(Date.parse(alarm.since)) : "";
  place.append(alarm.name ?? alarm.subject);
  const beside = [alarm.site, alarm.name ? alarm.device ?? alarm.subject : null].filter(Boolean).join(" · ");
  if (beside) place.append(element("small", beside));
  const words = alarm.text[language] || alarm.text.zh || alarm.rule;
  what.append(element("b", words));
  const notes = [];
  if (alarm.basis === "reference" && !words.includes(text("reference"))) notes.push(text("reference"));
  if (alarm.late) notes.push(text("late"));
  if (alarm.suspect) notes.push(`${text("suspect")} (${alarm.suspect_why[language]})`);
  if (notes.length) what.append(element("small", notes.join(" · ")));
  if (alarm.members.length) {
    const inside = element("details");
    inside.open = row.querySelector("details")?.open ?? false;
    inside.append(element("summary", text("members")(alarm.members.length)), alarm.members.join("  "));
    what.append(inside);
  }
  value.textContent = measured(alarm);
  const command = !alarm.acknowledged ? "ack" : !alarm.active && alarm.latched ? "reset" : null;
  if (command) {
    const waits = pending.get(alarm.id) === `${command} ${alarm.occurrence}`;
    const button = element("button", text(waits ? "pending" : command));
    button.type = "button";
    button.disabled = waits || dead;  // what it would answer may have changed unseen
    button.addEventListener("click", () => send(command, alarm));
    act.append(button);
  }
  const focused = row.contains(document.activeElement);
  row.replaceChildren(...cells);
  if (focused) row.querySelector("button")?.focus();
  lasts(row, alarm);
}

function lasts(row, alarm) {
  const end = alarm.returned ? Date.parse(alarm.returned) : Date.now() + skew;
  if (dead && !alarm.returned) return;  // nobody knows whether it still lasts
  const lasting = alarm.since ? end - Date.parse(alarm.since) : 0;
  // A closed hour or day that was over its limit is a finding: it has no duration.
  row.querySelector(".lasting").textContent = lasting || !alarm.returned ? duration(lasting) : "—";
}

const order = (a, b) =>
  a.acknowledged - b.acknowledged || a.priority - b.priority || (b.since ?? "").localeCompare(a.since ?? "") ||
  a.id.localeCompare(b.id);

function draw(changed) {
  const shown = [...alarms.values()].filter(alarm => !alarm.suppressed.length).sort(order);
  const keep = new Set(shown.map(alarm => alarm.id));
  for (const [id, row] of rows) if (!keep.has(id)) { row.remove(); rows.delete(id); }
  let before = by("rows").firstChild;
  for (const alarm of shown) {
    let row = rows.get(alarm.id);
    const fresh = !row;
    if (fresh) {
      row = element("tr");
      row.dataset.alarm = alarm.id;
      rows.set(alarm.id, row);
    }
    if (fresh || changed === undefined || changed.has(alarm.id)) fill(row, alarm);
    if (row === before) before = before.nextSibling;
    else by("rows").insertBefore(row, before);
  }
  const hidden = alarms.size - shown.length;
  by("suppressed").hidden = !hidden;
  by("suppressed").textContent = text("suppressed")(hidden);
  by("counts").replaceChildren(...[1, 2, 3, 4].map(priority => {
    const those = shown.filter(alarm => alarm.priority === priority);
    const made = chip(priority, `${text(`p${priority}`)} ${those.filter(alarm => !alarm.acknowledged).length}/${those.length}`);
    if (!those.length) made.classList.add("zero");
    const item = element("li");
    item.append(made);
    return item;
  }));
  drawLink();
}

function drawLink() {
  const live = !dead && source !== null && source.readyState === EventSource.OPEN && heard.at > 0;
  const current = live && known >= newest;
  document.body.classList.toggle("dead", dead);
  by("link").className = current ? "live" : "waiting";
  by("link").textContent = current ? text("live")(known) : text(live ? "catching" : "waiting");
  const none = by("none");
  none.hidden = rows.size > 0 || dead;
  none.textContent = text(current ? "none" : "unknown");
  const bar = by("dead");
  if (bar.hidden === dead || (dead && bar.dataset.language !== language)) {
    const told = heard.at ? text("since_dead")(when(heard.at + skew)) : text("never");
    bar.replaceChildren(element("strong", text("dead")), (offline ? text("offline") + " " : "") + told);
    bar.dataset.language = language;
    bar.hidden = !dead;
  }
  const unacked = [...alarms.values()].filter(alarm => !alarm.acknowledged && !alarm.suppressed.length).length;
  document.title = dead ? `⚠ ${text("dead")}` : `${unacked ? `(${unacked}) ` : ""}${text("title")}`;
}

function drawWords() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = text(one.dataset.text);
  by("counts").setAttribute("aria-label", text("counts"));
  by("counts").title = text("counts");
  by("language").textContent = text("language");
  draw();
}

function notice(words) {
  by("notice").textContent = words;
  by("notice").hidden = !words;
}

// ------------------------------------------------------------------------------------------- the line to the gateway

function hear() {
  heard.wall = heard.at = Date.now();
  heard.mono = performance.now();
  const was = dead;
  dead = offline = false;
  if (was) draw();
}

function take(alarm) {
  const old = alarms.get(alarm.id);
  if (old && old.event >= alarm.event) return;
  if (alarm.active || alarm.latched || !alarm.acknowledged) alarms.set(alarm.id, alarm);
  else alarms.delete(alarm.id);
  const sent = pending.get(alarm.id);
  if (sent && (sent !== `${alarm.acknowledged ? "reset" : "ack"} ${alarm.occurrence}`)) pending.delete(alarm.id);
}

async function picture() {
  const all = [];
  let first = null, next = null;
  do {
    const query = next === null ? "" : `?after=${encodeURIComponent(next)}`;
    const answer = await fetch(`api/v1/alarms${query}`, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const page = await answer.json();
    first ??= page;
    all.push(...page.alarms);
    next = page.next;
  } while (next !== null);
  // The position of the first page: what changed while the others were read comes again as events.
  return { alarms: all, gateway: first.gateway, position: first.position };
}

async function connect() {
  const mine = ++trying;
  source?.close();
  source = null;
  drawLink();
  try {
    const now = await picture();
    if (mine !== trying) return;
    alarms.clear();
    for (const alarm of now.alarms) alarms.set(alarm.id, alarm);
    by("gateway").textContent = now.gateway;
    known = number(now.position);
    newest = Infinity;  // until a heartbeat says what there is
    listen(now.position);
    draw();
  } catch {
    if (mine === trying) setTimeout(() => { if (mine === trying) connect(); }, RETRY_MS);
  }
}

function listen(position) {
  const stream = source = new EventSource(`api/v1/events/stream?after=${encodeURIComponent(position)}`);
  let due = null;
  stream.addEventListener("alarm", event => {
    const told = JSON.parse(event.data);
    hear();
    known = told.number;
    take(told.alarm);
    if (!due) {  // many in one frame are drawn once
      due = new Set();
      setTimeout(() => { const changed = due; due = null; draw(changed); }, 16);
    }
    due.add(told.alarm.id);
  });
  stream.addEventListener("heartbeat", event => {
    const beat = JSON.parse(event.data);
    hear();
    newest = number(beat.last);
    skew = Date.parse(beat.time) - Date.now();
    drawLink();
  });
  stream.addEventListener("open", drawLink);
  stream.addEventListener("error", () => {
    newest = Infinity;
    drawLink();
    // The browser comes back by itself, but not after a refusal (410: the gateway is another one, or has moved on).
    if (stream.readyState === EventSource.CLOSED && stream === source) setTimeout(() => { if (stream === source) connect(); }, RETRY_MS);
  });
}

function watch() {
  const silent = heard.at ? Math.max(Date.now() - heard.wall, performance.now() - heard.mono) : performance.now() - opened;
  if (silent > DEAD_MS && !dead) {
    dead = true;
    draw();
  }
  // A line can be dead without an error, when nobody closes it.
  if (dead && Math.floor(silent / 1000) % 10 === 0) connect();
  for (const [id, row] of rows) lasts(row, alarms.get(id));
}

// ------------------------------------------------------------------------------------------------------- commands

async function send(command, alarm) {
  const user = by("user").value.trim();
  by("user").classList.toggle("needed", !user);
  if (!user) {
    notice(text("name_first"));
    by("user").focus();
    return;
  }
  if (command === "reset" && !confirm(text("sure"))) return;
  notice("");
  const sent = `${command} ${alarm.occurrence}`;
  pending.set(alarm.id, sent);
  draw(new Set([alarm.id]));
  const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");
  const body = JSON.stringify({ user, occurrence: alarm.occurrence, command_id: id });
  const path = alarm.id.split("/").map(encodeURIComponent).join("/");
  let refused = "";
  for (let attempt = 0; attempt < 3; attempt++) {  // the same command_id: it is not done twice
    try {
      const answer = await fetch(`api/v1/alarms/${path}/${command}`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body,
      });
      refused = answer.ok ? "" : (await answer.json()).text[language];
      if (answer.status !== 504) break;
    } catch (error) {
      refused = text("failed") + error.message;
    }
    await new Promise(done => setTimeout(done, 1000));
  }
  if (refused) {
    if (pending.get(alarm.id) === sent) pending.delete(alarm.id);
    notice(refused);
    draw(new Set([alarm.id]));
  }
}

by("user").value = localStorage.getItem("user") ?? "";
by("user").addEventListener("change", () => {
  localStorage.setItem("user", by("user").value.trim());
  by("user").classList.remove("needed");
  notice("");
});
by("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
  drawWords();
});
// Tried at once, for a machine without a network still reaches a gateway on itself: then a heartbeat takes it back.
addEventListener("offline", () => { dead = offline = true; draw(); connect(); });
addEventListener("online", () => connect());
setInterval(watch, 1000);
drawWords();
connect();
