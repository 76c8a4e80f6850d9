// The switches of light, contrast and text size: changed at once, remembered in the cookie that the server reads.
const COOKIE = "wasl_look";
const ORDER = ["theme", "contrast", "text"] as const;
type Part = (typeof ORDER)[number];

function apply(part: Part, value: string): void {
  const root = document.documentElement;
  if (value) root.dataset[part] = value;
  else delete root.dataset[part];
  const look = ORDER.map((name) => root.dataset[name] ?? "").join(".");
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${COOKIE}=${look}; path=/; max-age=31536000; SameSite=Lax${secure}`;
}

export function themeSwitches(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    if (!(form instanceof HTMLFormElement) || !form.matches("[data-look]") || !(button instanceof HTMLButtonElement)) return;
    const [part, value = ""] = button.value.split(":");
    if (!ORDER.includes(part as Part)) return;
    event.preventDefault();
    apply(part as Part, value);
    for (const other of form.querySelectorAll<HTMLButtonElement>(`button[value^="${part}:"]`)) {
      other.setAttribute("aria-pressed", String(other === button));
    }
  });
}
