// What both faces start with.
import "htmx.org";
import { live } from "./live";
import { notices } from "./notices";
import { themeSwitches } from "./theme";

async function maps(): Promise<void> {
  if (!document.querySelector("[data-map]")) return;
  const { drawMaps } = await import("./map");
  drawMaps(document);
}

export function start(): void {
  themeSwitches();
  notices();
  live();
  void maps();
  document.body.addEventListener("htmx:afterSettle", () => void maps());
}
