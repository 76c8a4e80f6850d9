// Ticking rows of a list: how many, a whole stretch with Shift, all shown, the row in hand by key. Without this script
// the boxes and buttons work as any form. Live updates draw the rows anew: what was ticked stays ticked, with the version
// that was on the screen then, so that a change in between is told and not overrun.
const ticked = new Map<string, string>();
let last: HTMLInputElement | null = null;

const numberOf = (box: HTMLInputElement): string => box.value.split(":", 1)[0] ?? "";
const boxes = (): HTMLInputElement[] => [...document.querySelectorAll<HTMLInputElement>("[data-ticks] [data-tick]")];

function remember(box: HTMLInputElement): void {
  if (box.checked) ticked.set(numberOf(box), box.value);
  else ticked.delete(numberOf(box));
}

function show(): void {
  const bar = document.querySelector<HTMLElement>("[data-bulk]");
  const all = document.querySelector<HTMLInputElement>("[data-tick-all]");
  const shown = boxes();
  const n = shown.filter((box) => box.checked).length;
  if (all) {
    all.hidden = false;
    all.checked = n > 0 && n === shown.length;
    all.indeterminate = n > 0 && n < shown.length;
  }
  if (!bar) return;
  bar.hidden = n === 0;
  const count = bar.querySelector<HTMLElement>("[data-tick-count]");
  if (count) count.textContent = ((n === 1 ? count.dataset["one"] : count.dataset["many"]) ?? "{n}").replace("{n}", String(n));
  for (const none of bar.querySelectorAll<HTMLElement>("[data-tick-none]")) none.hidden = false;
}

function set(box: HTMLInputElement, on: boolean): void {
  box.checked = on;
  remember(box);
}

function tick(box: HTMLInputElement, stretch: boolean): void {
  const shown = boxes();
  const from = last && stretch ? shown.indexOf(last) : -1;
  const to = shown.indexOf(box);
  if (from >= 0 && to >= 0) for (const one of shown.slice(Math.min(from, to), Math.max(from, to) + 1)) set(one, box.checked);
  remember(box);
  last = box;
  show();
}

/** The row where the cursor is, else the first. */
function rowInHand(): HTMLInputElement | null {
  const row = document.activeElement?.closest("tr");
  return row?.querySelector<HTMLInputElement>("[data-tick]") ?? boxes()[0] ?? null;
}

export function ticks(): void {
  if (!document.querySelector("[data-ticks]")) return;
  for (const print of document.querySelectorAll<HTMLElement>("[data-print][hidden]")) print.hidden = false;
  document.addEventListener("click", (event) => {
    const target = event.target as HTMLElement;
    if (target instanceof HTMLInputElement && target.matches("[data-tick]")) tick(target, event.shiftKey);
    else if (target instanceof HTMLInputElement && target.matches("[data-tick-all]")) {
      for (const box of boxes()) set(box, target.checked);
      show();
    } else if (target.closest("[data-tick-none]")) {
      for (const box of boxes()) set(box, false);
      show();
      boxes()[0]?.focus();
    }
  });
  document.querySelector("[data-tick-key]")?.addEventListener("click", () => {
    const box = rowInHand();
    if (!box) return;
    box.checked = !box.checked;
    tick(box, false);
    box.focus();
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    for (const box of boxes()) {
      const held = ticked.get(numberOf(box));
      if (held === undefined) continue;
      box.value = held;
      box.checked = true;
    }
    last = null;
    show();
  });
  // The browser may have kept the boxes of this page when one comes back to it.
  for (const box of boxes()) if (box.checked) remember(box);
  show();
}

/** Columns of a list move up and down without asking the server; the order of the boxes is the order sent. */
export function sortable(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as HTMLElement).closest<HTMLElement>("[data-sortable] [data-move]");
    const row = button?.closest("li");
    if (!button || !row?.parentElement) return;
    event.preventDefault();
    const up = button.dataset["move"] === "-1";
    const other = up ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    if (up) other.before(row);
    else other.after(row);
    button.focus();
  });
}
