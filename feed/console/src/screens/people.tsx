// Who may log in and as what, and the tokens of programs and wall screens.
import { useEffect, useRef, useState } from "preact/hooks";
import { patch, post, type Problem } from "../api";
import { t } from "../i18n";
import { Dialog } from "../parts/dialog";
import { Show, useLoad } from "../parts/load";
import { Table } from "../parts/table";
import { me } from "../session";
import type { Role } from "../types";
import { Form, Refusal, word } from "./form";
import { useReturn } from "./fresh";
import { Tokens } from "./tokens";

type Person = {
  user: string;
  name: string;
  role: Role;
  disabled: boolean;
  must_change: boolean;
  password: string | null;
};
const ROLES: Role[] = ["viewer", "operator", "engineer", "admin", "auditor"];

/** Something that is told only once, until it is closed. */
export type Secret = { whose: string; secret: string };

export default function Screen() {
  const people = useLoad<{ people: Person[] }>("/people");
  const [secret, tell] = useState<Secret | null>(null);
  const [adding, setAdding] = useState(false);
  useReturn(people.again);
  return (
    <div class="screen">
      <div class="row head">
        <h1>{t("nav.people")}</h1>
        <button type="button" class="main" onClick={() => setAdding(true)}>
          {t("people.add")}
        </button>
      </div>
      <Show of={people}>
        {({ people: rows }) => (
          <Table
            label={t("nav.people")}
            rows={rows}
            id={({ user }) => user}
            columns={[
              {
                key: "user",
                head: t("people.user"),
                cell: ({ user, name }) => (
                  <>
                    {name}
                    <small>{user}</small>
                  </>
                ),
              },
              {
                key: "role",
                head: t("people.role"),
                cell: (person) => <RoleOf person={person} changed={people.again} />,
              },
              {
                key: "condition",
                head: t("people.state"),
                cell: ({ disabled, must_change }) =>
                  t(disabled ? "people.disabled" : must_change ? "people.must_change" : "people.active"),
              },
              {
                key: "do",
                head: t("shelf.do"),
                cell: (person) => <Doing person={person} changed={people.again} tell={tell} />,
              },
            ]}
          />
        )}
      </Show>
      <Tokens tell={tell} />
      {adding && <Adding close={() => setAdding(false)} changed={people.again} tell={tell} />}
      {secret && <Told secret={secret} close={() => tell(null)} />}
    </div>
  );
}

const pathTo = (person: Person): string => `/people/${encodeURIComponent(person.user)}`;

type Change = {
  problem: Problem | null;
  busy: boolean;
  done: boolean;
  change: (work: () => Promise<unknown>) => void;
};

/** A change that goes at once, and one at a time; why not, where it is refused. done: and `of` is not read again yet. */
function useChange(of: Person, changed: () => void): Change {
  const [state, set] = useState<Problem | "busy" | "done" | null>(null);
  const busy = useRef(false); // at once: the button is drawn anew only later
  useEffect(() => set((was) => (was === "done" ? null : was)), [of]);
  const change = (work: () => Promise<unknown>): void => {
    if (busy.current) return;
    busy.current = true;
    set("busy");
    work()
      .then(() => set("done"), set)
      .finally(() => {
        busy.current = false;
        changed();
      });
  };
  const problem = state === "busy" || state === "done" ? null : state;
  return { problem, busy: state === "busy", done: state === "done", change };
}

function RoleOf({ person, changed }: { person: Person; changed: () => void }) {
  const { problem, busy, done, change } = useChange(person, changed);
  const [wanted, want] = useState<Role>(person.role); // by keys a list goes through all roles up to the one that is meant
  useEffect(() => want(person.role), [person.role]);
  return (
    <>
      <select
        aria-label={`${t("people.role")} ${person.name}`}
        value={wanted}
        disabled={busy || done || person.user === me.value?.user}
        onChange={(event) => want(event.currentTarget.value as Role)}
      >
        {ROLES.map((role) => (
          <option key={role} value={role}>
            {t(`role.${role}`)}
          </option>
        ))}
      </select>
      {wanted !== person.role && !done && (
        <p class="row">
          {t("people.role_sure", { name: person.name, role: t(`role.${wanted}`) })}
          <button
            type="button"
            class="main"
            disabled={busy}
            onClick={() => change(() => patch(pathTo(person), { role: wanted }))}
          >
            {t(busy ? "list.sent" : "people.yes")}
          </button>
          <button type="button" disabled={busy} onClick={() => want(person.role)}>
            {t("cancel")}
          </button>
        </p>
      )}
      {problem && <Refusal problem={problem} />}
    </>
  );
}

function Doing({ person, changed, tell }: { person: Person; changed: () => void; tell: (secret: Secret) => void }) {
  const [asked, ask] = useState<"disable" | "reset" | null>(null);
  const { problem, busy, change } = useChange(person, changed);
  if (asked) {
    const work = async (): Promise<void> => {
      const done = await patch<Person>(
        pathTo(person),
        asked === "reset" ? { reset: true } : { disabled: !person.disabled },
      );
      if (done.password) tell({ whose: done.user, secret: done.password });
    };
    return (
      <span class="row">
        {t(asked === "reset" ? "people.reset_sure" : "people.disable_sure", { name: person.name })}
        <button
          type="button"
          class="main"
          onClick={() => {
            ask(null);
            change(work);
          }}
        >
          {t("people.yes")}
        </button>
        <button type="button" onClick={() => ask(null)}>
          {t("cancel")}
        </button>
      </span>
    );
  }
  return (
    <span class="row">
      <button
        type="button"
        disabled={busy}
        aria-label={`${t("people.reset")} ${person.name}`}
        onClick={() => ask("reset")}
      >
        {t("people.reset")}
      </button>
      {person.user !== me.value?.user &&
        (person.disabled ? (
          <button
            type="button"
            disabled={busy}
            aria-label={`${t("people.enable")} ${person.name}`}
            onClick={() => change(() => patch(pathTo(person), { disabled: false }))}
          >
            {t("people.enable")}
          </button>
        ) : (
          <button
            type="button"
            disabled={busy}
            aria-label={`${t("people.disable")} ${person.name}`}
            onClick={() => ask("disable")}
          >
            {t("people.disable")}
          </button>
        ))}
      {problem && <Refusal problem={problem} />}
    </span>
  );
}

function Adding({ close, changed, tell }: { close: () => void; changed: () => void; tell: (secret: Secret) => void }) {
  return (
    <Dialog title={t("people.add")} onClose={close}>
      <Form
        label={t("people.add")}
        button="people.add"
        send={async (fields) => {
          const made = await post<Person>("/people", {
            user: word(fields, "user"),
            name: word(fields, "name"),
            role: word(fields, "role"),
          });
          changed();
          close();
          if (made.password) tell({ whose: made.user, secret: made.password });
        }}
      >
        <label>
          {t("people.user")}
          <input name="user" required maxLength={64} autocomplete="off" />
        </label>
        <label>
          {t("people.name")}
          <input name="name" required maxLength={64} autocomplete="off" />
        </label>
        <label>
          {t("people.role")}
          <select name="role">
            {ROLES.map((role) => (
              <option key={role} value={role} selected={role === "operator"}>
                {t(`role.${role}`)} — {t(`role.${role}.may`)}
              </option>
            ))}
          </select>
        </label>
        <p class="hint">{t("people.one_time")}</p>
      </Form>
    </Dialog>
  );
}

function Told({ secret, close }: { secret: Secret; close: () => void }) {
  const [copied, setCopied] = useState(false);
  return (
    <Dialog title={t("people.told", { name: secret.whose })} onClose={close}>
      <p>{t("people.once")}</p>
      <p>
        <code class="secret" tabIndex={0}>
          {secret.secret}
        </code>
      </p>
      <p class="actions">
        <span role="status">{copied && t("people.copied")}</span>
        <button
          type="button"
          onClick={() => void navigator.clipboard.writeText(secret.secret).then(() => setCopied(true))}
        >
          {t("people.copy")}
        </button>
        <button type="button" class="main" onClick={close}>
          {t("close")}
        </button>
      </p>
    </Dialog>
  );
}
