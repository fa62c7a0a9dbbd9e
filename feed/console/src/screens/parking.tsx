// Parking bays by site: a letter, a pattern and a colour for each, and what is not known said as such.
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { Empty } from "../parts/states";
import { to } from "../route";
import { when } from "../time";
import { ShowAll, useAll } from "./lists";

type Bay = {
  device: string;
  name: string | null;
  site: string | null;
  state: "free" | "occupied" | "unknown";
  since: string | null;
};
const STATES: Bay["state"][] = ["free", "occupied", "unknown"];

export default function Screen() {
  const all = useAll<Bay>("/bays", "bays", 10);
  const [site, setSite] = useState("");
  return (
    <div class="screen">
      <div class="row head">
        <h1>{t("nav.parking")}</h1>
        {all.rows && <Sites rows={all.rows} pick={setSite} />}
        {all.rows && <Counts rows={all.rows} />}
      </div>
      <ShowAll of={all}>
        {(rows) =>
          rows.length ? (
            <>
              {[...bySite(rows)]
                .filter(([name]) => !site || name === site)
                .map(([name, bays]) => (
                  <Site key={name} name={name} bays={bays} />
                ))}
            </>
          ) : (
            <Empty>{t("parking.none")}</Empty>
          )
        }
      </ShowAll>
    </div>
  );
}

function bySite(rows: Bay[]): Map<string, Bay[]> {
  const found = new Map<string, Bay[]>();
  for (const bay of rows) {
    const name = bay.site ?? t("parking.nowhere");
    const bays = found.get(name);
    if (bays) bays.push(bay);
    else found.set(name, [bay]);
  }
  return found;
}

function Sites({ rows, pick }: { rows: Bay[]; pick: (site: string) => void }) {
  const sites = [...bySite(rows).keys()];
  if (sites.length < 2) return null;
  return (
    <select aria-label={t("reports.site")} onChange={(event) => pick(event.currentTarget.value)}>
      <option value="">{t("parking.all")}</option>
      {sites.map((one) => (
        <option key={one}>{one}</option>
      ))}
    </select>
  );
}

function Counts({ rows }: { rows: Bay[] }) {
  return (
    <ul class="row counts">
      {STATES.map((state) => (
        <li key={state}>
          <span class={`bay sample ${state}`} aria-hidden="true" /> {t(`parking.${state}`)}{" "}
          <strong>{rows.filter((bay) => bay.state === state).length}</strong>
        </li>
      ))}
    </ul>
  );
}

/** Its name without that of the site under which it stands. */
const short = ({ name, site, device }: Bay): string =>
  (name && site && name.startsWith(site) ? name.slice(site.length).trim() : name) || device;

function Site({ name, bays }: { name: string; bays: Bay[] }) {
  return (
    <section class="panel" aria-label={name}>
      <div class="row head">
        <h2>{name}</h2>
        <Counts rows={bays} />
      </div>
      <ul class="bays">
        {bays.map((bay) => {
          const words = bay.since
            ? t("parking.since", { state: t(`parking.${bay.state}`), time: when(bay.since) })
            : t(`parking.${bay.state}`);
          return (
            <li key={bay.device}>
              <a
                class={`bay ${bay.state}`}
                href={to("devices", bay.device)}
                title={`${bay.name ?? bay.device}: ${words}`}
              >
                <span>{short(bay)}</span>
                <strong>{t(`parking.${bay.state}`)}</strong>
                <small>{bay.since ? when(bay.since).slice(5, 16) : "—"}</small>
              </a>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
