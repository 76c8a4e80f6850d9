// The reports on this device: one record each in IndexedDB, for the pages and the service worker alike. What is begun
// or sent goes after a day, as on the server; what waits for a signal stays until it is sent or cancelled.
export type State = "draft" | "waiting" | "refused" | "sent";
export type Value = string | string[];
export type Fields = Record<string, Value>;
export interface Problem {
  field: string;
  label: string;
  said: string;
}
export interface Kept {
  /** Made here, told to nobody but the server: one key is one case. */
  key: string;
  /** Of the draft that the server holds, where the report was begun with a signal. */
  token: string;
  state: State;
  begun: number;
  edited: number;
  /** When it was first tried to be sent: from then on the server may have it. */
  tried: number;
  fields: Fields;
  /** What stands on a page of the server and was not sent from it, by page. */
  typed: Record<string, Fields>;
  submitted: string;
  photos: { name: string; blob: Blob }[];
  /** Photos that the server holds already. */
  held: { id: string; name: string }[];
  problems: Problem[];
  number: string;
  pin: string;
  receipt: string;
  /** It was changed here after the server may have taken it. */
  late: boolean;
}

const DAY_MS = 23 * 3600 * 1000;
const CHANNEL = "wasl-reports";

const asked = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((good, bad) => {
    request.onsuccess = () => good(request.result);
    request.onerror = () => bad(request.error);
  });

let opened: Promise<IDBDatabase> | null = null;
function base(): Promise<IDBDatabase> {
  opened ??= new Promise((good, bad) => {
    const request = indexedDB.open("wasl", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("reports", { keyPath: "key" });
      request.result.createObjectStore("meta");
    };
    request.onsuccess = () => good(request.result);
    request.onerror = () => bad(request.error);
  });
  return opened;
}

async function within<T>(store: string, mode: IDBTransactionMode, work: (rows: IDBObjectStore) => Promise<T>): Promise<T> {
  const tx = (await base()).transaction(store, mode);
  const done = new Promise<void>((good, bad) => {
    tx.oncomplete = () => good();
    tx.onabort = tx.onerror = () => bad(tx.error);
  });
  const found = await work(tx.objectStore(store));
  await done;
  return found;
}

function tell(): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage("changed");
  channel.close();
}

/** Calls `work` when a record has changed, here or in another tab or in the service worker. */
export function onChange(work: () => void): void {
  new BroadcastChannel(CHANNEL).onmessage = work;
  document.addEventListener("wasl:reports", work);
}

function changed(): void {
  tell();
  if (typeof document !== "undefined") document.dispatchEvent(new Event("wasl:reports"));
}

export function fresh(fields: Fields = {}, token = ""): Kept {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  const key = btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_");
  const now = Date.now();
  return {
    key, token, state: "draft", begun: now, edited: now, tried: 0, fields, typed: {}, submitted: "", photos: [],
    held: [], problems: [], number: "", pin: "", receipt: "", late: false,
  };
}

/** All records, the oldest first; what is over goes on the way. */
export async function all(): Promise<Kept[]> {
  return within("reports", "readwrite", async (rows) => {
    const found = (await asked(rows.getAll())) as Kept[];
    const over = (one: Kept) => one.state !== "waiting" && one.state !== "refused" && Date.now() - one.edited > DAY_MS;
    for (const one of found) if (over(one)) rows.delete(one.key);
    return found.filter((one) => !over(one)).sort((a, b) => a.begun - b.begun);
  });
}

export async function get(key: string): Promise<Kept | undefined> {
  return within("reports", "readonly", (rows) => asked(rows.get(key) as IDBRequest<Kept | undefined>));
}

export async function byToken(token: string): Promise<Kept | undefined> {
  return (await all()).find((one) => one.token === token);
}

export async function put(kept: Kept): Promise<void> {
  await within("reports", "readwrite", (rows) => asked(rows.put(kept)));
  changed();
}

/** Change a record in one transaction; nothing happens when it is gone. */
export async function change(key: string, work: (kept: Kept) => void): Promise<Kept | undefined> {
  const after = await within("reports", "readwrite", async (rows) => {
    const kept = await asked(rows.get(key) as IDBRequest<Kept | undefined>);
    if (!kept) return undefined;
    work(kept);
    await asked(rows.put(kept));
    return kept;
  });
  changed();
  return after;
}

export async function remove(key: string): Promise<void> {
  await within("reports", "readwrite", (rows) => asked(rows.delete(key)));
  changed();
}

export async function remember(name: string, value: unknown): Promise<void> {
  await within("meta", "readwrite", (rows) => asked(rows.put(value, name)));
}

export async function recall<T>(name: string): Promise<T | undefined> {
  return within("meta", "readonly", (rows) => asked(rows.get(name) as IDBRequest<T | undefined>));
}
