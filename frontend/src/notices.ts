// Menus that close when one clicks beside them, notices that can be closed, and the focus after an answer with errors.
const GONE_AFTER_MS = 8000;

function closeMenus(except?: Node | null): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]")) {
    if (!except || !menu.contains(except)) menu.open = false;
  }
}

function prepareToasts(root: ParentNode): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>("[data-toast-close][hidden]")) {
    button.hidden = false;
    const toast = button.closest<HTMLElement>("[data-toast]");
    // Only what went well goes away by itself; whoever reads it holds it with the pointer or the focus.
    if (!toast?.classList.contains("w-toast-success")) continue;
    const go = () => (toast.matches(":hover, :focus-within") ? window.setTimeout(go, GONE_AFTER_MS) : toast.remove());
    window.setTimeout(go, GONE_AFTER_MS);
  }
}

export function notices(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    closeMenus(target);
    const close = target.closest("[data-toast-close]");
    if (close) close.closest("[data-toast]")?.remove();
    const opener = target.closest<HTMLElement>("[data-opens]");
    if (opener) document.querySelector<HTMLDialogElement>(opener.dataset["opens"] ?? "")?.showModal();
    if (target.closest("[data-print]")) window.print();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector<HTMLDetailsElement>("details[data-menu][open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
  const settle = (root: ParentNode) => {
    prepareToasts(root);
    root.querySelector<HTMLElement>("[data-summary]")?.focus();
  };
  settle(document);
  document.body.addEventListener("htmx:afterSettle", () => settle(document));
  // A request that never reached the server must not look as if it had.
  document.body.addEventListener("htmx:sendError", () => {
    const strip = document.getElementById("offline");
    if (strip) strip.hidden = false;
  });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    const strip = document.getElementById("offline");
    if (strip && (event as CustomEvent<{ successful?: boolean }>).detail.successful && navigator.onLine) strip.hidden = true;
  });
}
