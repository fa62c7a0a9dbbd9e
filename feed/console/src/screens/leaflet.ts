// Leaflet and what we need of it. It may write no markup: marks are elements, attribution and buttons are our own.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { render, h } from "preact";
import { sheet } from "../sheet";
import type { ConsoleSettings } from "../types";
import { onMap, type Crs } from "./crs";
import { marks, wordsOf, type Mark, type Spot } from "./plan";
import { Symbol } from "./symbol";

type Settings = NonNullable<ConsoleSettings["map"]>;
const CLOSEST = 19;

export class TileMap {
  private readonly map: L.Map;
  private readonly layer = L.layerGroup();
  private spots: Spot[] = [];
  private pick: (mark: Mark) => void = () => {};
  private readonly crs: Crs;

  /** unseen: told whether tiles do not come. */
  constructor(box: HTMLElement, settings: Settings, unseen: (so: boolean) => void) {
    void sheet("leaflet.css");
    this.crs = settings.crs as Crs;
    // Without animations: a map that is put away in the midst of one fails afterwards.
    const still = { zoomAnimation: false, fadeAnimation: false, inertia: false };
    this.map = L.map(box, { ...still, zoomControl: false, attributionControl: false, maxZoom: CLOSEST });
    const tiles = L.tileLayer(settings.tiles, { maxZoom: CLOSEST });
    tiles.on("tileerror", () => unseen(true)).on("tileload", () => unseen(false));
    tiles.addTo(this.map);
    this.layer.addTo(this.map);
    this.map.setView(this.place(settings.center ?? [104, 35]), settings.center ? 13 : 4);
    this.map.on("zoomend moveend resize", () => this.draw());
  }

  remove(): void {
    this.map.remove();
  }

  zoom(by: number): void {
    this.map.setZoom(this.map.getZoom() + by);
  }

  aim(spots: Spot[]): void {
    if (spots.length)
      this.map.fitBounds(L.latLngBounds(spots.map(({ at }) => this.place(at))), {
        maxZoom: 17,
        padding: [50, 50],
        animate: false,
      });
  }

  show(spots: Spot[], pick: (mark: Mark) => void): void {
    const first = !this.spots.length;
    this.spots = spots;
    this.pick = pick;
    if (first) this.aim(spots);
    this.draw();
  }

  private place(at: readonly [number, number]): L.LatLngTuple {
    const [east, north] = onMap(at, this.crs);
    return [north, east];
  }

  private draw(): void {
    this.layer.clearLayers();
    const { x, y } = this.map.getSize();
    const found = marks(
      this.spots,
      (at) => {
        const point = this.map.latLngToContainerPoint(this.place(at));
        return [point.x, point.y];
      },
      x,
      y,
    );
    for (const mark of found) {
      const marker = L.marker(this.map.containerPointToLatLng([mark.x, mark.y]), {
        icon: iconOf(mark),
        zIndexOffset: 1000 * (5 - (mark.worst || 5)),
      });
      const open = (): void => {
        this.pick(mark);
        if (mark.spots.length > 1) this.aim(mark.spots);
      };
      marker.on("click", open).addTo(this.layer);
      const element = marker.getElement();
      element?.setAttribute("aria-label", wordsOf(mark));
      element?.addEventListener("keydown", (event) => event.key === "Enter" && open());
    }
  }
}

function iconOf(mark: Mark): L.DivIcon {
  const html = document.createElement("div");
  render(
    h(
      "svg",
      {
        viewBox: "-22 -22 44 44",
        width: 44,
        height: 44,
        class: `mark ${mark.worst ? `p${mark.worst}` : ""}`,
        "aria-hidden": true,
      },
      h(Symbol, { mark }),
    ),
    html,
  );
  return L.divIcon({ html, className: "", iconSize: [44, 44], iconAnchor: [22, 22] });
}
