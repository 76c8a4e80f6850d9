// The desk's script.
import { start } from "./common";
import { keys } from "./keys";
import { panes } from "./panes";
import { work } from "./desk-work";
import { seat } from "./seat";
import { sortable, ticks } from "./ticks";

start();
keys();
panes();
if (document.querySelector("[data-tree]")) void import("./tree").then(({ tree }) => tree());
ticks();
sortable();

// The tour is fetched by whoever takes it, or is in the midst of it.
document.addEventListener("click", (event) => {
  const link = (event.target as Element).closest<HTMLAnchorElement>("a[data-tour]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  void import("./tour").then(({ begin }) => begin(link.dataset["tour"] ?? "", new URL(link.href).pathname));
});
if (sessionStorage.getItem("wasl-tour")) void import("./tour").then(({ goOn }) => goOn());
work();
seat();
