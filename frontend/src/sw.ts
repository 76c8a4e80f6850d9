// The service worker. It keeps the files of the portal and one page that takes a report without a signal, and nothing
// that belongs to anybody: no page of a case, of a draft or of the desk is ever stored. With a signal every page comes
// from the server. `self.WASL`, which the server writes before this, says which files there are; with any of them the
// worker itself changes, and the new one takes over at once.
import { sendAll } from "./report/send";
import { byToken, change, recall, remember } from "./report/store";

interface Config {
  version: string;
  files: Record<string, string[]>;
  pages: Record<string, string>;
  areas: string;
}
interface Extendable extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Installing extends Extendable {
  addRoutes?(route: { condition: { urlPattern: string }; source: "network" }[]): Promise<void>;
}
interface Fetching extends Extendable {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Told extends Extendable {
  data: { keep?: string };
}
interface Scope {
  WASL: Config;
  location: Location;
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
  addEventListener(name: "install", work: (event: Installing) => void): void;
  addEventListener(name: "activate", work: (event: Extendable) => void): void;
  addEventListener(name: "fetch", work: (event: Fetching) => void): void;
  addEventListener(name: "message", work: (event: Told) => void): void;
  addEventListener(name: "sync", work: (event: Extendable & { tag: string }) => void): void;
}

const worker = self as unknown as Scope;
const { version, files, pages, areas } = worker.WASL;
const CACHE = `wasl-${version}`;
const OURS = new Set(Object.values(files).flat());
const PAGES = new Set(Object.values(pages));
const LOOK_AGAIN_MS = 6 * 3600 * 1000;
// Pages from which somebody reports; all others are the browser's own affair.
const REPORTING = /^\/($|report\/|complaint\/$|suggestion\/$|feedback\/$|install\/$)/;

const NEXT: Record<string, string> = {
  what: "where", danger: "where", where: "details", similar: "details", details: "you", you: "check", check: "check",
};

/** Fetch what is missing for a language; the page and the areas anew when they are some hours old. */
async function keep(language: string, again = false): Promise<void> {
  const page = pages[language];
  if (!page) return;
  const cache = await caches.open(CACHE);
  const missing = [];
  for (const file of files[language] ?? []) if (!(await cache.match(file))) missing.push(file);
  await cache.addAll(missing);
  const last = (await recall<number>(`kept ${language}`)) ?? 0;
  if (!again && (await cache.match(page)) && Date.now() - last < LOOK_AGAIN_MS) return;
  for (const path of [page, areas]) {
    // Without cookies: the page is the same for everybody, and must be.
    const answer = await fetch(path, { credentials: "omit", cache: "no-cache" });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    await cache.put(path, answer);
  }
  await remember(`kept ${language}`, Date.now());
}

async function takeOver(): Promise<void> {
  const known = (await recall<string>("language")) ?? "";
  if (known) await keep(known, true);
  await worker.skipWaiting();
}

async function clean(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith("wasl-") && name !== CACHE) await caches.delete(name);
  await worker.clients.claim();
}

async function kept(path: string): Promise<Response | undefined> {
  return (await caches.open(CACHE)).match(path);
}

/** The network's answer, or what is kept where there is no signal. */
async function fromNetwork(request: Request, path: string): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const found = await kept(path);
    if (found) return found;
    throw error;
  }
}

/** A page of the report; without a signal the way to the one that the device keeps, with what was begun. */
async function navigate(request: Request, url: URL): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const language = (await recall<string>("language")) ?? "";
    const page = pages[language];
    if (!page || !(await kept(page))) throw error;
    const [, token = "", at = ""] = /^\/report\/([\w-]+)\/(\w+)\/$/.exec(url.pathname) ?? [];
    const known = token ? await byToken(token) : undefined;
    // It was not sent after all: what was typed still stands.
    if (known) await change(known.key, (one) => (one.submitted = ""));
    const key = known?.key ?? (request.method === "POST" && !token ? await recall<string>("begun") : "");
    const step = request.method === "POST" ? NEXT[at] : at;
    const hash = key ? `#${key}${known && step ? `/${step}` : ""}` : "";
    return Response.redirect(new URL(page + hash, worker.location.origin), 302);
  }
}

worker.addEventListener("install", (event) => {
  // Chromium loses what a closed tab sends last (`sendBeacon`) when it must start the worker first to be told that the
  // worker has no part in it. The desk and what is live go past it.
  const past = ["/desk/*", "/live"].map((urlPattern) => ({ condition: { urlPattern }, source: "network" as const }));
  event.waitUntil(Promise.all([event.addRoutes?.(past), takeOver()]));
});
worker.addEventListener("activate", (event) => event.waitUntil(clean()));
worker.addEventListener("message", (event) => {
  const language = event.data.keep;
  if (!language || !pages[language]) return;
  event.waitUntil(remember("language", language).then(() => keep(language)).catch(() => undefined));
});
worker.addEventListener("sync", (event) => {
  if (event.tag === "wasl-send") event.waitUntil(sendAll());
});
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== worker.location.origin) return;
  if (request.mode === "navigate") {
    if (PAGES.has(url.pathname)) event.respondWith(fromNetwork(request, url.pathname));
    else if (REPORTING.test(url.pathname)) event.respondWith(navigate(request, url));
  } else if (request.method === "GET" && OURS.has(url.pathname)) {
    // Their names change with their content, so what is kept is right.
    event.respondWith(kept(url.pathname).then((found) => found ?? fetch(request)));
  } else if (request.method === "GET" && url.pathname === areas) {
    event.respondWith(fromNetwork(request, areas));
  }
});
