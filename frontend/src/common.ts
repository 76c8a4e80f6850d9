// What both faces start with.
import "htmx.org";
import { live } from "./live";
import { notices } from "./notices";
import { themeSwitches } from "./theme";

/** Fetches the map's script when the first map comes into sight: many pages fold theirs away. */
function maps(): void {
  const watch = new IntersectionObserver((seen) => {
    if (!seen.some((one) => one.isIntersecting)) return;
    watch.disconnect();
    void import("./map").then(({ drawMaps }) => drawMaps(document));
  }, { rootMargin: "200px" });
  for (const holder of document.querySelectorAll("[data-map]")) watch.observe(holder);
}

/** Styles that the first picture does not need and must not wait for: without a script the device's own faces stay. */
function lateStyles(): void {
  for (const named of document.querySelectorAll<HTMLMetaElement>("meta[name=late-styles]")) {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = named.content;
    document.head.append(link);
  }
}

export function start(): void {
  lateStyles();
  themeSwitches();
  notices();
  live();
  maps();
  document.body.addEventListener("htmx:afterSettle", () => maps());
}
