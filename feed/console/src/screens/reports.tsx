// Daily and monthly reports: the newest version of each, older ones behind it, for what was sent out stays to be seen.
import { useState } from "preact/hooks";
import { query } from "../api";
import { t } from "../i18n";
import { Show, useLoad } from "../parts/load";
import { Empty } from "../parts/states";
import { Table } from "../parts/table";
import { when } from "../time";
import type { Text } from "../types";
import { Some } from "./lists";
import { said } from "../i18n";

type Report = {
  id: string;
  kind: "day" | "month";
  site: string | null;
  from: string;
  to: string;
  version: number;
  made: string;
  span: string;
  why: Text;
  html: string;
  csv: string;
};

export default function Screen() {
  const [kind, setKind] = useState("");
  const [site, setSite] = useState("");
  const found = useLoad<{ reports: Report[] }>(`/reports${query({ kind })}`, 60);
  const sites = [...new Set(found.data?.reports.map((one) => one.site ?? "") ?? [])].sort();
  return (
    <div class="screen">
      <div class="row head">
        <h1>{t("nav.reports")}</h1>
        <select aria-label={t("reports.kind")} onChange={(event) => setKind(event.currentTarget.value)}>
          <option value="">{t("list.all")}</option>
          {(["day", "month"] as const).map((one) => (
            <option key={one} value={one}>
              {t(`reports.kind.${one}`)}
            </option>
          ))}
        </select>
        {sites.length > 1 && (
          <select aria-label={t("reports.site")} onChange={(event) => setSite(event.currentTarget.value)}>
            <option value="">{t("parking.all")}</option>
            {sites.map((one) => (
              <option key={one} value={one || "-"}>
                {one || t("reports.city")}
              </option>
            ))}
          </select>
        )}
      </div>
      <Show of={found}>
        {({ reports }) => {
          const series = versions(reports.filter((one) => !site || (one.site ?? "-") === site));
          return series.length ? (
            <Some rows={series}>{(rows) => <List rows={rows} />}</Some>
          ) : (
            <Empty>{t("reports.none")}</Empty>
          );
        }}
      </Show>
    </div>
  );
}

/** Reports of the same span and place together, the newest version first; the newest span first. */
function versions(reports: Report[]): Report[][] {
  const found = new Map<string, Report[]>();
  for (const one of [...reports].sort((a, b) => b.from.localeCompare(a.from) || b.version - a.version)) {
    const name = [one.kind, one.site, one.from].join("\n");
    found.set(name, [...(found.get(name) ?? []), one]);
  }
  return [...found.values()];
}

function List({ rows }: { rows: Report[][] }) {
  const newest = (series: Report[]): Report => series[0] as Report;
  return (
    <Table
      label={t("nav.reports")}
      rows={rows}
      id={(series) => newest(series).id}
      columns={[
        { key: "kind", head: t("reports.kind"), cell: (series) => t(`reports.kind.${newest(series).kind}`) },
        { key: "site", head: t("reports.site"), cell: (series) => newest(series).site ?? t("reports.city") },
        { key: "span", head: t("reports.span"), cell: (series) => newest(series).span },
        { key: "open", head: t("reports.open"), cell: (series) => <Open report={newest(series)} /> },
        {
          key: "version",
          head: t("reports.version"),
          cell: (series) => (
            <>
              {newest(series).version}
              <small>{why(newest(series))}</small>
            </>
          ),
        },
        { key: "time", head: t("reports.made"), cell: (series) => when(newest(series).made) },
        {
          key: "older",
          head: t("reports.older"),
          cell: ([, ...older]) =>
            older.length > 0 && (
              <details>
                <summary>{older.length}</summary>
                {older.map((one) => (
                  <p key={one.id}>
                    {t("reports.version")} {one.version} · {when(one.made)} · {why(one)} <Open report={one} />
                  </p>
                ))}
              </details>
            ),
        },
      ]}
    />
  );
}

const why = ({ why: words }: Report): string => said(words);

const Open = ({ report }: { report: Report }) => (
  <span class="row">
    <a href={report.html} target="_blank" rel="noopener">
      HTML
    </a>
    <a href={report.csv} download>
      CSV
    </a>
  </span>
);
