// Sends what waits for a signal, one after another. The key of a record makes one case of it, however often it is sent:
// the answer to the first try may have been lost.
import { all, change, type Kept, type Problem } from "./store";

const WHOLE = "/report/whole/";
const LONGEST_MS = 180_000;
/** Answers that no second try would change: the person must look at it. */
const FINAL = new Set([400, 410, 413, 422]);

interface Answer {
  number?: string;
  pin?: string;
  receipt?: string;
  repeated?: boolean;
  problems?: Problem[];
}

function form(kept: Kept): FormData {
  const data = new FormData();
  data.set("key", kept.key);
  if (kept.token) data.set("draft", kept.token);
  for (const photo of kept.held) data.append("kept", photo.id);
  for (const [name, value] of Object.entries(kept.fields)) {
    for (const one of Array.isArray(value) ? value : [value]) data.append(name, one);
  }
  for (const photo of kept.photos) data.append("added", photo.blob, photo.name);
  return data;
}

/** Whether there was an answer, so that the next one may be tried. */
async function sendOne(kept: Kept): Promise<boolean> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), LONGEST_MS);
  let status = 0;
  let answer: Answer = {};
  try {
    const common = { credentials: "same-origin", cache: "no-store", redirect: "error", signal: stop.signal } as const;
    const token = (await (await fetch(WHOLE, common)).json()) as { csrf: string };
    const now = await change(kept.key, (one) => (one.tried ||= Date.now()));
    // Cancelled or taken up again in the meantime.
    if (now?.state !== "waiting") return true;
    const got = await fetch(WHOLE, { ...common, method: "POST", headers: { "X-CSRFToken": token.csrf }, body: form(now) });
    status = got.status;
    if (status === 200 || status === 422) answer = (await got.json()) as Answer;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
  if (status === 200) {
    await change(kept.key, (one) => {
      Object.assign(one, { state: "sent", number: answer.number, pin: answer.pin, receipt: answer.receipt });
      one.late = Boolean(answer.repeated) && one.edited > one.tried;
      Object.assign(one, { edited: Date.now(), fields: {}, typed: {}, photos: [], held: [], problems: [] });
    });
    return true;
  }
  if (!FINAL.has(status)) return false;
  await change(kept.key, (one) => {
    one.state = "refused";
    one.problems = answer.problems ?? [{ field: "", label: "", said: "" }];
  });
  return true;
}

/** Send what waits; at most one tab or worker does it at a time. */
export async function sendAll(): Promise<void> {
  const run = async () => {
    for (const kept of await all()) if (kept.state === "waiting" && !(await sendOne(kept))) return;
  };
  if (!navigator.locks) return run();
  await navigator.locks.request("wasl-send", { ifAvailable: true }, async (lock) => (lock ? run() : undefined));
}
