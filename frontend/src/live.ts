// Live updates: one EventSource for the page. Elements name their topics (`data-live="case:12 centre"`); what comes is
// sent to <body> as an event, so that a fragment reloads itself by `hx-trigger="live:case-12 from:body"`.
// After a gap the server sends what was missed since the last event (or since the page was drawn), or "resync" when that
// is too long ago: then every topic fires once and the fragments fetch the truth.
// News after a quiet time is shown at once. While it keeps coming, a topic wakes its fragments ever more rarely, down to
// LONGEST_MS: in a busy centre every page would otherwise fetch its lists each second.
const AGAIN_MS = 1000;
const LONGEST_MS = 12000;
const SPREAD = 0.25; // so that a hundred open pages do not all ask in the same instant
const STRIP_AFTER_MS = 4000;

export interface LiveNews {
  topics: string[];
  case?: number;
  seq?: number;
  verb?: string;
}

let source: EventSource | null = null;
let open = "";
let lastId = "";
let stripTimer = 0;
const fired = new Map<string, { at: number; pace: number }>();
const waiting = new Map<string, { timer: number; news: LiveNews }>();

function topicsOfPage(): string[] {
  const found = new Set<string>();
  for (const element of document.querySelectorAll<HTMLElement>("[data-live]")) {
    for (const topic of (element.dataset["live"] ?? "").split(/[\s,]+/)) if (topic) found.add(topic);
  }
  return [...found].sort();
}

function fire(topic: string, news: LiveNews): void {
  waiting.delete(topic);
  const now = performance.now();
  const last = fired.get(topic);
  const busy = last !== undefined && now - last.at < 2 * last.pace;
  fired.set(topic, { at: now, pace: busy ? Math.min(LONGEST_MS, 2 * last.pace) : AGAIN_MS });
  const name = `live:${topic.replaceAll(":", "-")}`;
  document.body.dispatchEvent(new CustomEvent(name, { detail: news }));
}

function wake(topic: string, news: LiveNews): void {
  if (waiting.has(topic)) return;
  const last = fired.get(topic);
  const pace = last?.pace ?? AGAIN_MS;
  const left = last ? Math.max(0, pace - (performance.now() - last.at)) : 0;
  const delay = left + Math.random() * SPREAD * pace;
  waiting.set(topic, { news, timer: window.setTimeout(() => fire(topic, news), delay) });
}

function wakeAll(verb: string): void {
  for (const topic of topicsOfPage()) wake(topic, { topics: [topic], verb });
}

function showStrip(shown: boolean): void {
  window.clearTimeout(stripTimer);
  const strip = document.getElementById("offline");
  if (!strip) return;
  if (!shown) strip.hidden = true;
  else stripTimer = window.setTimeout(() => (strip.hidden = false), navigator.onLine ? STRIP_AFTER_MS : 0);
}

function listen(): void {
  const topics = topicsOfPage();
  const wanted = topics.join(",");
  if (wanted === open && source && source.readyState !== EventSource.CLOSED) return;
  source?.close();
  source = null;
  open = wanted;
  if (!wanted || document.hidden) return;
  const drawnAt = performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined;
  const age = Math.ceil(performance.now() - (drawnAt?.requestStart ?? 0));
  const past = lastId ? `since=${encodeURIComponent(lastId)}` : `age=${age}`;
  const opened = new EventSource(`/live?topics=${encodeURIComponent(wanted)}&${past}`);
  source = opened;
  opened.addEventListener("open", () => showStrip(false));
  opened.addEventListener("message", (event: MessageEvent<string>) => {
    if (event.lastEventId) lastId = event.lastEventId;
    const news = JSON.parse(event.data) as LiveNews;
    for (const topic of news.topics) wake(topic, news);
  });
  opened.addEventListener("resync", () => wakeAll("resync"));
  opened.addEventListener("error", () => {
    showStrip(true);
    // A refusal (signed out, too many pages) ends an EventSource for good; try again, slowly.
    if (opened.readyState === EventSource.CLOSED && source === opened) {
      source = null;
      window.setTimeout(listen, 15000 + Math.random() * 5000);
    }
  });
}

export function live(): void {
  listen();
  document.body.addEventListener("htmx:afterSettle", listen);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      // A page in the back costs the server nothing; on return it catches up.
      source?.close();
      source = null;
      return;
    }
    listen();
  });
  window.addEventListener("offline", () => showStrip(true));
  window.addEventListener("online", () => {
    showStrip(false);
    source?.close();
    source = null;
    listen();
  });
  window.addEventListener("pagehide", () => source?.close());
}
