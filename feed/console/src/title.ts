// The name of the browser's tab says how many alarms nobody has seen, and when it shows the past.
import { effect } from "@preact/signals";
import { counts } from "./desk/rows";
import { t } from "./i18n";
import { settings } from "./session";
import { gateway, link } from "./state";

/** Keep it so. */
export function begin(): void {
  effect(() => {
    const title = t("title.alarms", { gateway: settings.value?.gateway_name || gateway.value || t("title") });
    const n = Object.values(counts.value).reduce((sum, { unacked }) => sum + unacked, 0);
    document.title = link.value.dead ? t("title.dead") : n ? t("title.unacked", { n, title }) : title;
  });
}
