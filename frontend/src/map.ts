// The map: the city's areas drawn as shapes from a GeoJSON file, a pin to place by pointer, keyboard or position.
// No tile server is needed; with `data-tiles` the pictures of one lie beneath the shapes.
import * as L from "leaflet";
import { drawPoints } from "./clusters";

interface AreaProperties {
  code?: string;
  kind?: string;
  name?: string;
  [key: string]: unknown;
}
type Area = GeoJSON.Feature<GeoJSON.Polygon | GeoJSON.MultiPolygon, AreaProperties>;

const PIN = '<svg viewBox="0 0 24 24" width="40" height="40"><path d="M12 2a8 8 0 0 0-8 8c0 5 8 12 8 12s8-7 8-12a8 8 0 0 0-8-8z"/>'
  + '<circle cx="12" cy="10" r="3" fill="#fff"/></svg>';
const SURE_ENOUGH_M = 5000;

const pair = (text: string | undefined): L.LatLngTuple | null => {
  const [lat, lon] = (text ?? "").split(",").map(Number);
  return Number.isFinite(lat) && Number.isFinite(lon) && text ? [lat as number, lon as number] : null;
};

function areaName(feature: Area): string {
  const language = document.documentElement.lang.slice(0, 2);
  return String(feature.properties[`name_${language}`] ?? feature.properties.name ?? feature.properties["name_en"] ?? "");
}

const within = (ring: GeoJSON.Position[], lon: number, lat: number): boolean => {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi = 0, yi = 0] = ring[i] ?? [];
    const [xj = 0, yj = 0] = ring[j] ?? [];
    if (yi > lat !== yj > lat && lon < ((xj - xi) * (lat - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
};

function areaAt(areas: Area[], lat: number, lon: number): Area | undefined {
  const holds = (rings: GeoJSON.Position[][]) =>
    within(rings[0] ?? [], lon, lat) && !rings.slice(1).some((hole) => within(hole, lon, lat));
  return areas.find(({ geometry }) =>
    geometry.type === "Polygon" ? holds(geometry.coordinates) : geometry.coordinates.some(holds));
}

async function draw(holder: HTMLElement): Promise<void> {
  const say = holder.querySelector<HTMLElement>(".w-map-say");
  const canvas = holder.querySelector<HTMLElement>(".w-map-canvas");
  if (!canvas || canvas.dataset["drawn"]) return;
  canvas.dataset["drawn"] = "yes";
  const words = holder.dataset;
  const tell = (text = "") => say && (say.textContent = text);
  const latInput = words["latInput"] ? document.querySelector<HTMLInputElement>(words["latInput"]) : null;
  const lonInput = words["lonInput"] ? document.querySelector<HTMLInputElement>(words["lonInput"]) : null;
  const picks = Boolean(latInput && lonInput);

  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(canvas, {
    zoomControl: false, attributionControl: Boolean(words["tiles"]), scrollWheelZoom: false,
    zoomAnimation: !still, fadeAnimation: !still, markerZoomAnimation: !still,
  });
  L.control.zoom({ zoomInTitle: words["sayIn"] ?? "", zoomOutTitle: words["sayOut"] ?? "",
    position: document.dir === "rtl" ? "topright" : "topleft" }).addTo(map);
  // The wheel scrolls the page until the map has been chosen.
  map.on("focus click", () => map.scrollWheelZoom.enable());
  map.on("blur", () => map.scrollWheelZoom.disable());
  const cross = document.createElement("div");
  cross.className = "w-map-cross";
  if (picks) canvas.append(cross);
  if (words["tiles"]) L.tileLayer(words["tiles"], { attribution: words["credit"] ?? "", maxZoom: 19 }).addTo(map);

  let areas: Area[] = [];
  let bounds: L.LatLngBounds | null = null;
  try {
    const answer = await fetch(words["areas"] ?? "/areas.geojson");
    if (answer.ok) areas = ((await answer.json()) as GeoJSON.FeatureCollection).features as Area[];
  } catch {
    // Without areas the map still takes a point.
  }
  if (areas.length) {
    const parents = new Set(areas.map((area) => area.properties["parent"]));
    const layer = L.geoJSON(areas, {
      interactive: false,
      style: (feature) => ({
        className: parents.has((feature as Area).properties.code) ? "w-area w-area-ground" : "w-area",
        fillOpacity: words["tiles"] ? 0.15 : 1,
      }),
      onEachFeature: (feature: Area, shape) => {
        if (!parents.has(feature.properties.code)) {
          shape.bindTooltip(areaName(feature), { permanent: true, direction: "center", className: "w-area-name" });
        }
      },
    }).addTo(map);
    bounds = layer.getBounds();
    const small = areas.filter((area) => !parents.has(area.properties.code));
    if (small.length) areas = small;
  }

  let pin: L.Marker | null = null;
  const place = (at: L.LatLng, quiet = false, accuracy?: number) => {
    pin ??= L.marker(at, {
      keyboard: false, draggable: picks,
      icon: L.divIcon({ className: "w-pin", html: PIN, iconSize: [40, 40], iconAnchor: [20, 38] }),
    }).addTo(map).on("dragend", () => pin && place(pin.getLatLng()));
    pin.setLatLng(at);
    const area = areaAt(areas, at.lat, at.lng);
    if (picks && !quiet) {
      latInput!.value = at.lat.toFixed(6);
      lonInput!.value = at.lng.toFixed(6);
      latInput!.dispatchEvent(new Event("change", { bubbles: true }));
      lonInput!.dispatchEvent(new Event("change", { bubbles: true }));
      const outside = areas.length > 0 && !area;
      tell(outside ? words["sayOutside"] : (words["sayPicked"] ?? "").replace("{area}", area ? areaName(area) : `${at.lat.toFixed(5)}, ${at.lng.toFixed(5)}`));
      holder.dispatchEvent(new CustomEvent("map:picked", { bubbles: true, detail: { lat: at.lat, lon: at.lng, area: area?.properties.code, accuracy } }));
    }
  };

  const start = pair(words["pin"]) ?? (picks ? pair(`${latInput!.value},${lonInput!.value}`.replace(/^,$/, "")) : null);
  if (start) {
    map.setView(start, Number(words["zoom"]) || 15);
    place(L.latLng(start), true);
  } else if (pair(words["centre"])) map.setView(pair(words["centre"])!, Number(words["zoom"]) || 11);
  else if (bounds?.isValid()) map.fitBounds(bounds, { padding: [8, 8] });
  else map.setView([23.58, 58.4], 10);
  if (bounds?.isValid()) map.setMaxBounds(bounds.pad(0.6));

  if (words["points"]) {
    const answer = await fetch(words["points"]);
    if (answer.ok) drawPoints(map, ((await answer.json()) as GeoJSON.FeatureCollection).features, words["sayCluster"] ?? "{n}");
  }

  if (!picks) return;
  tell(words["sayKeys"]);
  map.on("click", (event: L.LeafletMouseEvent) => place(event.latlng));
  canvas.addEventListener("keydown", (event) => {
    if ((event.key !== "Enter" && event.key !== " ") || event.target !== canvas) return;
    event.preventDefault();
    place(map.getCenter());
  });

  let ring: L.Circle | null = null;
  const show = (at: L.LatLng, accuracy: number) => {
    ring?.remove();
    ring = L.circle(at, { radius: accuracy, className: "w-accuracy", interactive: false }).addTo(map);
    if (accuracy <= SURE_ENOUGH_M) place(at, false, accuracy);
    map.setView(at, accuracy < 100 ? 16 : 14);
  };
  // The page has found a position by itself and says it beside its own button.
  holder.addEventListener("map:show", (event) => {
    const { lat, lon, accuracy } = (event as CustomEvent<{ lat: number; lon: number; accuracy: number }>).detail;
    show(L.latLng(lat, lon), accuracy);
    tell();
  });
  const here = () => {
    tell(words["sayLooking"]);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        show(L.latLng(coords.latitude, coords.longitude), coords.accuracy);
        tell((words["sayAccuracy"] ?? "").replace("{m}", String(Math.max(1, Math.round(coords.accuracy)))));
      },
      () => tell(words["sayDenied"]),
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 30000 },
    );
  };
  const button = new L.Control({ position: document.dir === "rtl" ? "topright" : "topleft" });
  button.onAdd = () => {
    const bar = L.DomUtil.create("div", "leaflet-bar");
    const link = L.DomUtil.create("a", "", bar);
    link.href = "#";
    link.role = "button";
    link.title = words["sayHere"] ?? "";
    link.setAttribute("aria-label", link.title);
    link.innerHTML = '<svg class="w-icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true">'
      + '<circle cx="12" cy="12" r="4"/><path d="M12 2v4M12 18v4M2 12h4M18 12h4"/></svg>';
    L.DomEvent.disableClickPropagation(bar);
    L.DomEvent.on(link, "click", (event) => { L.DomEvent.preventDefault(event); here(); });
    return bar;
  };
  button.addTo(map);
}

/** Draws every map of the page that is not drawn yet, when it comes into sight. */
export function drawMaps(root: ParentNode): void {
  const watch = new IntersectionObserver((seen) => {
    for (const entry of seen) {
      if (!entry.isIntersecting) continue;
      watch.unobserve(entry.target);
      void draw(entry.target as HTMLElement);
    }
  }, { rootMargin: "200px" });
  for (const holder of root.querySelectorAll<HTMLElement>("[data-map]")) watch.observe(holder);
}
