// The stale display is a hazard: over 30 s without a word of the gateway, a bar over the whole width says so.
import { link } from "./state";
import { t } from "./i18n";
import { when } from "./time";

export function DeadBar() {
  const { dead, offline, heardMs } = link.value;
  if (!dead) return null;
  return (
    <div id="dead" role="alert">
      <strong>{t("link.dead")}</strong>
      {offline && <span>{t("link.offline")}</span>}
      <span>{heardMs === null ? t("link.never") : t("link.since", { time: when(heardMs) })}</span>
    </div>
  );
}
