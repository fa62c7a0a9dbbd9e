// The screens come together: one chunk of them packs far smaller than ten. Leaflet is a chunk of its own.
import "../root"; // what all share stays one chunk
export { default as audit } from "./audit";
export { default as devices } from "./devices";
export { default as handover } from "./handover";
export { default as journal } from "./journal";
export { default as kpi } from "./kpi";
export { default as map } from "./map";
export { default as parking } from "./parking";
export { default as people } from "./people";
export { default as reports } from "./reports";
export { default as shelf } from "./shelf";
