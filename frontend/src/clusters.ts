// Points of a map, drawn together where they would lie over each other; a click comes closer until each stands alone.
import * as L from "leaflet";

interface Point {
  at: L.LatLng;
  label: string;
  url: string | undefined;
  done: boolean;
}

/** Points that lie together, and their middle in pixels of the zoom. */
interface Cluster {
  points: Point[];
  x: number;
  y: number;
}

const NEAR_PX = 60;
// Above the names of the areas, below what a click opens.
const PANE = "points";
const MOST_LISTED = 12;

function link(point: Point): HTMLElement {
  const made = document.createElement(point.url ? "a" : "span");
  if (point.url) made.setAttribute("href", point.url);
  made.textContent = point.label;
  return made;
}

function list(points: Point[]): HTMLElement {
  const made = document.createElement("ul");
  made.className = "w-point-list";
  for (const point of points.slice(0, MOST_LISTED)) made.appendChild(document.createElement("li")).appendChild(link(point));
  return made;
}

function alone(point: Point): L.Marker {
  const side = 24;
  const icon = L.divIcon({ className: point.done ? "w-dot w-dot-done" : "w-dot", iconSize: [side, side] });
  return L.marker(point.at, { icon, pane: PANE, title: point.label }).bindPopup(link(point));
}

function together(map: L.Map, { points, x, y }: Cluster, say: string): L.Marker {
  const side = points.length < 10 ? 34 : points.length < 100 ? 42 : 50;
  const icon = L.divIcon({ className: "w-cluster", html: String(points.length), iconSize: [side, side] });
  const bounds = L.latLngBounds(points.map((point) => point.at));
  const marker = L.marker(map.unproject([x, y]), { icon, pane: PANE, title: say.replace("{n}", String(points.length)) });
  const apart = !bounds.getNorthEast().equals(bounds.getSouthWest(), 1e-6);
  if (apart && map.getZoom() < map.getMaxZoom()) {
    return marker.on("click", () => map.fitBounds(bounds, { padding: [40, 40], maxZoom: map.getZoom() + 4 }));
  }
  return marker.bindPopup(list(points));
}

/** Draws the features on the map, anew for each zoom; `say` names a cluster, with `{n}` for how many. */
export function drawPoints(map: L.Map, features: GeoJSON.Feature[], say: string): void {
  const points: Point[] = [];
  for (const { geometry, properties } of features) {
    if (geometry.type !== "Point") continue;
    const [lon = 0, lat = 0] = geometry.coordinates;
    points.push({ at: L.latLng(lat, lon), label: String(properties?.["label"] ?? ""), url: properties?.["url"] as string | undefined, done: properties?.["done"] === true });
  }
  map.createPane(PANE).style.zIndex = "660";
  const layer = L.layerGroup().addTo(map);
  const draw = () => {
    const clusters: Cluster[] = [];
    for (const point of points) {
      const { x, y } = map.project(point.at);
      const near = clusters.find((one) => Math.hypot(one.x - x, one.y - y) < NEAR_PX);
      if (near) {
        near.points.push(point);
        near.x += (x - near.x) / near.points.length;
        near.y += (y - near.y) / near.points.length;
      } else clusters.push({ points: [point], x, y });
    }
    layer.clearLayers();
    for (const one of clusters) layer.addLayer(one.points.length === 1 ? alone(one.points[0]!) : together(map, one, say));
  };
  map.on("zoomend", draw);
  draw();
}
