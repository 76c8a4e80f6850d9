// "Use my position" beside the map or without it: the fields are filled, how exact it is is said and sent along.
const SURE_ENOUGH_M = 5000;

const field = (name: string) => document.querySelector<HTMLInputElement>(`#id_${name}`);

function fill(lat: string, lon: string, accuracy: string): void {
  for (const [name, value] of [["lat", lat], ["lon", lon], ["accuracy", accuracy]] as const) {
    const input = field(name);
    if (!input) continue;
    input.value = value;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

export function positions(): void {
  const holder = document.querySelector<HTMLElement>("[data-position]");
  if (!holder) return;
  const words = holder.dataset;
  const say = holder.querySelector<HTMLElement>("[data-position-say]");
  const tell = (text = "") => say && (say.textContent = text);
  holder.querySelector("[data-use-position]")?.addEventListener("click", () => {
    tell(words["sayLooking"]);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const metres = String(Math.max(1, Math.round(coords.accuracy)));
        const sure = coords.accuracy <= SURE_ENOUGH_M;
        if (sure) fill(coords.latitude.toFixed(6), coords.longitude.toFixed(6), metres);
        tell((sure ? words["sayFound"] : words["sayCoarse"])?.replace("{m}", metres));
        const detail = { lat: coords.latitude, lon: coords.longitude, accuracy: coords.accuracy, pin: sure };
        for (const map of document.querySelectorAll("[data-map]")) map.dispatchEvent(new CustomEvent("map:show", { detail }));
      },
      () => tell(words["sayDenied"]),
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 30000 },
    );
  });
  // A point set by hand is as exact as the hand; one that the map's own button found tells how exact it is.
  document.addEventListener("map:picked", (event) => {
    const accuracy = (event as CustomEvent<{ accuracy?: number }>).detail.accuracy;
    const input = field("accuracy");
    if (input) input.value = accuracy ? String(Math.max(1, Math.round(accuracy))) : "";
    if (!accuracy) tell();
  });
  document.querySelector("[data-skip-map]")?.addEventListener("click", () =>
    document.querySelector<HTMLElement>("#after-map")?.focus());
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-when-chosen]")) {
    document.querySelector(button.dataset["whenChosen"] ?? "")?.addEventListener("change", () =>
      button.form?.requestSubmit(button));
  }
}
