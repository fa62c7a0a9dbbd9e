// What stands where something is not (yet): nothing, loading, failed. A failure is never shown as an empty list.
import type { ComponentChildren } from "preact";
import { Problem } from "../api";
import { said, t } from "../i18n";

export function Empty({ children }: { children?: ComponentChildren }) {
  return <p class="state">{children ?? t("empty")}</p>;
}

export function Loading() {
  return (
    <p class="state" role="status">
      {t("loading")}
    </p>
  );
}

export function Failed({ problem, again }: { problem: unknown; again?: () => void }) {
  const words = problem instanceof Problem ? said(problem.text) : String(problem);
  return (
    <div class="state failed" role="alert">
      <p>{words}</p>
      {again && (
        <button type="button" onClick={again}>
          {t("retry")}
        </button>
      )}
    </div>
  );
}
