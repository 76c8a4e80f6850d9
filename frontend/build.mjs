// Builds the browser's part: styles, scripts, icons and fonts go to src/wasl/static/dist under names that carry
// their content's hash; manifest.json says which name is which. Everything it needs is in this folder.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { Resvg } from "@resvg/resvg-js";
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

// Styles of single pages, after what all pages of the face share.
const PAGES = { portal: ["portal-pages.css", "portal-report.css", "portal-public.css"], desk: ["desk-pages.css", "desk-setup.css", "desk-phone.css"] };

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

const minified = (name, css, unusedSymbols = []) =>
  Buffer.from(transform({ filename: name, code: Buffer.from(css), minify: true, targets: TARGETS, unusedSymbols }).code);

/** Every word that names a class: in class attributes of templates, and anywhere in TypeScript and the frame's forms and tags.
 *  wasl.site.frontend reads the same, so that a class used anew leads to a new build. */
async function namedClasses() {
  const words = new Set();
  const keep = (text) => { for (const word of text.match(/[A-Za-z_][\w-]*/g) ?? []) words.add(word); };
  const faces = path.join(HERE, "../src/wasl");
  for (const folder of [path.join(HERE, "src"), faces]) {
    for (const file of await readdir(folder, { recursive: true })) {
      const text = () => readFile(path.join(folder, file), "utf8");
      if (file.endsWith(".html")) for (const [, given] of (await text()).matchAll(/class="([^"]*)"/g)) keep(given);
      else if (file.endsWith(".ts") || /^faces\/frame\/(forms|templatetags\/\w+)\.py$/.test(file)) keep(await text());
    }
  }
  return words;
}

/** Tabler's classes that no source names; a rule for them is never used. */
const unnamed = (tabler, words) =>
  [...new Set(Array.from(tabler.matchAll(/\.(-?[A-Za-z_][\w-]*)/g), ([, name]) => name))].filter((name) => !words.has(name));

/** Tabler is mirrored by rtlcss for right-to-left pages; our own styles use logical properties and serve both. */
async function style(name, fonts) {
  const options = { loadPaths: [path.join(HERE, "node_modules")], style: "expanded", silenceDeprecations: [] };
  const tabler = (await sass.compileAsync(path.join(HERE, `src/tabler-${name}.scss`), options)).css;
  const own = await Promise.all(["tokens.css", "frame.css", `${name}.css`, ...PAGES[name]].map(source));
  const unused = unnamed(tabler, await namedClasses());
  await emit(`${name}.css`, minified(name, [tabler, ...own].join("\n"), unused));
  await emit(`${name}.rtl.css`, minified(name, [rtlcss.process(tabler), fonts, ...own].join("\n"), unused));
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

/** Typefaces of printed pages (faces/desk/paper): whole and uncompressed, as the setter of PDFs reads them. */
async function paperFonts() {
  const range = (a, b) => Array.from({ length: b - a + 1 }, (_, i) => String.fromCodePoint(a + i)).join("");
  const latin = range(0x20, 0x7e) + range(0xa0, 0xff) + range(0x2010, 0x2026) + "\u2030\u2039\u203a\u20ac\u2190\u2192\u2212";
  const arabic = range(0x0600, 0x06ff) + range(0x200c, 0x200f) + " \u00a0";
  const chinese = range(0x3000, 0x303f) + range(0x4e00, 0x9fff) + range(0xff00, 0xffef);
  const files = [
    ...[400, 600].map((weight) => [`noto-sans-arabic/files/noto-sans-arabic-arabic-${weight}-normal`, arabic]),
    ...[400, 600].map((weight) => [`noto-sans-sc/files/noto-sans-sc-latin-${weight}-normal`, latin]),
    ["noto-sans-sc/files/noto-sans-sc-chinese-simplified-400-normal", chinese],
  ];
  await mkdir(path.join(FRESH, "paper"));
  await Promise.all(files.map(async ([file, letters]) => {
    const whole = await readFile(pack(`@fontsource/${file}.woff2`));
    await writeFile(path.join(FRESH, "paper", `${path.basename(file)}.ttf`), await subsetFont(whole, letters, { targetFormat: "sfnt" }));
  }));
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
    entryPoints: { portal: "src/portal.ts", desk: "src/desk.ts", phone: "src/phone.ts" },
    bundle: true, splitting: true, format: "esm", minify: true, metafile: true, target: ES_TARGET,
    outdir: FRESH, entryNames: "[name]-[hash]", chunkNames: "part-[name]-[hash]", legalComments: "none", charset: "utf8",
  });
  for (const [file, meta] of Object.entries(result.metafile.outputs)) {
    const name = path.basename(file);
    const entry = meta.entryPoint && path.basename(meta.entryPoint, ".ts");
    if (["portal", "desk", "phone"].includes(entry)) {
      manifest[`${entry}.js`] = name;
      manifest[`${entry}.js:all`] = [...closure(result.metafile.outputs, file)].map((one) => path.basename(one))
        .filter((one) => one !== name);
      manifest[`${entry}.js:parts`] = meta.imports.filter((i) => i.kind === "import-statement").map((i) => path.basename(i.path));
    }
    await squeeze(name, await readFile(path.join(FRESH, name)));
  }
}

/** Everything that `file` may import, at once or later, itself among it. */
function closure(outputs, file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const one of outputs[file]?.imports ?? []) if (!one.external) closure(outputs, one.path, found);
  return found;
}

/** The service worker: one file without imports, for browsers whose workers know no modules. */
async function worker() {
  const result = await build({
    absWorkingDir: HERE, entryPoints: ["src/sw.ts"], bundle: true, format: "iife", minify: true, write: false,
    target: ES_TARGET, legalComments: "none", charset: "utf8",
  });
  await emit("sw.js", Buffer.from(result.outputFiles[0].contents));
}

/** The mark as pictures for start screens; the maskable one has room around it for the shape that a telephone cuts. */
async function appIcons() {
  const mark = await source("mark.svg");
  const inner = mark.slice(mark.indexOf(">") + 1, mark.lastIndexOf("</svg>"));
  const png = (svg, side) => Buffer.from(new Resvg(svg, { fitTo: { mode: "width", value: side } }).render().asPng());
  const full = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" fill="#0f5cad"/>`
    + `<g transform="translate(3.2 3.2) scale(.8)">${inner}</g></svg>`;
  await emit("icon-192.png", png(mark, 192));
  await emit("icon-512.png", png(mark, 512));
  await emit("icon-maskable-512.png", png(full, 512));
  await emit("icon-touch-180.png", png(full, 180));
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

/** A build that was killed left its folder; one that still runs keeps its own. */
async function sweep() {
  const lives = (pid) => {
    try {
      return process.kill(pid, 0);
    } catch (error) {
      return error.code === "EPERM";
    }
  };
  const within = path.dirname(OUT);
  for (const name of await readdir(within)) {
    const pid = /^dist\.fresh-(\d+)$/.exec(name)?.[1];
    if (pid && !lives(Number(pid))) await rm(path.join(within, name), { recursive: true, force: true });
  }
}

const begun = performance.now();
await mkdir(FRESH, { recursive: true });
await sweep();
try {
  const fonts = await arabicFonts();
  await Promise.all([style("portal", fonts), style("desk", fonts), chineseFont(), paperFonts(), icons(), scripts(), mapStyle(), worker(), appIcons()]);
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
