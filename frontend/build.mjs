// Builds the browser's part: styles, scripts, icons and fonts go to src/wasl/static/dist under names that carry
// their content's hash; manifest.json says which name is which. Everything it needs is in this folder.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { transform } from "lightningcss";
import rtlcss from "rtlcss";
import * as sass from "sass";
import subsetFont from "subset-font";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const OUT = path.join(HERE, "../src/wasl/static/dist");
// Built beside and renamed at the end, so that a running server never sees half a build.
const FRESH = `${OUT}.fresh-${process.pid}`;
const FIRST_LOAD_LIMIT_KB = 150;
// Browsers of about 2022: cheap phones in use. Newer syntax (light-dark(), nesting) is lowered to them.
const TARGETS = { chrome: 99 << 16, firefox: 97 << 16, safari: (15 << 16) | (4 << 8), samsung: 17 << 16 };
const ES_TARGET = ["chrome99", "firefox97", "safari15.4"];

const manifest = {};
const sizes = new Map();

const hashed = (name, data) => {
  const hash = createHash("sha256").update(data).digest("hex").slice(0, 10);
  const dot = name.lastIndexOf(".");
  return `${name.slice(0, dot)}-${hash}${name.slice(dot)}`;
};

async function emit(name, data) {
  const file = hashed(name, data);
  await writeFile(path.join(FRESH, file), data);
  manifest[name] = file;
  await squeeze(file, data);
  return file;
}

async function squeeze(file, data) {
  if (file.endsWith(".woff2") || file.endsWith(".png")) {
    sizes.set(file, [data.length, data.length]);
    return;
  }
  const gzip = gzipSync(data, { level: 9 });
  const brotli = brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  await writeFile(path.join(FRESH, `${file}.gz`), gzip);
  await writeFile(path.join(FRESH, `${file}.br`), brotli);
  sizes.set(file, [data.length, gzip.length]);
}

const source = (name) => readFile(path.join(HERE, "src", name), "utf8");
const pack = (name) => path.join(HERE, "node_modules", name);

const minified = (name, css) =>
  Buffer.from(transform({ filename: name, code: Buffer.from(css), minify: true, targets: TARGETS }).code);

/** Tabler is mirrored by rtlcss for right-to-left pages; our own styles use logical properties and serve both. */
async function style(name, fonts) {
  const options = { loadPaths: [path.join(HERE, "node_modules")], style: "expanded", silenceDeprecations: [] };
  const tabler = (await sass.compileAsync(path.join(HERE, `src/tabler-${name}.scss`), options)).css;
  const own = await Promise.all(["tokens.css", "frame.css", `${name}.css`, `${name}-pages.css`].map(source));
  await emit(`${name}.css`, minified(name, [tabler, ...own].join("\n")));
  await emit(`${name}.rtl.css`, minified(name, [rtlcss.process(tabler), fonts, ...own].join("\n")));
}

/** Arabic letters, marks, punctuation and both digit sets of Noto Sans Arabic; enough for Arabic, Persian and Urdu. */
async function arabicFonts() {
  const from = (a, b) => Array.from({ length: b - a + 1 }, (_, i) => String.fromCodePoint(a + i)).join("");
  const letters = from(0x0600, 0x0652) + from(0x0660, 0x0669) + from(0x066a, 0x066d) + "\u0670\u0671\u067e\u0686\u0698"
    + "\u06a9\u06af\u06a4\u06ba\u06be\u06c1\u06c3\u06cc\u06d2\u06d4" + from(0x06f0, 0x06f9) + " \u00a0.,:;()-\u2013\u2026\u00ab\u00bb\u200c\u200d\u200e\u200f";
  let css = "";
  for (const weight of [400, 600]) {
    const whole = await readFile(pack(`@fontsource/noto-sans-arabic/files/noto-sans-arabic-arabic-${weight}-normal.woff2`));
    const small = Buffer.from(await subsetFont(whole, letters, { targetFormat: "woff2" }));
    const file = await emit(`noto-sans-arabic-${weight}.woff2`, small);
    css += `@font-face{font-family:"Noto Sans Arabic";font-weight:${weight};font-display:swap;`
      + `src:local("Noto Sans Arabic ${weight === 400 ? "Regular" : "SemiBold"}"),url(${file}) format("woff2");`
      + `unicode-range:U+0600-06ff,U+200c-200f}\n`;
  }
  return css;
}

/** Chinese comes in about a hundred slices; a browser fetches only those whose characters no system font has. */
async function chineseFont() {
  const css = await readFile(pack("@fontsource/noto-sans-sc/400.css"), "utf8");
  const faces = [];
  for (const [face] of css.matchAll(/@font-face\s*{[^}]*}/g)) {
    const file = /files\/([^)]*\.woff2)/.exec(face)?.[1];
    const range = /unicode-range:\s*([^;]*);/.exec(face)?.[1];
    // The Latin slices are left out: letters and digits keep the page's own face.
    if (!file || !range || /sc-(latin|latin-ext|vietnamese|cyrillic|greek)/.test(file)) continue;
    const name = await emit(file, await readFile(pack(`@fontsource/noto-sans-sc/files/${file}`)));
    delete manifest[file];
    faces.push(`@font-face{font-family:"Noto Sans SC";font-weight:400;font-display:swap;`
      + `src:url(${name}) format("woff2");unicode-range:${range}}`);
  }
  await emit("zh.css", Buffer.from(faces.join("")));
}

async function icons() {
  const names = (await readFile(path.join(HERE, "icons.txt"), "utf8")).split("\n").filter((l) => l && !l.startsWith("#"));
  const symbols = await Promise.all(names.map(async (name) => {
    const filled = name.endsWith("-filled");
    const file = filled ? `filled/${name.slice(0, -7)}` : `outline/${name}`;
    const svg = await readFile(pack(`@tabler/icons/icons/${file}.svg`), "utf8").catch(() => {
      throw new Error(`icons.txt: Tabler has no icon "${name}"`);
    });
    const inner = svg.slice(svg.indexOf(">") + 1, svg.lastIndexOf("</svg>"))
      .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, "").replace(/\s*\n\s*/g, "");
    const paint = filled ? 'fill="currentColor" stroke="none"' : 'fill="none" stroke="currentColor"';
    return `<symbol id="${name}" viewBox="0 0 24 24" ${paint} stroke-linecap="round" stroke-linejoin="round">${inner}</symbol>`;
  }));
  await emit("icons.svg", Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`));
}

async function scripts() {
  const result = await build({
    absWorkingDir: HERE,
    entryPoints: { portal: "src/portal.ts", desk: "src/desk.ts" },
    bundle: true, splitting: true, format: "esm", minify: true, metafile: true, target: ES_TARGET,
    outdir: FRESH, entryNames: "[name]-[hash]", chunkNames: "part-[name]-[hash]", legalComments: "none", charset: "utf8",
  });
  for (const [file, meta] of Object.entries(result.metafile.outputs)) {
    const name = path.basename(file);
    const entry = meta.entryPoint && path.basename(meta.entryPoint, ".ts");
    if (entry === "portal" || entry === "desk") {
      manifest[`${entry}.js`] = name;
      manifest[`${entry}.js:parts`] = meta.imports.filter((i) => i.kind === "import-statement").map((i) => path.basename(i.path));
    }
    await squeeze(name, await readFile(path.join(FRESH, name)));
  }
}

async function mapStyle() {
  const leaflet = (await readFile(pack("leaflet/dist/leaflet.css"), "utf8")).replace(/url\(images\/[^)]*\)/g, "none");
  await emit("map.css", minified("map.css", leaflet + (await source("map.css"))));
}

/** What a first visit to the portal in each language fetches, compressed, before any picture. */
function firstLoad() {
  const kb = (files) => files.reduce((sum, f) => sum + (sizes.get(f)?.[1] ?? 0), 0) / 1000;
  const script = [manifest["portal.js"], ...manifest["portal.js:parts"]];
  const fonts = Object.entries(manifest).filter(([n]) => n.startsWith("noto-sans-arabic")).map(([, f]) => f);
  return {
    en: kb([manifest["portal.css"], manifest["icons.svg"], ...script]),
    ar: kb([manifest["portal.rtl.css"], manifest["icons.svg"], ...script, ...fonts]),
    zh: kb([manifest["portal.css"], manifest["zh.css"], manifest["icons.svg"], ...script]),
  };
}

const begun = performance.now();
await mkdir(FRESH, { recursive: true });
try {
  const fonts = await arabicFonts();
  await Promise.all([style("portal", fonts), style("desk", fonts), chineseFont(), icons(), scripts(), mapStyle()]);
  for (const name of ["manifest.json"]) await writeFile(path.join(FRESH, name), JSON.stringify(manifest, null, 1));
  await mkdir(path.dirname(OUT), { recursive: true });
  await rm(OUT, { recursive: true, force: true });
  await rename(FRESH, OUT);
} finally {
  await rm(FRESH, { recursive: true, force: true });
}

for (const [name, file] of Object.entries(manifest)) {
  if (typeof file !== "string") continue;
  const [raw, gz] = sizes.get(file);
  console.log(`${name.padEnd(28)} ${(raw / 1000).toFixed(1).padStart(7)} kB ${(gz / 1000).toFixed(1).padStart(7)} kB gzip`);
}
const load = firstLoad();
for (const [language, kb] of Object.entries(load)) console.log(`portal first load, ${language}: ${kb.toFixed(1)} kB gzip`);
console.log(`built in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
const worst = Math.max(...Object.values(load));
// Ten kilobytes are left for the page itself.
if (worst > FIRST_LOAD_LIMIT_KB - 10) {
  console.error(`the portal's first load is ${worst.toFixed(1)} kB; ${FIRST_LOAD_LIMIT_KB - 10} kB are allowed`);
  process.exitCode = 1;
}
