// Who is on duty, and whether he can be called: until somebody has pressed 开始值班 a red badge says that nothing sounds.
import { useEffect, useRef } from "preact/hooks";
import { needsName } from "./commands";
import { selected } from "./desk/rows";
import { t } from "./i18n";
import { bind } from "./keys";
import { may, me, operator } from "./session";
import { audible, begin, ringing, silence } from "./sound";
import { narrow } from "./width";

export function Duty() {
  useEffect(() => bind([{ key: "s", shown: "S", does: "keys.silence", run: silence }]), []);
  if (!audible.value) {
    return (
      <>
        <strong id="silent" class="badge">{t("duty.off")}</strong>
        <button type="button" id="begin" class="main" onClick={() => void begin()}>{t("duty.begin")}</button>
      </>
    );
  }
  return ringing.value ? (
    <button type="button" id="silence" onClick={silence} aria-keyshortcuts="S">{t("duty.silence")} <kbd>S</kbd></button>
  ) : (
    <button type="button" id="sound" class="plain" title={t("duty.test")} onClick={() => void begin()}>{t("duty.on")}</button>
  );
}

/** Over the loopback door nobody logs in: the name that is written here goes with every command. */
export function Operator() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!needsName.value) return;
    if (narrow.value) selected.value = null; // the detail hides the field there
    field.current?.focus();
  }, [needsName.value]);
  if (me.value?.door === "console" || !may("answer")) return null;
  return (
    <input
      ref={field}
      id="user"
      aria-label={t("duty.user")}
      placeholder={t("duty.user.hint")}
      autocomplete="off"
      maxLength={64}
      value={operator.value}
      onKeyDown={({ key }) => key === "Enter" && document.getElementById("rows")?.focus()}
      onInput={(event) => {
        operator.value = event.currentTarget.value.trim();
        localStorage.setItem("user", operator.value);
        needsName.value = false;
      }}
    />
  );
}
