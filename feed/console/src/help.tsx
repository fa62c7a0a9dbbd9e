// `?`: every key that works here.
import "./root"; // what all share stays one chunk
import { t } from "./i18n";
import { bound, help } from "./keys";
import { Dialog } from "./parts/dialog";

export default function Help() {
  const lines = new Map<string, string[]>();
  for (const { shown, does } of bound()) lines.set(does, [...(lines.get(does) ?? []), shown]);
  return (
    <Dialog title={t("keys.title")} onClose={() => (help.value = false)} wide>
      <dl class="keys">
        {[...lines].map(([does, keys]) => (
          <div key={does}>
            <dt>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt>
            <dd>{t(does as Parameters<typeof t>[0])}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
