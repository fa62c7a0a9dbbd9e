// The audit trail: every change by a person or token, refused ones too. Each row's hash holds the row before it.
import { query } from "../api";
import { language, t } from "../i18n";
import { Empty } from "../parts/states";
import { Table } from "../parts/table";
import { go, route } from "../route";
import { may } from "../session";
import { when } from "../time";
import { word } from "./form";
import { Newer, Onward, ShowAll, useLivePages } from "./lists";

type Entry = {
  number: number;
  time: string;
  who: string;
  via: string;
  what: string;
  target: string;
  comment: string;
  before: string;
  after: string;
  status: number;
  answer: string;
  hash: string;
};

const DOINGS = [
  "ack", "reset", "shelve", "unshelve", "out_of_service", "in_service", "comment", "commission", "permit", "login",
  "logout", "unlock", "password", "person", "token", "handover", "reload", "undo", "redecode", "test-channel", "request",
  "refused", "start", "export",
] as const;
const doing = (name: string): string =>
  (DOINGS as readonly string[]).includes(name) ? t(`audit.what.${name as (typeof DOINGS)[number]}`) : name;

const REFUSALS = [400, 401, 403, 404, 409, 422, 423, 429, 503, 504, 507] as const;
/** Why it was refused, in the reader's language; the trail itself keeps the sentence in English. */
function why(status: number, answer: string): string {
  const known = REFUSALS.find((one) => one === status);
  return known && language.value !== "en" ? t(`audit.status.${known}`) : answer;
}

export default function Screen() {
  const [who = "", what = ""] = route.value.rest;
  const path = `/audit${query({ who, what, limit: 100 })}`;
  const found = useLivePages<Entry>(path, "entries", "after", { told_ms: 5_000, every_ms: 30_000 });
  return (
    <div class="screen">
      <div class="row">
        <h1>{t("nav.audit")}</h1>
        <Newer of={found} />
      </div>
      <form
        key={`${who}/${what}`}
        class="filter panel"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          const fields = new FormData(event.currentTarget as HTMLFormElement);
          go("audit", word(fields, "who").trim(), word(fields, "what").trim());
        }}
      >
        {may("audit") && (
          <label>
            {t("audit.who")}
            <input name="who" type="search" defaultValue={who} />
          </label>
        )}
        <label>
          {t("audit.what")}
          <input name="what" type="search" defaultValue={what} list="audit-what" />
        </label>
        <datalist id="audit-what">
          {DOINGS.map((one) => (
            <option key={one} value={one} label={t(`audit.what.${one}`)} />
          ))}
        </datalist>
        <span class="row">
          <button type="submit" class="main">
            {t("list.search")}
          </button>
          {(who || what) && (
            <button type="button" onClick={() => go("audit")}>
              {t("list.clear")}
            </button>
          )}
        </span>
      </form>
      <p class="hint">{t(may("audit") ? "audit.note" : "audit.own")}</p>
      <ShowAll of={found}>
        {(rows) =>
          rows.length ? (
            <Table
              label={t("nav.audit")}
              rows={rows}
              id={({ number }) => number}
              columns={[
                {
                  key: "time",
                  head: t("journal.time"),
                  cell: ({ time, number }) => (
                    <>
                      {when(time)}
                      <small>#{number}</small>
                    </>
                  ),
                },
                {
                  key: "who",
                  head: t("audit.who"),
                  cell: ({ who: user, via }) => (
                    <>
                      {user || "—"}
                      <small>{via}</small>
                    </>
                  ),
                },
                { key: "what", head: t("audit.what"), cell: ({ what: done }) => <span title={done}>{doing(done)}</span> },
                {
                  key: "target",
                  head: t("audit.target"),
                  cell: ({ target, comment }) => (
                    <>
                      {target}
                      <small>{comment}</small>
                    </>
                  ),
                },
                { key: "change", head: t("audit.change"), cell: (entry) => <Change entry={entry} /> },
                {
                  key: "answer",
                  head: t("audit.answer"),
                  cell: ({ status, answer }) => (
                    <>
                      {status < 400 ? t("audit.done") : <strong>{t("audit.refused", { n: status })}</strong>}
                      <small title={answer}>{why(status, answer)}</small>
                    </>
                  ),
                },
                {
                  key: "hash",
                  head: t("audit.hash"),
                  cell: ({ hash }) => <code title={hash}>{hash.slice(0, 8)}</code>,
                },
              ]}
            />
          ) : (
            <Empty>{t("audit.none")}</Empty>
          )
        }
      </ShowAll>
      <Onward of={found} />
    </div>
  );
}

/** What is otherwise than before, field by field; what it was is struck through. */
function Change({ entry: { before, after } }: { entry: Entry }) {
  if (!before && !after) return null;
  const [was, is] = [fields(before), fields(after)];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((name) => was[name] !== is[name]);
  return (
    <>
      {names.map((name) => (
        <div key={name}>
          {name}: {was[name] !== undefined && <del>{was[name]}</del>} {is[name] !== undefined && <ins>{is[name]}</ins>}
        </div>
      ))}
    </>
  );
}

function fields(json: string): Record<string, string> {
  if (!json) return {};
  try {
    const given = JSON.parse(json) as unknown;
    if (typeof given !== "object" || given === null) return { "": json };
    return Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
    );
  } catch {
    return { "": json };
  }
}
