// The door: log in, set a password of one's own, unlock.
import "./root"; // what all share stays one chunk
import { useState } from "preact/hooks";
import { Problem } from "./api";
import { language, said, speak, t } from "./i18n";
import { Dialog } from "./parts/dialog";
import { changePassword, login, logout, me, unlock } from "./session";
import { gateway } from "./state";

/** Do something that the gateway may refuse, and hold what it said. */
function useTry(): { words: string; busy: boolean; attempt: (work: () => Promise<void>) => Promise<boolean> } {
  const [words, say] = useState("");
  const [busy, setBusy] = useState(false);
  const attempt = async (work: () => Promise<void>): Promise<boolean> => {
    setBusy(true);
    say("");
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      say(said(error.text));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { words, busy, attempt };
}

const focus = (field: HTMLInputElement | null): void => field?.focus();

function Field(given: { label: string; type?: "password" | "text"; complete: string; set: (value: string) => void; first?: boolean }) {
  const { label, type = "password", complete, set, first = false } = given;
  return (
    <label>
      {label}
      <input {...({ type } as { type: "text" })} required data-first={first || undefined} ref={first ? focus : null} autocomplete={complete} onInput={(event) => set(event.currentTarget.value)} />
    </label>
  );
}

/** Password keepers want to know whose password it is. */
const Whose = () => <input type="text" hidden readonly autocomplete="username" value={me.value?.user ?? ""} />;

export const Login = () => <Enter wall={false} />;
export const WallLogin = () => <Enter wall />;

function Enter({ wall }: { wall: boolean }) {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const { words, busy, attempt } = useTry();
  const go = (event: Event): void => {
    event.preventDefault();
    void attempt(() => login(wall ? { token: password.trim() } : { user, password }));
  };
  return (
    <main class="door">
      <form class="panel" onSubmit={go}>
        <h1>{gateway.value || t("title")}</h1>
        {!wall && <Field label={t("login.user")} type="text" complete="username" set={setUser} first />}
        <Field label={t(wall ? "login.wall" : "login.password")} complete={wall ? "off" : "current-password"} set={setPassword} first={wall} />
        <p class="wrong" role="alert">{words}</p>
        <button class="main" disabled={busy}>{t("login.go")}</button>
        <button type="button" class="plain" onClick={() => void speak(language.value === "zh" ? "en" : "zh")}>{t("language")}</button>
      </form>
    </main>
  );
}

/** The first thing that a new person does: a password that nobody else knows. */
export function MustChange() {
  return (
    <main class="door">
      <section class="panel">
        <h1>{t("login.change")}</h1>
        <p>{t("login.must")}</p>
        <Change done={() => {}} />
      </section>
    </main>
  );
}

function Change({ done }: { done: () => void }) {
  const [old, setOld] = useState("");
  const [wanted, setWanted] = useState("");
  const [again, setAgain] = useState("");
  const { words, busy, attempt } = useTry();
  const differ = again !== "" && again !== wanted;
  const go = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (wanted === again && (await attempt(() => changePassword(old, wanted)))) done();
  };
  return (
    <form onSubmit={(event) => void go(event)}>
      <Whose />
      <Field label={t("login.old")} complete="current-password" set={setOld} first />
      <Field label={t("login.new")} complete="new-password" set={setWanted} />
      <Field label={t("login.again")} complete="new-password" set={setAgain} />
      <p class="wrong" role="alert">{differ ? t("login.differ") : words}</p>
      <p class="actions"><button class="main" disabled={busy || differ}>{t("login.change")}</button></p>
    </form>
  );
}

export function Lock() {
  const [password, setPassword] = useState("");
  const { words, busy, attempt } = useTry();
  const go = (event: Event): void => {
    event.preventDefault();
    void attempt(() => unlock(password));
  };
  return (
    <form class="panel" onSubmit={go}>
      <h1>{t("lock.title")}</h1>
      <p>{t("lock.who", { name: me.value?.name || me.value?.user || "" })}</p>
      <Whose />
      <Field label={t("login.password")} complete="current-password" set={setPassword} first />
      <p class="wrong" role="alert">{words}</p>
      <button class="main" disabled={busy}>{t("lock.go")}</button>
      <button type="button" class="plain" onClick={() => void logout()}>{t("login.out")}</button>
    </form>
  );
}

/** Who has logged in; his password; the way out. */
export function Account({ onClose }: { onClose: () => void }) {
  const [changed, setChanged] = useState(false);
  const who = me.value;
  return (
    <Dialog title={t("login.account")} onClose={onClose}>
      <p>{who?.name} · {who?.user} · {who?.role && t(`role.${who.role}`)}</p>
      <h3>{t("login.change")}</h3>
      {changed ? <p role="status">{t("login.changed")}</p> : <Change done={() => setChanged(true)} />}
      <p class="actions"><button type="button" onClick={() => void logout()}>{t("login.out")}</button></p>
    </Dialog>
  );
}
