// The frame of every screen: who and where, the line's state, the ways to the screens.
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { gateway, current, link } from "./state";
import { DeadBar } from "./dead";
import { Duty, Operator } from "./duty";
import { language, speak, t } from "./i18n";
import { bind, help } from "./keys";
import { Coming, Lazy } from "./lazy";
import { route, to } from "./route";
import { load, SCREENS, type Name } from "./screens";
import { may, me, named, settings } from "./session";
import { theme, turn } from "./theme";
import { Desk } from "./desk/desk";

export function Shell() {
  const { screen } = route.value;
  const known = screen in SCREENS ? (screen as Name) : null;
  const main = useRef<HTMLElement>(null);
  const before = useRef(known);
  useEffect(() => {
    if (before.current !== known) (document.getElementById("rows") ?? main.current)?.focus();
    before.current = known;
  }, [known]);
  useEffect(() => bind([{ key: "?", shown: "?", does: "keys.help", run: () => (help.value = true) }]), []);
  const skip = (event: Event): void => {
    event.preventDefault(); // the address is the screen's
    main.current?.focus();
  };
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>{t("skip")}</a>
      <header class="top">
        <strong class="where">{settings.value?.gateway_name || gateway.value || t("title")}</strong>
        <nav aria-label={t("menu")}>
          <Way name="desk" />
          {(Object.keys(SCREENS) as Name[]).map((name) => may(SCREENS[name]) && <Way key={name} name={name} />)}
        </nav>
        <span class="tools">
          <LinkState />
          <Duty />
          <Operator />
          <Account />
          <button type="button" id="theme" class="plain" onClick={turn}>{t(theme.value === "light" ? "theme.dark" : "theme.light")}</button>
          <button type="button" id="language" class="plain" onClick={() => void speak(language.value === "zh" ? "en" : "zh")}>
            {t("language")}
          </button>
        </span>
      </header>
      <DeadBar />
      <main ref={main} id="main" tabIndex={-1} aria-label={t(`nav.${known ?? "desk"}`)} class={link.value.dead ? "dead" : ""}>
        {!known ? <Desk /> : may(SCREENS[known]) ? <Lazy key={known} load={() => load(known)} /> : <Barred name={known} />}
      </main>
      {help.value && <Coming load={() => import("./help")} />}
    </>
  );
}

/** Somebody wrote the address himself. Asked of the gateway, it would be an attempt in the audit trail. */
function Barred({ name }: { name: Name }) {
  return (
    <div class="screen">
      <h1>{t(`nav.${name}`)}</h1>
      <p class="state" role="alert">{t("nav.barred")}</p>
    </div>
  );
}

function Way({ name }: { name: Name | "desk" }) {
  const ref = useRef<HTMLAnchorElement>(null);
  const { screen } = route.value;
  const here = screen === name || (name === "desk" && !(screen in SCREENS)); // an address that is none leads to the desk
  useEffect(() => {
    if (here) ref.current?.scrollIntoView({ block: "nearest", inline: "center" }); // on a phone they are more than have room
  }, [here]);
  return (
    <a ref={ref} href={to(name)} aria-current={here ? "page" : undefined}>
      {t(`nav.${name}`)}
    </a>
  );
}

function LinkState() {
  const { open, known, pictured } = link.value;
  const words = current.value ? t("link.live", { n: known }) : t(open && pictured ? "link.catching" : "link.waiting");
  return <span id="link" class={current.value ? "live" : "waiting"} role="status">{words}</span>;
}

/** Who has logged in. */
function Account() {
  const [Open, set] = useState<ComponentType<{ onClose: () => void }> | null>(null);
  const who = me.value;
  if (who?.door !== "console" || !who.role) return null;
  const open = (): void => void import("./login").then((login) => set(() => login.Account));
  return (
    <>
      <button type="button" id="account" class="plain" onClick={open}>{named(who)}</button>
      {Open && <Open onClose={() => set(null)} />}
    </>
  );
}
