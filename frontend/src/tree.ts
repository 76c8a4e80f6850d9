// The tree of units: a row is dragged before, below or into another. The menu on each row does the same by keyboard.

/** Where a row would land: its upper quarter is before it, its lower quarter after it, the middle below it in the tree. */
type Place = "before" | "into" | "after";

function placeOf(row: HTMLElement, y: number): Place {
  const box = row.getBoundingClientRect();
  const share = (y - box.top) / box.height;
  return share < 0.25 ? "before" : share > 0.75 ? "after" : "into";
}

/** The unit that stands behind `row` on the same level, or nothing when it is the last. */
function nextBeside(row: HTMLElement): string {
  const parent = row.dataset["parent"] ?? "";
  for (let next = row.nextElementSibling as HTMLElement | null; next; next = next.nextElementSibling as HTMLElement | null) {
    if ((next.dataset["parent"] ?? "") === parent) return next.dataset["unit"] ?? "";
  }
  return "";
}

export function tree(): void {
  const table = document.querySelector<HTMLElement>("[data-tree]");
  const form = document.querySelector<HTMLFormElement>("form[data-move]");
  if (!table || !form) return;
  let dragged: HTMLElement | null = null;
  const clear = (): void => {
    for (const row of table.querySelectorAll("[data-drop]")) row.removeAttribute("data-drop");
  };
  const rowOf = (event: Event): HTMLElement | null => (event.target as Element).closest<HTMLElement>("tr[data-unit]");
  table.addEventListener("dragstart", (event) => {
    dragged = rowOf(event);
    if (!dragged || !event.dataTransfer) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset["unit"] ?? "");
  });
  table.addEventListener("dragover", (event) => {
    const row = rowOf(event);
    if (!dragged || !row || row === dragged) return;
    event.preventDefault();
    clear();
    row.setAttribute("data-drop", placeOf(row, event.clientY));
  });
  table.addEventListener("dragend", () => {
    dragged = null;
    clear();
  });
  table.addEventListener("drop", (event) => {
    const row = rowOf(event);
    if (!dragged || !row || row === dragged) return;
    event.preventDefault();
    const place = placeOf(row, event.clientY);
    const unit = row.dataset["unit"] ?? "";
    const set = (name: string, value: string): void => {
      (form.elements.namedItem(name) as HTMLInputElement).value = value;
    };
    set("unit", dragged.dataset["unit"] ?? "");
    set("parent", place === "into" ? unit : row.dataset["parent"] ?? "");
    set("before", place === "before" ? unit : place === "after" ? nextBeside(row) : "");
    form.submit();
  });
}
