// Builds feed/static out of src/: the same sources give the same bytes, wherever and whenever they are built.
//   node build.mjs [FOLDER]   (FOLDER: instead of ../static)
import { build } from "esbuild";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "../static"));

// Leaflet writes markup by innerHTML, which Trusted Types refuse. All that it writes in our map is text.
const leafletWritesText = {
  name: "leaflet-writes-text",
  setup({ onLoad }) {
    onLoad({ filter: /leaflet-src\.esm\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replaceAll(".innerHTML =", ".textContent ="),
    }));
  },
};

// The catalogue is one file a language. The duty desk loads only its own words; `?rest` are those of the other screens.
const OF_SCREENS = new Set([
  "audit", "devices", "family", "handover", "journal", "kpi", "list", "map", "parking", "people", "reports", "scope",
  "shelf", "tokens",
]);
const catalogueInTwo = {
  name: "catalogue-in-two",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.json\?(desk|rest)$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path.split("?")[0]), suffix: `?${path.split("?")[1]}`,
    }));
    onLoad({ filter: /i18n.(zh|en)\.json$/ }, ({ path, suffix }) => {
      const words = Object.entries(JSON.parse(readFileSync(path, "utf8")));
      const mine = words.filter(([key]) => OF_SCREENS.has(key.split(".")[0]) === (suffix === "?rest"));
      // As a script: what esbuild makes of JSON exports every word by a name of its own too.
      return { contents: `export default ${JSON.stringify(Object.fromEntries(mine))}`, loader: "js" };
    });
  },
};

// uPlot's own minified file is a tenth smaller than what esbuild makes of its source: it is served as it is.
const uplotAsPacked = {
  name: "uplot-as-packed",
  setup({ onResolve }) {
    onResolve({ filter: /^uplot$/ }, () => ({ path: "./uplot.js", external: true }));
  },
};

const common = {
  absWorkingDir: here,
  outdir: out,
  bundle: true,
  minify: true,
  target: ["chrome109", "firefox115", "safari16.4"], // Chrome 109 is the last on Windows 7, which still sits in duty rooms
  charset: "utf8",
  legalComments: "none", // they stand in licences.txt
  logLevel: "warning",
  plugins: [leafletWritesText, catalogueInTwo, uplotAsPacked],
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const worker = await build({
  ...common, entryPoints: ["src/worker.ts"], format: "iife", entryNames: "[name]-[hash]", metafile: true,
});
const workerFile = Object.keys(worker.metafile.outputs).map((name) => name.split("/").pop())[0];
await build({
  ...common,
  entryPoints: { app: "src/main.tsx" },
  format: "esm",
  splitting: true,
  chunkNames: "[name]-[hash]",
  define: { WORKER_FILE: JSON.stringify(workerFile) },
});
await build({
  ...common,
  entryPoints: {
    style: "src/styles/style.css", door: "src/styles/door.css", screens: "src/styles/screens.css",
    leaflet: "node_modules/leaflet/dist/leaflet.css",
  },
  loader: { ".png": "dataurl" },
});
const packed = readFileSync(join(here, "node_modules/uplot/dist/uPlot.iife.min.js"), "utf8").trim();
writeFileSync(join(out, "uplot.js"), `${packed}export default uPlot;\n`);
cpSync(join(here, "src/index.html"), join(out, "index.html"));
cpSync(join(here, "src/icon.svg"), join(out, "icon.svg"));

const packages = ["preact", "@preact/signals", "@preact/signals-core", "uplot", "leaflet"];
const licences = packages.map((name) => {
  const folder = join(here, "node_modules", name);
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return `${name} ${version}\n\n${readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim()}\n`;
});
writeFileSync(join(out, "licences.txt"), licences.join(`\n${"-".repeat(80)}\n\n`));

for (const name of readdirSync(out).sort()) {
  const bytes = readFileSync(join(out, name));
  console.log(`${String(gzipSync(bytes, { level: 9 }).length).padStart(7)} ${name}`);
}
