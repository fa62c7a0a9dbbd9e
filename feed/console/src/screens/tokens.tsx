// Tokens: what programs and wall screens come in with. What one is, is told once.
import { useState } from "preact/hooks";
import { post, type Problem, remove } from "../api";
import { t } from "../i18n";
import { Dialog } from "../parts/dialog";
import { Show, useLoad } from "../parts/load";
import { Table } from "../parts/table";
import { fromZone, when } from "../time";
import { nowMs } from "../state";
import { Form, Refusal, word } from "./form";
import { useReturn } from "./fresh";
import type { Secret } from "./people";

type Token = {
  name: string;
  kind: "api" | "wall";
  scopes: string[];
  ip: string;
  expires: string | null;
  made: string;
  made_by: string;
  token: string | null;
};
const SCOPES = ["see", "answer", "reset", "shelve", "shelve_urgent", "engineer", "audit"] as const;

export function Tokens({ tell }: { tell: (secret: Secret) => void }) {
  const tokens = useLoad<{ tokens: Token[] }>("/tokens");
  const [adding, setAdding] = useState(false);
  useReturn(tokens.again);
  return (
    <section>
      <div class="row head">
        <h2>{t("tokens.title")}</h2>
        <button type="button" onClick={() => setAdding(true)}>
          {t("tokens.add")}
        </button>
      </div>
      <Show of={tokens}>
        {({ tokens: rows }) => (
          <Table
            label={t("tokens.title")}
            rows={rows}
            id={({ name }) => name}
            empty={t("tokens.none")}
            columns={[
              {
                key: "name",
                head: t("tokens.name"),
                cell: ({ name, kind }) => (
                  <>
                    {name}
                    <small>{t(`tokens.${kind}`)}</small>
                  </>
                ),
              },
              { key: "scopes", head: t("tokens.scopes"), cell: ({ scopes }) => scopes.map(scope).join(t("list.and")) },
              { key: "ip", head: t("tokens.ip"), cell: ({ ip }) => ip || t("tokens.anywhere") },
              {
                key: "time",
                head: t("tokens.expires"),
                cell: ({ expires }) =>
                  expires === null ? (
                    t("tokens.never")
                  ) : (
                    <>
                      {when(expires)}
                      {Date.parse(expires) < nowMs() && <small>{t("tokens.expired")}</small>}
                    </>
                  ),
              },
              {
                key: "who",
                head: t("tokens.made"),
                cell: ({ made, made_by }) => (
                  <>
                    {made_by}
                    <small>{when(made)}</small>
                  </>
                ),
              },
              { key: "do", head: t("shelf.do"), cell: (token) => <Withdraw token={token} changed={tokens.again} /> },
            ]}
          />
        )}
      </Show>
      {adding && <Adding close={() => setAdding(false)} changed={tokens.again} tell={tell} />}
    </section>
  );
}

const scope = (name: string): string =>
  (SCOPES as readonly string[]).includes(name) ? t(`scope.${name as (typeof SCOPES)[number]}`) : name;

function Withdraw({ token, changed }: { token: Token; changed: () => void }) {
  const [asked, ask] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const go = (): void => {
    ask(false);
    setBusy(true);
    remove(`/tokens/${encodeURIComponent(token.name)}`)
      .then(undefined, (refused: Problem) => {
        setProblem(refused);
        setBusy(false);
      })
      .finally(changed);
  };
  return (
    <span class="row">
      {asked ? (
        <>
          {t("tokens.sure", { name: token.name })}
          <button type="button" class="main" onClick={go}>
            {t("people.yes")}
          </button>
          <button type="button" onClick={() => ask(false)}>
            {t("cancel")}
          </button>
        </>
      ) : (
        <button
          type="button"
          disabled={busy}
          aria-label={`${t("tokens.withdraw")} ${token.name}`}
          onClick={() => ask(true)}
        >
          {t(busy ? "list.sent" : "tokens.withdraw")}
        </button>
      )}
      {problem && <Refusal problem={problem} />}
    </span>
  );
}

const DAY_MS = 86_400_000;

function Adding({ close, changed, tell }: { close: () => void; changed: () => void; tell: (secret: Secret) => void }) {
  const [kind, setKind] = useState<Token["kind"]>("api");
  const later = when(nowMs() + 365 * DAY_MS).slice(0, 10);
  return (
    <Dialog title={t("tokens.add")} onClose={close}>
      <Form
        label={t("tokens.add")}
        button="tokens.add"
        send={async (fields) => {
          const day = word(fields, "expires");
          const made = await post<Token>("/tokens", {
            name: word(fields, "name"),
            kind,
            ip: word(fields, "ip").trim(),
            scopes: fields.getAll("scope"),
            expires: day ? fromZone(`${day}T23:59:59`) : null,
          });
          changed();
          close();
          if (made.token) tell({ whose: made.name, secret: made.token });
        }}
      >
        <label>
          {t("tokens.kind")}
          <select value={kind} onChange={(event) => setKind(event.currentTarget.value as Token["kind"])}>
            <option value="api">{t("tokens.api")}</option>
            <option value="wall">{t("tokens.wall")}</option>
          </select>
        </label>
        <label>
          {t("tokens.name")}
          <input
            name="name"
            required
            pattern="[A-Za-z0-9][A-Za-z0-9._\-]{0,63}"
            autocomplete="off"
            onInvalid={({ currentTarget: field }) =>
              field.setCustomValidity(field.validity.patternMismatch ? t("tokens.name_hint") : "")
            }
            onInput={({ currentTarget: field }) => field.setCustomValidity("")}
          />
          <small>{t("tokens.name_hint")}</small>
        </label>
        <label>
          {t("tokens.ip")}
          <input name="ip" placeholder={t("tokens.anywhere")} autocomplete="off" />
        </label>
        <label>
          {t("tokens.expires")}
          <input name="expires" type="date" required={kind === "api"} value={kind === "api" ? later : ""} />
        </label>
        {kind === "api" && (
          <fieldset>
            <legend>{t("tokens.scopes")}</legend>
            {SCOPES.map((one) => (
              <label key={one} class="check">
                <input type="checkbox" name="scope" value={one} checked={one === "see"} /> {t(`scope.${one}`)}
              </label>
            ))}
          </fieldset>
        )}
      </Form>
    </Dialog>
  );
}
