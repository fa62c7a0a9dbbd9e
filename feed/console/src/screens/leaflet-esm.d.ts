// Leaflet as modules: what is not used is left out, and build.mjs makes it write text.
declare module "leaflet/dist/leaflet-src.esm.js" {
  export * from "leaflet";
}
