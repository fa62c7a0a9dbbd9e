// The frame of every screen: who and where, the line's state, the ways to the screens.
import type { ComponentType } from "preact";
import { useState } from "preact/hooks";
import { gateway, current, link } from "./state";
import { DeadBar } from "./dead";
import { Duty, Operator } from "./duty";
import { language, speak, t } from "./i18n";
import { Lazy } from "./lazy";
import { route, to } from "./route";
import { load, SCREENS, type Name } from "./screens";
import { may, me, settings } from "./session";
import { theme, turn } from "./theme";
import { Desk } from "./desk/desk";

export function Shell() {
  const { screen } = route.value;
  const known = screen in SCREENS ? (screen as Name) : null;
  return (
    <>
      <a class="skip" href="#main">{t("skip")}</a>
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
      <main id="main" class={link.value.dead ? "dead" : ""}>
        {known ? <Lazy key={known} load={() => load(known)} /> : <Desk />}
      </main>
    </>
  );
}

function Way({ name }: { name: Name | "desk" }) {
  return (
    <a href={to(name)} aria-current={route.value.screen === name ? "page" : undefined}>
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
      <button type="button" id="account" class="plain" onClick={open}>{who.name || who.user}</button>
      {Open && <Open onClose={() => set(null)} />}
    </>
  );
}
