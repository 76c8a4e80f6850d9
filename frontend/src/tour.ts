// The guided tour: a dialog that walks over the real pages, step by step. It is fetched only by whoever takes it.
// Where one is stands in the tab's own storage, so that the tour goes on over a change of page.
interface Step {
  url: string;
  anchor: string;
  title: string;
  text: string;
}
interface Tour {
  words: Record<"next" | "back" | "done" | "leave" | "of", string>;
  steps: Step[];
}
const HERE = "wasl-tour";
const GAP_PX = 12;
const LOOK_AGAIN_MS = 250; // parts of a page come and go under the tour

export function begin(url: string, page: string): void {
  sessionStorage.setItem(HERE, JSON.stringify({ url, step: 0 }));
  if (page && page !== location.pathname) location.assign(page);
  else void goOn();
}

export async function goOn(): Promise<void> {
  const kept = sessionStorage.getItem(HERE);
  if (!kept) return;
  const { url, step } = JSON.parse(kept) as { url: string; step: number };
  const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok || !answer.headers.get("Content-Type")?.includes("json")) {
    sessionStorage.removeItem(HERE);
    return;
  }
  walk(url, (await answer.json()) as Tour, step);
}

function note(url: string, reached: number): void {
  const headers = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}") as Record<string, string>;
  void fetch(url, { method: "POST", headers, body: new URLSearchParams({ reached: String(reached) }), keepalive: true });
}

function make<K extends keyof HTMLElementTagNameMap>(name: K, className: string, text = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function walk(url: string, tour: Tour, first: number): void {
  const dialog = make("dialog", "w-tour");
  dialog.setAttribute("aria-labelledby", "tour-title");
  dialog.setAttribute("aria-describedby", "tour-text");
  const ring = make("div", "w-tour-ring");
  const card = make("div", "w-tour-card");
  const count = make("p", "w-tour-count");
  const title = make("h2", "w-tour-title");
  const text = make("p", "w-tour-text");
  title.id = "tour-title";
  text.id = "tour-text";
  title.tabIndex = -1;
  const buttons = make("div", "w-tour-buttons");
  const leave = make("button", "w-quiet", tour.words.leave);
  const back = make("button", "btn", tour.words.back);
  const next = make("button", "btn btn-primary", tour.words.next);
  for (const button of [leave, back, next]) button.type = "button";
  buttons.append(leave, back, next);
  card.append(count, title, text, buttons);
  dialog.append(ring, card);
  document.body.append(dialog);
  const before = document.activeElement as HTMLElement | null;
  let at = Math.min(first, tour.steps.length - 1);
  const again = window.setInterval(place, LOOK_AGAIN_MS);

  function anchor(): HTMLElement | null {
    const selector = tour.steps[at]?.anchor;
    const found = selector ? document.querySelector<HTMLElement>(selector) : null;
    return found && found.getClientRects().length ? found : null;
  }

  function place(): void {
    const target = anchor();
    ring.hidden = !target;
    const wide = window.innerWidth >= 640;
    const size = card.getBoundingClientRect();
    let top = window.innerHeight - size.height - GAP_PX;
    let left = (window.innerWidth - size.width) / 2;
    if (target) {
      const box = target.getBoundingClientRect();
      const edge = 4;
      const frame = {
        top: Math.max(edge, box.top - edge),
        left: Math.max(edge, box.left - edge),
        bottom: Math.min(window.innerHeight - edge, box.bottom + edge),
        right: Math.min(window.innerWidth - edge, box.right + edge),
      };
      ring.style.top = `${frame.top}px`;
      ring.style.left = `${frame.left}px`;
      ring.style.width = `${frame.right - frame.left}px`;
      ring.style.height = `${frame.bottom - frame.top}px`;
      const below = frame.bottom + GAP_PX;
      const above = frame.top - GAP_PX - size.height;
      // Beside what is shown where there is room; over a thing as large as the page, at its foot.
      if (below + size.height < window.innerHeight) top = below;
      else if (above > 0) top = above;
      if (wide) left = (frame.left + frame.right - size.width) / 2;
      // Beside something tall and narrow, such as the rail on either side of the page.
      const after = frame.right + GAP_PX;
      const ahead = frame.left - GAP_PX - size.width;
      if (wide && frame.bottom - frame.top > window.innerHeight / 2 && (ahead > 0 || after + size.width < window.innerWidth)) {
        left = ahead > 0 ? ahead : after;
        top = Math.max(GAP_PX, frame.top + GAP_PX);
      }
    } else if (wide) top = (window.innerHeight - size.height) / 2;
    card.style.top = `${Math.max(GAP_PX, top)}px`;
    card.style.left = `${Math.min(Math.max(GAP_PX, left), Math.max(GAP_PX, window.innerWidth - size.width - GAP_PX))}px`;
  }

  function show(to: number): void {
    at = to;
    const step = tour.steps[at];
    if (!step) return;
    sessionStorage.setItem(HERE, JSON.stringify({ url, step: at }));
    if (step.url && step.url !== location.pathname) {
      location.assign(step.url);
      return;
    }
    const last = at === tour.steps.length - 1;
    count.textContent = tour.words.of.replace("{n}", String(at + 1)).replace("{all}", String(tour.steps.length));
    title.textContent = step.title;
    text.textContent = step.text;
    back.disabled = at === 0;
    leave.hidden = last;
    next.textContent = last ? tour.words.done : tour.words.next;
    anchor()?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (!dialog.open) dialog.showModal();
    place();
    title.focus({ preventScroll: true });
  }

  function end(reached: number): void {
    sessionStorage.removeItem(HERE);
    window.clearInterval(again);
    window.removeEventListener("resize", place);
    window.removeEventListener("scroll", place, true);
    note(url, reached);
    dialog.close();
    dialog.remove();
    (before?.isConnected ? before : document.getElementById("content"))?.focus();
  }

  next.addEventListener("click", () => (at === tour.steps.length - 1 ? end(at + 1) : show(at + 1)));
  back.addEventListener("click", () => show(at - 1));
  // The last step counts as the end only by its own button.
  leave.addEventListener("click", () => end(Math.max(1, Math.min(at + 1, tour.steps.length - 1))));
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    end(Math.max(1, Math.min(at + 1, tour.steps.length - 1)));
  });
  dialog.addEventListener("keydown", (event) => {
    // The keys of the page rest; Enter on the words goes on, as on the button.
    event.stopPropagation();
    if (event.key === "Enter" && document.activeElement === title) {
      event.preventDefault();
      next.click();
    }
  });
  window.addEventListener("resize", place);
  window.addEventListener("scroll", place, true);
  show(at);
}
