// The seat bar of the desk: its clocks, the keys that go to the telephone's window, and the page of a call that comes up
// by itself. The telephone lives in a window of its own (phone.ts), so that no page of the desk can drop a call.
export interface Line {
  line: "connecting" | "connected" | "lost" | "refused" | "taken" | "out" | "elsewhere";
  session: "none" | "ringing" | "talking";
  muted: boolean;
}

type Told = { do?: string; ask?: true; state?: Line; news?: true };

export const channel = new BroadcastChannel("wasl-phone");
const WINDOW = "wasl-phone";
const SHAPE = "popup,width=420,height=760";
const TAB = "wasl-desk-tab";
const POPPED = "wasl-popped";
const ANSWERS_MS = 1500;
const me = `${Date.now()}-${Math.random()}`;
let state: Line | null = null;
let dirty = false;

const bar = (): HTMLElement | null => document.querySelector<HTMLElement>("[data-seat]");

/** The bar is fetched anew at once, without waiting for the server's own news. */
export const refresh = (): void => void document.body.dispatchEvent(new CustomEvent("phone-news"));

function clocks(): void {
  const draw = () => {
    for (const clock of document.querySelectorAll<HTMLElement>("[data-up], [data-down]")) {
      const begun = Number((clock.dataset["from"] ??= String(performance.now())));
      const past = (performance.now() - begun) / 1000;
      const { up, down } = clock.dataset;
      const shown = Math.floor(up === undefined ? Number(down) - past : Number(up) + past);
      const whole = Math.abs(shown);
      const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
      const two = (n: number) => String(n).padStart(2, "0");
      const text = `${shown < 0 ? "−" : ""}${h ? `${h}:${two(m)}` : m}:${two(s)}`;
      if (clock.textContent !== text) clock.textContent = text;
      clock.classList.toggle("d-clock-over", down !== undefined && shown < 0);
    }
  };
  draw();
  window.setInterval(draw, 500);
  document.body.addEventListener("htmx:afterSettle", draw);
}

/** Draws what only the telephone's window knows: muted or not, there or not. */
function show(): void {
  for (const button of document.querySelectorAll<HTMLElement>('[data-phone="mute"]')) {
    button.setAttribute("aria-pressed", String(state?.muted ?? false));
  }
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-phone]")) {
    const wanted = /^(answer|decline)$/.test(button.dataset["phone"] ?? "") ? "ringing" : "talking";
    button.disabled = state !== null && state.session !== wanted;
  }
  const missing = document.querySelector<HTMLElement>("[data-phone-missing]");
  if (missing) missing.hidden = state !== null && state.line !== "elsewhere";
}

/** The page of a call comes up once, in the tab that was used last, unless somebody writes in it. */
function pop(): void {
  const here = bar();
  const call = here?.dataset["call"];
  const url = here?.dataset["pop"];
  if (!call || !url || document.body.dataset["phoneWindow"] !== undefined) return;
  if (here?.dataset["seat"] === "wrap_up" || localStorage.getItem(POPPED) === call) return;
  if (localStorage.getItem(TAB) !== me || dirty) return;
  localStorage.setItem(POPPED, call);
  if (window.location.pathname !== url) window.location.assign(url);
}

/** Says something to the telephone, wherever it is. */
export function tell(what: string): void {
  channel.postMessage({ do: what } satisfies Told);
  document.dispatchEvent(new CustomEvent("phone-do", { detail: what }));
}

function open(url: string): void {
  const opened = window.open(url, WINDOW, SHAPE);
  opened?.focus();
}

export function seat(): void {
  if (!bar()) return;
  clocks();
  const alone = document.body.dataset["phoneWindow"] !== undefined;
  if (!alone) window.name ||= "wasl-desk";
  const used = () => localStorage.setItem(TAB, me);
  if (!alone) {
    if (!document.hidden) used();
    window.addEventListener("focus", used);
    document.addEventListener("input", (event) => (dirty ||= !(event.target as Element).closest("[data-seat], [data-whom], .w-search")));
    document.addEventListener("submit", () => (dirty = false));
  }
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const button = target.closest<HTMLElement>("[data-phone]");
    if (button) tell(button.dataset["phone"] ?? "");
    const opener = target.closest<HTMLElement>("button[data-phone-open]");
    if (opener) open("/desk/phone/");
  });
  // The form's answer goes to the window that is opened here, by the click that allows it.
  document.addEventListener("submit", (event) => {
    if ((event.target as Element).matches("form[data-phone-open]")) open("");
  });
  channel.addEventListener("message", (event: MessageEvent<Told>) => {
    if (event.data.state) {
      state = event.data.state;
      show();
    }
    if (event.data.news) refresh();
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    show();
    pop();
  });
  document.addEventListener("phone-state", (event) => {
    state = (event as CustomEvent<Line>).detail;
    show();
  });
  if (!alone) {
    channel.postMessage({ ask: true } satisfies Told);
    window.setTimeout(() => {
      if (!state && bar()?.dataset["seat"] !== "out") show();
    }, ANSWERS_MS);
    pop();
  }
}
