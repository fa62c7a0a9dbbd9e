// Where it is: the customer's map where there is one, and always a schematic out of the devices' own positions.
import { effect } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { calls } from "../desk/order";
import { t } from "../i18n";
import { Chip } from "../parts/chip";
import { Empty } from "../parts/states";
import { route, to } from "../route";
import { settings } from "../session";
import { alarms, second, version } from "../state";
import type { Alarm, Device, Priority } from "../types";
import { Words } from "./alarms";
import { Heard } from "./device";
import { ShowAll, useAll } from "./lists";
import { urgent, type Mark, type Spot } from "./plan";
import { Schematic } from "./schematic";
import { Tiles } from "./tiles";

export default function Screen() {
  const all = useAll<Device>("/devices", "devices", 60);
  return (
    <ShowAll of={all}>
      {(rows) => (rows.length ? <Map_ devices={rows} /> : <Empty>{t("devices.empty")}</Empty>)}
    </ShowAll>
  );
}

const rings = (alarm: Alarm): boolean =>
  (alarm.active || !alarm.acknowledged || alarm.latched) && alarm.suppressed.length === 0;

/** The number of changes so far, looked at once a second: more often, ten thousand devices would be drawn for nothing. */
function useChanges(): number {
  const [seen, see] = useState(version.peek());
  useEffect(
    () =>
      effect(() => {
        second.value;
        see(version.peek());
      }),
    [],
  );
  return seen;
}

/** Devices that have a position, with what is wrong with each. */
function useSpots(devices: Device[], chosen: string[]): { spots: Spot[]; ringing: Alarm[] } {
  const now = useChanges();
  return useMemo(() => {
    const ringing = [...alarms.values()].filter(rings);
    const of = new Map<string, Alarm[]>();
    for (const alarm of ringing) if (alarm.device) of.set(alarm.device, [...(of.get(alarm.device) ?? []), alarm]);
    const spots = devices.flatMap((device): Spot[] => {
      if (!device.at) return [];
      const mine = of.get(device.id) ?? [];
      return [
        {
          id: device.id,
          name: device.name ?? device.id,
          site: device.site,
          at: device.at,
          alarms: mine.length,
          worst: mine.reduce((worst, alarm) => urgent(worst, alarm.priority), 0),
          calling: mine.filter(calls).length,
          known: device.state === "heard",
          chosen: chosen.includes(device.id),
        },
      ];
    });
    return { spots, ringing };
  }, [devices, chosen, now]);
}

function Map_({ devices }: { devices: Device[] }) {
  const tiles = settings.value?.map ?? null;
  const [plain, setPlain] = useState(false);
  const wanted = route.value.rest[0]; // a device that another screen asks for
  const [chosen, choose] = useState<string[]>([]);
  const { spots, ringing } = useSpots(devices, chosen);
  const [aim, setAim] = useState<Spot[] | null>(null); // what to bring into sight
  useEffect(() => {
    if (!wanted) return;
    choose([wanted]);
    setAim(spots.filter((spot) => spot.id === wanted));
  }, [wanted]);
  const pick = (mark: Mark): void => choose(mark.spots.map((spot) => spot.id));
  const nowhere = devices.filter((device) => !device.at);
  return (
    <div class="map">
      <section class="plan" aria-label={t("nav.map")}>
        <h1 class="sr">{t("nav.map")}</h1>
        {tiles && !plain ? (
          <Tiles settings={tiles} spots={spots} pick={pick} aim={aim} />
        ) : (
          <Schematic spots={spots} pick={pick} aim={aim} />
        )}
        {tiles && (
          <button type="button" class="switch" aria-pressed={plain} onClick={() => setPlain(!plain)}>
            {t(plain ? "map.tiles" : "map.schematic")}
          </button>
        )}
        {spots.length === 0 && <p class="state over">{t("map.no_positions")}</p>}
      </section>
      <aside>
        {chosen.length > 0 && (
          <Chosen
            devices={devices.filter((one) => chosen.includes(one.id))}
            ringing={ringing}
            close={() => choose([])}
          />
        )}
        <Sites
          devices={devices}
          ringing={ringing}
          show={(ids) => {
            setAim(spots.filter((spot) => ids.has(spot.id)));
            choose([]);
          }}
        />
        {nowhere.length > 0 && (
          <p class="hint">
            {t("map.nowhere", { n: nowhere.length })} <a href={to("devices")}>{t("nav.devices")}</a>
          </p>
        )}
      </aside>
    </div>
  );
}

function Chosen({ devices, ringing, close }: { devices: Device[]; ringing: Alarm[]; close: () => void }) {
  return (
    <section class="panel" aria-live="polite">
      <div class="row head">
        <h2>{devices.length === 1 ? (devices[0]?.name ?? devices[0]?.id) : t("map.devices", { n: devices.length })}</h2>
        <button type="button" class="plain" aria-label={t("close")} onClick={close}>
          ✕
        </button>
      </div>
      <ul class="stack">
        {devices.slice(0, 30).map((device) => {
          const mine = ringing.filter((alarm) => alarm.device === device.id);
          return (
            <li key={device.id}>
              <a href={to("devices", device.id)}>
                {devices.length === 1 ? t("map.whole") : (device.name ?? device.id)}
              </a>{" "}
              <small>
                <Heard state={device.state} />
              </small>
              {mine.map((alarm) => (
                <p key={alarm.id} class="alarm">
                  <Chip priority={alarm.priority} quiet={!alarm.active} />{" "}
                  <span>
                    <Words alarm={alarm} />
                  </span>
                </p>
              ))}
            </li>
          );
        })}
      </ul>
      {devices.length > 30 && <p class="hint">{t("map.closer")}</p>}
    </section>
  );
}

type Place = { name: string; ids: Set<string>; counts: Record<Priority, number>; worst: number };

/** The same in words, the most urgent place first: what cannot be seen on a picture is found here. */
function Sites({ devices, ringing, show }: { devices: Device[]; ringing: Alarm[]; show: (ids: Set<string>) => void }) {
  const places = new Map<string, Place>();
  const at = (name: string): Place => {
    const place = places.get(name) ?? { name, ids: new Set(), counts: { 1: 0, 2: 0, 3: 0, 4: 0 }, worst: 0 };
    places.set(name, place);
    return place;
  };
  const siteOf = new Map(devices.map((device) => [device.id, device.site ?? t("map.street")]));
  for (const device of devices) at(device.site ?? t("map.street")).ids.add(device.id);
  for (const alarm of ringing) {
    const place = at((alarm.device && siteOf.get(alarm.device)) || alarm.site || t("map.gateway"));
    place.counts[alarm.priority]++;
    place.worst = urgent(place.worst, alarm.priority);
  }
  const ordered = [...places.values()].sort(
    (a, b) => (a.worst || 9) - (b.worst || 9) || a.name.localeCompare(b.name, "zh"),
  );
  return (
    <section class="panel">
      <h2>{t("map.places")}</h2>
      <ul class="places">
        {ordered.map((place) => (
          <li key={place.name}>
            <button type="button" class="plain" onClick={() => show(place.ids)}>
              <span>
                {place.name}
                <small>{t("map.devices", { n: place.ids.size })}</small>
              </span>
              <span class="row">
                {([1, 2, 3, 4] as Priority[]).map(
                  (one) =>
                    place.counts[one] > 0 && (
                      <Chip key={one} priority={one}>
                        {t(`priority.${one}`)} {place.counts[one]}
                      </Chip>
                    ),
                )}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
