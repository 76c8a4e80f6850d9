// The widths of the desk's panes, kept for each person (several may share a seat) in this browser; dragged by the edge or moved by arrow keys on it.
const STEP_PX = 16;
const LEAST_PX = 220;
const MOST_PX = 640;

const KINDS = [["list", "--w-list-width"], ["context", "--w-context-width"]] as const;

export function panes(): void {
  for (const holder of document.querySelectorAll<HTMLElement>("[data-panes]")) {
    for (const [kind, property] of KINDS) {
      const pane = holder.querySelector<HTMLElement>(`:scope > .w-pane-${kind}`);
      if (!pane) continue;
      const store = `wasl-pane-${kind}-${holder.dataset["panes"] ?? ""}`;
      const edge = document.createElement("button");
      edge.type = "button";
      edge.className = "w-pane-edge";
      edge.setAttribute("role", "separator");
      edge.setAttribute("aria-orientation", "vertical");
      edge.setAttribute("aria-label", pane.getAttribute("aria-label") ?? "");
      edge.setAttribute("aria-valuemin", String(LEAST_PX));
      edge.setAttribute("aria-valuemax", String(MOST_PX));
      const set = (width: number) => {
        const px = Math.round(Math.min(MOST_PX, Math.max(LEAST_PX, width)));
        holder.style.setProperty(property, `${px}px`);
        edge.setAttribute("aria-valuenow", String(px));
        localStorage.setItem(store, String(px));
      };
      const kept = Number(localStorage.getItem(store));
      if (kept) set(kept);
      else edge.setAttribute("aria-valuenow", String(Math.round(pane.offsetWidth)));
      // Moving towards the end of the line widens the list and narrows the context.
      const towardsEnd = () => (getComputedStyle(holder).direction === "rtl" ? -1 : 1) * (kind === "list" ? 1 : -1);
      edge.addEventListener("keydown", (event) => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        event.preventDefault();
        set(pane.offsetWidth + (event.key === "ArrowRight" ? STEP_PX : -STEP_PX) * towardsEnd());
      });
      edge.addEventListener("pointerdown", (event) => {
        edge.setPointerCapture(event.pointerId);
        const from = event.clientX;
        const width = pane.offsetWidth;
        const move = (moved: PointerEvent) => set(width + (moved.clientX - from) * towardsEnd());
        edge.addEventListener("pointermove", move);
        edge.addEventListener("lostpointercapture", () => edge.removeEventListener("pointermove", move), { once: true });
      });
      pane.append(edge);
    }
  }
}
