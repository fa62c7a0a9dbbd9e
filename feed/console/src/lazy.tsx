// A screen comes as its own chunk when it is first opened.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "./i18n";
import { Loading } from "./parts/states";

type Module = { default: ComponentType };

/** The same for a dialog: until it is here keys rest, for what is typed is meant for it. */
export const Coming = ({ load }: { load: () => Promise<Module> }) => <div class="coming"><Lazy load={load} /></div>;

export function Lazy({ load }: { load: () => Promise<Module> }) {
  const [screen, set] = useState<Module | "outdated" | null>(null);
  useEffect(() => {
    // A chunk that is not there any more is one of the version before an upgrade.
    load().then(set, () => set("outdated"));
  }, []);
  if (screen === null) return <Loading />;
  if (screen === "outdated") {
    return (
      <div class="state failed" role="alert">
        <p>{t("nav.outdated")}</p>
        <button type="button" onClick={() => location.reload()}>
          {t("nav.reload")}
        </button>
      </div>
    );
  }
  return <screen.default />;
}
