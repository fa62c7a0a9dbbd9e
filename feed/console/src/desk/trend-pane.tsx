// The trend of what the alarm is about: the last 15 minutes or 24 hours. uPlot comes when it is first needed.
import { useEffect, useRef, useState } from "preact/hooks";
import { pathOf, query } from "../api";
import { language, said, t } from "../i18n";
import { Show, useLoad } from "../parts/load";
import { theme } from "../theme";
import { figure } from "../time";
import type { Alarm, Trend } from "../types";

const EVERY_S = 60;

export function TrendPane({ alarm, device, quantity }: { alarm: Alarm; device: string; quantity: string }) {
  const [minutes, setMinutes] = useState<15 | 1440>(15);
  const trend = useLoad<Trend>(`/devices/${pathOf(device)}/trend${query({ quantity, minutes })}`, EVERY_S);
  if (trend.problem?.status === 404) return null; // it has no such numbers: a truth, or the device is no more
  return (
    <section>
      <h3 class="row">
        {t("detail.trend")}
        {([15, 1440] as const).map((span) => (
          <button key={span} type="button" class="small" aria-pressed={span === minutes} onClick={() => setMinutes(span)}>
            {t(`detail.trend.${span}`)}
          </button>
        ))}
      </h3>
      <Show of={trend}>{(data) => <Plot trend={data} alarm={alarm} />}</Show>
    </section>
  );
}

function Plot({ trend, alarm }: { trend: Trend; alarm: Alarm }) {
  const box = useRef<HTMLDivElement>(null);
  const known = trend.values.filter((value) => value !== null);
  useEffect(() => {
    let end = (): void => {};
    let gone = false;
    void import("./trend").then(({ draw }) => {
      if (!gone && box.current) end = draw(box.current, trend, alarm);
    });
    return () => {
      gone = true;
      end();
    };
  }, [trend, alarm.event, theme.value, language.value]);
  if (!known.length) return <p class="state">{t("detail.trend.none")}</p>;
  const words = t("detail.trend.said", {
    name: trend.quantity,
    count: known.length,
    last: `${figure(known.at(-1))} ${trend.unit}`,
    limits: trend.limits.map(({ value }) => figure(value)).join(", ") || "—",
    gaps: trend.values.length - known.length,
  });
  return (
    <>
      <small>{said(trend.note)} · {trend.unit}</small>
      <div ref={box} class="plot" role="img" aria-label={words} />
    </>
  );
}
