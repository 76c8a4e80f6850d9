// The working screens of the desk: parts that wait until nobody is in them, words that survive a bad line, drafts that
// survive a closed tab, the position of a telephone, and what is shown of a story.

/** Whether somebody is in this part: it has the focus, or a menu of it is open. */
const busy = (part: Element): boolean =>
  part.contains(document.activeElement) || part.querySelector("details[data-menu][open], details.d-reveal[open]") !== null;

/** Live news never take away what is being used: such a part is drawn anew when it is left. */
function calm(): void {
  const stale = new Set<Element>();
  const draw = () => {
    for (const part of stale) {
      if (!part.isConnected) stale.delete(part);
      else if (!busy(part)) {
        stale.delete(part);
        part.dispatchEvent(new Event("calm"));
      }
    }
  };
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const { detail } = event as CustomEvent<{ target: Element; shouldSwap: boolean }>;
    if (!detail.target.matches("[data-calm]") || !busy(detail.target)) return;
    detail.shouldSwap = false;
    stale.add(detail.target);
  });
  document.addEventListener("focusout", () => window.setTimeout(draw));
  document.addEventListener("toggle", () => window.setTimeout(draw), true);
}

const KEPT = "wasl-words-";
type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

const written = (form: HTMLFormElement): Field[] =>
  [...form.elements].filter(
    (field): field is Field =>
      (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement || field instanceof HTMLSelectElement)
      && field.name !== "" && !["hidden", "file", "submit", "button", "password"].includes(field.type),
  );

function keepWords(form: HTMLFormElement): void {
  const kept: Record<string, string[]> = {};
  for (const field of written(form)) {
    const chosen = field instanceof HTMLInputElement && (field.type === "radio" || field.type === "checkbox");
    if (!chosen || field.checked) (kept[field.name] ??= []).push(field.value);
  }
  sessionStorage.setItem(KEPT + (form.dataset["keepWords"] ?? ""), JSON.stringify(kept));
}

function giveBack(form: HTMLFormElement): void {
  if (form.dataset["kept"]) return;
  form.dataset["kept"] = "1";
  const text = sessionStorage.getItem(KEPT + (form.dataset["keepWords"] ?? ""));
  // What the server sent back with an error or a difference holds the words already.
  if (!text || form.closest(".d-panel")?.querySelector(".d-stale, .w-summary")) return;
  const kept = JSON.parse(text) as Record<string, string[]>;
  for (const field of written(form)) {
    const values = kept[field.name];
    if (!values) continue;
    if (field instanceof HTMLInputElement && (field.type === "radio" || field.type === "checkbox")) {
      field.checked = values.includes(field.value);
    } else if (field instanceof HTMLSelectElement && field.multiple) {
      for (const option of field.options) option.selected = values.includes(option.value);
    } else if (values[0]) field.value = values[0];
  }
}

/** The words of a form stay in this tab until they have arrived, whatever the line does. */
function words(): void {
  const formOf = (target: EventTarget | null) =>
    target instanceof Element ? target.closest<HTMLFormElement>("form[data-keep-words]") : null;
  const all = () => document.querySelectorAll<HTMLFormElement>("form[data-keep-words]").forEach(giveBack);
  all();
  document.body.addEventListener("htmx:afterSettle", all);
  document.addEventListener("input", (event) => {
    const form = formOf(event.target);
    if (form) keepWords(form);
  });
  const unsent = (event: Event, shown: boolean) => {
    const line = formOf(event.target)?.querySelector<HTMLElement>("[data-unsent]");
    if (line) line.hidden = !shown;
  };
  document.body.addEventListener("htmx:sendError", (event) => unsent(event, true));
  document.body.addEventListener("htmx:timeout", (event) => unsent(event, true));
  document.body.addEventListener("htmx:beforeRequest", (event) => unsent(event, false));
  document.body.addEventListener("htmx:afterRequest", (event) => {
    const form = formOf(event.target);
    const { successful } = (event as CustomEvent<{ successful?: boolean }>).detail;
    if (form && successful) sessionStorage.removeItem(KEPT + (form.dataset["keepWords"] ?? ""));
  });
}

/** The agent's form is saved while he types; what he typed last goes on its way when the tab closes. */
function draft(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-draft]");
  if (!form) return;
  // What was typed while a save was on its way is not in it.
  let typing = 0;
  let sending = 0;
  let saved = 0;
  form.addEventListener("input", () => typing++);
  form.addEventListener("submit", () => (saved = typing));
  type Request = CustomEvent<{ successful?: boolean; pathInfo?: { requestPath: string } }>;
  const ours = (event: Event) => (event as Request).detail.pathInfo?.requestPath === form.dataset["draft"];
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (ours(event)) sending = typing;
  });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (ours(event) && (event as Request).detail.successful) saved = sending;
  });
  window.addEventListener("pagehide", () => {
    if (saved === typing) return;
    const typed = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (typeof value === "string") typed.append(name, value);
    navigator.sendBeacon(form.dataset["draft"] ?? "", typed);
  });
}

/** Where the telephone is, with its accuracy; nothing is asked of it before the button is pressed. */
function positions(): void {
  const prepare = () => {
    for (const field of document.querySelectorAll<HTMLInputElement>("input[data-position]:not([data-ready])")) {
      field.dataset["ready"] = "1";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn d-position";
      button.textContent = field.dataset["position"] ?? "";
      const said = document.createElement("span");
      said.className = "w-muted";
      said.setAttribute("role", "status");
      field.after(button, said);
      button.addEventListener("click", () => {
        said.textContent = field.dataset["positionWait"] ?? "";
        const none = () => (said.textContent = field.dataset["positionNone"] ?? "");
        navigator.geolocation.getCurrentPosition(
          ({ coords }) => {
            field.value = [coords.latitude.toFixed(6), coords.longitude.toFixed(6), coords.accuracy.toFixed(0)].join(",");
            said.textContent = `±${coords.accuracy.toFixed(0)} m`;
            field.dispatchEvent(new Event("input", { bubbles: true }));
          },
          none,
          { enableHighAccuracy: true, timeout: 20000, maximumAge: 30000 },
        );
      });
    }
  };
  prepare();
  document.body.addEventListener("htmx:afterSettle", prepare);
}

/** What is shown of the story stays chosen when the story is drawn anew. */
function storyFilter(): void {
  const story = document.getElementById("story");
  if (!story) return;
  story.addEventListener("change", (event) => {
    const chosen = event.target as HTMLInputElement;
    if (chosen.closest("[data-story-filter]")) story.dataset["show"] = chosen.value;
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    const show = story.dataset["show"];
    const chosen = show ? story.querySelector<HTMLInputElement>(`[data-story-filter] input[value="${show}"]`) : null;
    if (chosen) chosen.checked = true;
  });
}

/** Who chose from a menu of verbs is done with the menu: it must not lie over the form that comes. */
function menus(): void {
  document.addEventListener("click", (event) => {
    const chosen = (event.target as Element).closest(".d-more a");
    const menu = chosen?.closest<HTMLDetailsElement>("details[data-menu]");
    if (menu) menu.open = false;
  });
}

/** Words that a button holds go to the end of a field, as if somebody had typed them. */
function puts(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-put]");
    const field = button && document.querySelector<HTMLTextAreaElement>(button.dataset["put"] ?? "");
    if (!button || !field) return;
    field.value = [field.value.trimEnd(), button.dataset["words"] ?? ""].filter(Boolean).join("\n");
    // The foot of the form would lie over the end of it.
    field.focus({ preventScroll: true });
    field.scrollIntoView({ block: "center" });
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

export function work(): void {
  menus();
  puts();
  calm();
  words();
  draft();
  positions();
  storyFilter();
}
