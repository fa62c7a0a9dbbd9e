// The customer's raster tiles, by Leaflet, which comes only when there are any.
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { Empty, Loading } from "../parts/states";
import type { ConsoleSettings } from "../types";
import type { TileMap } from "./leaflet";
import type { Mark, Spot } from "./plan";

type Settings = NonNullable<ConsoleSettings["map"]>;

export function Tiles({
  settings,
  spots,
  pick,
  aim,
}: {
  settings: Settings;
  spots: Spot[];
  pick: (mark: Mark) => void;
  aim: Spot[] | null;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [map, setMap] = useState<TileMap | null>(null);
  const [failed, setFailed] = useState(false);
  const [unseen, setUnseen] = useState(false); // tiles do not come
  useEffect(() => {
    let made: TileMap | null = null;
    let gone = false;
    const put = ({ TileMap: Made }: typeof import("./leaflet")): void => {
      if (gone || !box.current) return;
      made = new Made(box.current, settings, setUnseen);
      setMap(made);
    };
    void import("./leaflet").then(put, () => setFailed(true));
    return () => {
      gone = true;
      made?.remove();
    };
  }, [settings]);
  useEffect(() => map?.show(spots, pick), [map, spots]);
  useEffect(() => {
    if (aim?.length) map?.aim(aim);
  }, [map, aim]);
  return (
    <>
      <div ref={box} class="tiles" role="group" aria-label={t("map.tiles_say")} />
      {!map && (failed ? <Empty>{t("nav.outdated")}</Empty> : <Loading />)}
      {unseen && <p class="notice over">{t("map.no_tiles")}</p>}
      <div class="zoom" role="group" aria-label={t("map.zoom")}>
        <button type="button" aria-label={t("map.in")} onClick={() => map?.zoom(1)}>
          +
        </button>
        <button type="button" aria-label={t("map.out")} onClick={() => map?.zoom(-1)}>
          −
        </button>
        <button type="button" onClick={() => map?.aim(spots)}>
          {t("map.all")}
        </button>
      </div>
      <small class="attribution">{settings.attribution}</small>
    </>
  );
}
