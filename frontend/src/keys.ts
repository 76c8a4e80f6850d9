// Keyboard shortcuts: an element says its own key (`data-key="s"`, `"g l"`, `"Control+Enter"`, `"Alt+1"`); pressing it
// clicks the element, or focuses it where one writes. `?` lists what works on this page.
const PAUSE_MS = 900;
const OFF = "wasl-keys-off";
let begun = "";
let begunTimer = 0;

const writes = (element: Element | null): boolean =>
  element instanceof HTMLElement
  && (element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])"));

const visible = (element: HTMLElement): boolean => element.checkVisibility?.() ?? element.offsetParent !== null;

/** Whether its key works: it can be seen, or stands in a menu that is shut. */
const reachable = (element: HTMLElement): boolean => {
  if (visible(element)) return true;
  const summary = element.closest("details[data-menu]:not([open])")?.querySelector("summary");
  return summary !== null && summary !== undefined && visible(summary);
};

function nameOf(event: KeyboardEvent): string {
  // The letter's place counts where the layout is not Latin, so that `s` works on an Arabic keyboard.
  const latin = /^[\x21-\x7e]$/.test(event.key);
  let key = event.key;
  if (!latin && /^Key[A-Z]$/.test(event.code)) key = event.code.slice(3).toLowerCase();
  if (/^Digit\d$/.test(event.code) && (event.altKey || !latin)) key = event.code.slice(5);
  const held = [event.ctrlKey || event.metaKey ? "Control" : "", event.altKey ? "Alt" : ""].filter(Boolean);
  return [...held, key.length === 1 ? key.toLowerCase() : key].join("+");
}

function keyed(): HTMLElement[] {
  const open = document.querySelector("dialog[open]");
  return [...(open ?? document).querySelectorAll<HTMLElement>("[data-key]")].filter(reachable);
}

function press(element: HTMLElement): void {
  if (writes(element)) {
    element.focus();
    if (element instanceof HTMLInputElement) element.select();
  } else element.click();
}

function drawKey(key: string, names: DOMStringMap): DocumentFragment {
  const drawn = document.createDocumentFragment();
  key.split(" ").forEach((stroke, i) => {
    if (i) drawn.append(` ${names["then"] ?? ""} `);
    stroke.split("+").forEach((part, j) => {
      if (j) drawn.append(" ");
      const kbd = document.createElement("kbd");
      kbd.dir = "ltr";
      kbd.textContent = names[part.toLowerCase()] ?? (part.length === 1 ? part.toUpperCase() : part);
      drawn.append(kbd);
    });
  });
  return drawn;
}

/** What an element says, without the key drawn on it. */
function wordsOf(element: HTMLElement): string {
  const copy = element.cloneNode(true) as HTMLElement;
  for (const drawn of copy.querySelectorAll("kbd, .w-count")) drawn.remove();
  return copy.textContent ?? "";
}

function showKeys(): void {
  const dialog = document.getElementById("keys") as HTMLDialogElement | null;
  const list = document.getElementById("keys-list");
  const names = document.getElementById("keys-names")?.dataset;
  if (!dialog || !list || !names || dialog.open) return;
  list.replaceChildren();
  const rows = new Map<string, string>();
  for (const element of keyed()) {
    const label = element.dataset["keyLabel"] ?? element.getAttribute("aria-label") ?? wordsOf(element);
    for (const key of (element.dataset["key"] ?? "").split("|")) if (!rows.has(key)) rows.set(key, label.trim().replace(/\s+/g, " "));
  }
  rows.set("?", names["help"] ?? "");
  rows.set("Escape", names["close"] ?? "");
  for (const [key, label] of rows) {
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.append(drawKey(key, names));
    dd.textContent = label;
    list.append(dt, dd);
  }
  dialog.showModal();
}

export function keys(): void {
  const box = document.getElementById("keys-on");
  if (box instanceof HTMLInputElement) {
    box.checked = localStorage.getItem(OFF) === null;
    box.addEventListener("change", () => (box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
  }
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.repeat) return;
    const name = nameOf(event);
    const single = !name.includes("+");
    // Out of a field, so that single letters are keys again; Tab goes on from there. A search is emptied first.
    const here = document.activeElement;
    if (name === "Escape" && writes(here) && here instanceof HTMLElement && !here.closest("dialog, details[data-menu][open]")) {
      if (!(here instanceof HTMLInputElement && here.type === "search" && here.value)) here.blur();
      return;
    }
    if (single && (writes(document.activeElement) || name.length > 1 || localStorage.getItem(OFF))) return;
    if (name === "?") {
      event.preventDefault();
      showKeys();
      return;
    }
    const sequence = begun ? `${begun} ${name}` : name;
    begun = "";
    window.clearTimeout(begunTimer);
    const all = keyed().map((element) => [element, (element.dataset["key"] ?? "").split("|")] as const);
    const hit = all.find(([, own]) => own.includes(sequence)) ?? all.find(([, own]) => own.includes(name));
    if (hit) {
      event.preventDefault();
      press(hit[0]);
    } else if (single && all.some(([, own]) => own.some((key) => key.startsWith(`${name} `)))) {
      event.preventDefault();
      begun = name;
      begunTimer = window.setTimeout(() => (begun = ""), PAUSE_MS);
    }
  });
}
