// On the pages of the portal: what is typed survives a closed browser and a lost signal, what waits is sent when the
// signal is back and counted on every page, and the service worker learns which language to keep.
import { filesOf, read, whenTyped, write } from "./fields";
import { sendAll } from "./send";
import { all, byToken, change, fresh, type Kept, onChange, put, recall, remember, remove, type Value } from "./store";

interface Given {
  token: string;
  page: string;
  fields: Record<string, Value>;
  photos: { id: string; name: string }[];
}

const language = () => document.documentElement.lang.slice(0, 2);

const arrived = () =>
  (performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined)?.type === "navigate";

/** A step of the wizard: the record follows what the server has, and what stands here unsent is put back. */
async function step(given: Given, form: HTMLFormElement | null): Promise<void> {
  const begun = await recall<string>("begun");
  if (begun) {
    // The words that the report was begun with have arrived.
    await remember("begun", "");
    await remove(begun);
  }
  const known = (await byToken(given.token)) ?? fresh({}, given.token);
  if (known.state !== "draft") return;
  // What was sent has been answered, and the answer stands on this page. Who comes back by the browser's own ways, from
  // a page that only said "not now", finds what he typed.
  if (known.submitted && (known.submitted !== given.page || arrived())) {
    delete known.typed[known.submitted];
    known.photos = [];
  }
  known.submitted = "";
  // What was filled in without a signal stands for every page until that page is sent.
  const typed = known.typed[given.page] ?? known.typed["*"];
  const fields: Kept["fields"] = {};
  for (const [name, value] of Object.entries(given.fields)) fields[name] = Array.isArray(value) ? value.map(String) : String(value);
  Object.assign(known, { fields, held: given.photos });
  await put(known);
  if (!form) return;
  if (typed || known.photos.length) {
    write(form, typed ?? {});
    const chooser = form.querySelector<HTMLInputElement>("input[type=file]");
    if (chooser && known.photos.length) {
      const files = new DataTransfer();
      for (const photo of known.photos) files.items.add(new File([photo.blob], photo.name, { type: photo.blob.type }));
      chooser.files = files.files;
    }
    document.getElementById("restored")?.removeAttribute("hidden");
  }
  const save = () => void change(known.key, (kept) => {
    kept.typed[given.page] = read(form);
    if (form.querySelector("input[type=file]")) kept.photos = filesOf(form).map((file) => ({ name: file.name, blob: file }));
    kept.edited = Date.now();
  });
  whenTyped(form, save);
  form.addEventListener("submit", () => {
    save();
    void change(known.key, (kept) => {
      kept.submitted = given.page;
      for (const name of Object.keys(read(form))) delete kept.typed["*"]?.[name];
    });
  });
}

/** The one field that a report begins with has no draft on the server yet. */
function beginning(form: HTMLFormElement): void {
  form.addEventListener("submit", () => {
    const kept = fresh(read(form));
    void put(kept).then(() => remember("begun", kept.key));
  });
}

function leaving(): void {
  document.addEventListener("submit", (event) => {
    const token = /\/report\/([\w-]+)\/discard\/$/.exec((event.target as HTMLFormElement).action)?.[1];
    if (token) void byToken(token).then((kept) => (kept ? remove(kept.key) : undefined));
  });
  const sent = document.querySelector<HTMLElement>("[data-sent-draft]")?.dataset["sentDraft"];
  // The receipt of the server is on the screen; here a second one would only lie about.
  if (sent) void byToken(sent).then((kept) => (kept && kept.state !== "sent" ? remove(kept.key) : undefined));
}

async function count(strip: HTMLElement): Promise<void> {
  const found = await all();
  const of = (state: Kept["state"]) => found.filter((one) => one.state === state).length;
  const said = (["refused", "waiting", "sent"] as const)
    .map((state) => [of(state), strip.dataset[state] ?? ""] as const)
    .filter(([number]) => number > 0)
    .map(([number, words]) => words.replace("{n}", String(number)));
  const link = strip.querySelector("a");
  if (link) link.textContent = said.join(" · ");
  strip.hidden = said.length === 0;
}

/** Send now, and ask the browser to do it later where it can, even when no page of ours is open. */
export async function sendSoon(): Promise<void> {
  await sendAll();
  if (!(await all()).some((one) => one.state === "waiting")) return;
  const ready = (await navigator.serviceWorker?.getRegistration()) as
    (ServiceWorkerRegistration & { sync?: { register(tag: string): Promise<void> } }) | undefined;
  await ready?.sync?.register("wasl-send").catch(() => undefined);
}

async function enlist(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("/sw.js", { updateViaCache: "none" });
  (await navigator.serviceWorker.ready).active?.postMessage({ keep: language() });
}

/** "Install now", where the browser offers it. */
function installing(): void {
  const place = document.querySelector<HTMLElement>("[data-install]");
  if (!place) return;
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    place.hidden = false;
    place.querySelector("button")?.addEventListener("click", () =>
      void (event as Event & { prompt(): Promise<void> }).prompt(), { once: true });
  });
}

export function keep(): void {
  installing();
  if (!("indexedDB" in window)) return;
  const block = document.getElementById("device-draft");
  if (block) {
    const given = JSON.parse(block.textContent ?? "") as Given;
    void step(given, document.querySelector<HTMLFormElement>("main form:not([action])"));
  }
  const ask = document.querySelector<HTMLFormElement>("form.w-ask");
  if (ask) beginning(ask);
  leaving();
  const strip = document.getElementById("waiting");
  if (strip) {
    const recount = () => void count(strip).catch(() => undefined);
    onChange(recount);
    recount();
  }
  const send = () => void sendSoon().catch(() => undefined);
  window.addEventListener("online", send);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && send());
  send();
  void enlist().catch(() => undefined);
}
