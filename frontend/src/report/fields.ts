// Between a form and a record: names and values, as the server's forms have them.
import type { Fields, Value } from "./store";

const NOT_OURS = new Set(["csrfmiddlewaretoken", "then", "do", "remove", "same", "photo_place", "added", "next"]);

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;
const controls = (form: HTMLFormElement): Control[] =>
  [...form.elements].filter((one): one is Control =>
    (one instanceof HTMLInputElement || one instanceof HTMLTextAreaElement || one instanceof HTMLSelectElement)
    && one.name !== "" && !NOT_OURS.has(one.name) && one.type !== "file");

export function read(form: HTMLFormElement): Fields {
  const found: Fields = {};
  for (const one of controls(form)) {
    if (one instanceof HTMLInputElement && one.type === "checkbox") {
      const many = (found[one.name] ??= []) as string[];
      if (one.checked) many.push(one.value);
    } else if (one instanceof HTMLInputElement && one.type === "radio") {
      if (one.checked) found[one.name] = one.value;
    } else found[one.name] = one.value;
  }
  return found;
}

const holds = (value: Value | undefined, one: string) => (Array.isArray(value) ? value.includes(one) : value === one);

export function write(form: HTMLFormElement, fields: Fields): void {
  for (const one of controls(form)) {
    const value = fields[one.name];
    if (value === undefined) continue;
    if (one instanceof HTMLInputElement && (one.type === "checkbox" || one.type === "radio")) one.checked = holds(value, one.value);
    else one.value = Array.isArray(value) ? (value[0] ?? "") : String(value);
  }
}

export const filesOf = (form: HTMLFormElement): File[] =>
  [...form.querySelectorAll<HTMLInputElement>("input[type=file]")].flatMap((input) => [...(input.files ?? [])]);

/** Calls `work` a moment after the last change, and at once before the form is sent or the page is left. */
export function whenTyped(form: HTMLFormElement, work: () => void): void {
  let timer = 0;
  const now = () => {
    window.clearTimeout(timer);
    timer = 0;
    work();
  };
  form.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(now, 300);
  });
  form.addEventListener("change", now);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && timer && now());
}
