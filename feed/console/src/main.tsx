import { render } from "preact";
import { get } from "./api";
import { speak, spoken } from "./i18n";
import { me, settings, whoAmI } from "./session";
import { Shell } from "./shell";
import { begin } from "./state";
import { zone } from "./time";
import type { ConsoleSettings } from "./types";
import "./theme";

async function start(): Promise<void> {
  const root = document.getElementById("app");
  if (!root) throw new Error("index.html has no #app");
  await speak(spoken() ?? "zh", false);
  render(<Shell />, root);
  begin();
  await whoAmI();
  const wanted = me.value?.language;
  if (wanted && !spoken()) await speak(wanted, false);
  settings.value = await get<ConsoleSettings>("/console").catch(() => null);
  if (settings.value) zone.value = settings.value.time_zone;
}

void start();
