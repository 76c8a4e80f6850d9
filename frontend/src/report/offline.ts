// The page that the device keeps: every report on this device, and the whole form for one of them, step by step. All of
// it works without a signal; what is filled in lies in the device's own store until it is sent or thrown away.
import { read, whenTyped, write } from "./fields";
import { sendSoon } from "./keep";
import { all, change, fresh, get, type Kept, onChange, put, remove } from "./store";

interface Category {
  code: string;
  name: string;
  path: string;
  words: string;
  above: string;
  questions: string[];
  script: string;
  sealed: boolean;
}
type Words = Record<string, string>;

const STEPS = ["what", "where", "details", "you", "check"] as const;
type Step = (typeof STEPS)[number];
const SHOWN = 6;
const ARTICLES = /^(وال|بال|كال|فال|لل|ال)(?=.{3})/;

function given<T>(id: string): T {
  return JSON.parse(document.getElementById(id)?.textContent ?? "null") as T;
}

const say = (tag: string, text: string, className = ""): HTMLElement => {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
};

/** As the server folds text for search, near enough for words that people type. */
const fold = (text: string): string =>
  text.normalize("NFKD").replace(/[\u0300-\u036f\u064b-\u0652\u0670\u0640\u0621]/g, "").replace(/[أإآٱ]/g, "ا")
    .replace(/[ىی]/g, "ي").replace(/ة/g, "ه").replace(/ؤ/g, "و").replace(/ئ/g, "ي").replace(/ک/g, "ك").toLowerCase();

const parts = (text: string): string[] => [
  ...text.split(/[^\p{L}\p{N}]+/u).map((word) => word.replace(ARTICLES, "")).filter((word) => word.length > 2 && !/[\u3400-\u9fff]/.test(word)),
  // Chinese has no blanks: every two neighbouring signs are sought.
  ...[...text.matchAll(/(?=([\u3400-\u9fff]{2}))/gu)].map((match) => match[1] ?? ""),
];
const alike = (a: string, b: string): boolean => a === b || (Math.min(a.length, b.length) > 3 && (a.startsWith(b) || b.startsWith(a)));
const ABOVE = 0.25;

/** Categories whose own words were said, the rarer the word the more it says; near enough to the server's ranking. */
function search(categories: Category[], text: string): Category[] {
  const sought = [...new Set(parts(fold(text)))];
  const known = categories.map((category) => ({ category, own: parts(category.words), above: parts(category.above), score: 0 }));
  for (const word of sought) {
    const hits = known.map(({ own, above }) => own.some((one) => alike(one, word)) ? 1 : above.some((one) => alike(one, word)) ? ABOVE : 0);
    const common = hits.filter((hit) => hit > 0).length;
    if (common) hits.forEach((hit, number) => (known[number]!.score += hit * Math.log(1 + known.length / common)));
  }
  return known.filter(({ score }) => score > 1).sort((a, b) => b.score - a.score).slice(0, SHOWN).map(({ category }) => category);
}

class Offline {
  private readonly words = given<Words>("offline-words");
  private readonly categories = given<Category[]>("offline-categories");
  private readonly most: number;
  private kept: Kept | null = null;
  private pictures: string[] = [];

  constructor(private readonly root: HTMLElement, private readonly form: HTMLFormElement) {
    this.most = Number(root.dataset["most"]);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.forward();
    });
    whenTyped(form, () => void this.save());
    form.addEventListener("input", (event) => {
      if ((event.target as HTMLElement).id === "id_text") this.suggest();
    });
    form.addEventListener("change", (event) => this.changed(event.target as HTMLElement));
    root.addEventListener("click", (event) => {
      const button = (event.target as HTMLElement).closest<HTMLElement>("[data-do]");
      if (button) void this.act(button.dataset["do"] ?? "", button.dataset["key"] ?? "");
    });
    window.addEventListener("hashchange", () => void this.open());
    onChange(() => void this.list());
  }

  private part = (name: string): HTMLElement => this.root.querySelector<HTMLElement>(`[data-part="${name}"]`)!;

  async open(): Promise<void> {
    const [key = "", step = ""] = location.hash.slice(1).split("/");
    if (key === "new") {
      this.kept = fresh({ language: document.documentElement.lang.slice(0, 2) });
      await put(this.kept);
      location.replace(`#${this.kept.key}/what`);
      return;
    }
    const found = key ? await get(key) : undefined;
    if (!found || found.state === "sent") {
      this.kept = null;
      this.show("list");
      await this.list();
      return;
    }
    if (this.kept?.key !== found.key) {
      this.kept = found;
      this.merge(found);
      await put(found);
      this.form.reset();
      write(this.form, found.fields);
      this.suggest();
      this.chosen();
      this.photos();
    }
    const wanted = STEPS.find((one) => one === step) ?? this.missing() ?? "check";
    this.go(wanted);
  }

  /** What stood unsent on the server's pages is part of the report. */
  private merge(kept: Kept): void {
    for (const [page, typed] of Object.entries(kept.typed)) {
      for (const [name, value] of Object.entries(typed)) if (page === "*" || value.length) kept.fields[name] = value;
    }
    Object.assign(kept, { typed: { "*": { ...kept.fields } }, submitted: "" });
    if (kept.state === "waiting") kept.state = "draft";
  }

  private async save(): Promise<void> {
    if (!this.kept) return;
    const fields = { ...this.kept.fields, ...read(this.form) };
    this.kept.fields = fields;
    const { photos, held } = this.kept;
    await change(this.kept.key, (kept) => {
      Object.assign(kept, { fields, photos, held, typed: { "*": { ...fields } }, edited: Date.now() });
    });
  }

  private value(name: string): string {
    const found = this.kept?.fields[name];
    return typeof found === "string" ? found.trim() : "";
  }

  /** The first step that lacks something; the server looks again when it is sent. */
  private missing(before: Step = "check"): Step | null {
    for (const step of STEPS) {
      if (step === before) return null;
      if (this.problem(step)) return step;
    }
    return null;
  }

  private problem(step: Step): string {
    const { words } = this;
    if (step === "what") {
      if (this.value("text").length < 3) return words["no_text"]!;
      if (!this.value("category")) return words["no_category"]!;
    }
    if (step === "where" && !this.value("address") && !this.value("area") && !this.value("lat")) return words["no_place"]!;
    if (step === "you") {
      if (!this.value("how")) return words["no_how"]!;
      if (this.value("how") === "named") {
        if (this.value("channel") === "mail" && !this.value("mail")) return words["no_mail"]!;
        if (this.value("channel") === "phone" && !this.value("phone")) return words["no_phone"]!;
        if (!this.value("name") && !this.value("mail") && !this.value("phone")) return words["no_name"]!;
      }
    }
    return "";
  }

  private show(name: string): void {
    for (const part of this.root.querySelectorAll<HTMLElement>("[data-part]")) {
      const own = part.dataset["part"];
      part.hidden = own === "form" ? name === "list" : own !== name;
    }
    const at = STEPS.indexOf(name as Step);
    for (const [number, item] of [...this.root.querySelectorAll<HTMLElement>("[data-step]")].entries()) {
      item.classList.toggle("w-done", number < at);
      item.toggleAttribute("aria-current", number === at);
      if (number === at) item.setAttribute("aria-current", "step");
    }
    this.root.querySelector("[data-next]")!.textContent = this.words[name === "check" ? "send_it" : "continue"]!;
    this.complain("");
  }

  private go(step: Step): void {
    if (step === "check") this.check();
    this.show(step);
    if (location.hash !== `#${this.kept!.key}/${step}`) history.replaceState(null, "", `#${this.kept!.key}/${step}`);
    const heading = this.part(step).querySelector<HTMLElement>("h1");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
    window.scrollTo({ top: 0 });
  }

  private complain(text: string): void {
    const place = this.root.querySelector<HTMLElement>("[data-complaint]")!;
    place.querySelector("span")!.textContent = text;
    place.hidden = !text;
    if (text) place.scrollIntoView({ block: "center" });
  }

  private current(): Step {
    return STEPS.find((step) => !this.part(step).hidden) ?? "what";
  }

  private async forward(): Promise<void> {
    await this.save();
    const step = this.current();
    const wrong = this.problem(step);
    if (wrong) return this.complain(wrong);
    if (step === "check") return this.send();
    location.hash = `#${this.kept!.key}/${STEPS[STEPS.indexOf(step) + 1]}`;
  }

  private async send(): Promise<void> {
    const missing = this.missing();
    if (missing) return this.go(missing);
    await change(this.kept!.key, (kept) => Object.assign(kept, { state: "waiting", problems: [] }));
    this.kept = null;
    location.hash = "";
    await sendSoon().catch(() => undefined);
  }

  private async act(what: string, key: string): Promise<void> {
    if (what === "new") location.hash = "#new";
    else if (what === "back") {
      await this.save();
      const at = STEPS.indexOf(this.current());
      location.hash = at > 0 ? `#${this.kept!.key}/${STEPS[at - 1]}` : "";
    } else if (what === "list") {
      await this.save();
      location.hash = "";
    } else if (what === "edit") location.hash = `#${key}`;
    else if (what === "send") await sendSoon().catch(() => undefined);
    else if (what === "drop") {
      this.kept = null;
      await remove(key);
      location.hash = "";
    } else if (what.startsWith("go-")) location.hash = `#${this.kept!.key}/${what.slice(3)}`;
    else if (what.startsWith("photo-")) {
      const [, list, number] = what.split("-");
      if (list === "new") this.kept!.photos.splice(Number(number), 1);
      else this.kept!.held.splice(Number(number), 1);
      this.photos();
      await this.save();
    }
  }

  private changed(target: HTMLElement): void {
    if (target instanceof HTMLInputElement && target.type === "file") {
      const room = this.most - this.kept!.photos.length - this.kept!.held.length;
      const files = [...(target.files ?? [])];
      this.kept!.photos.push(...files.slice(0, room).map((file) => ({ name: file.name, blob: file })));
      target.value = "";
      this.complain(files.length > room ? this.words["too_many"]! : "");
      this.photos();
      void this.save();
    }
    if (target.getAttribute("name") === "category") this.chosen();
  }

  private category(): Category | undefined {
    const code = read(this.form)["category"];
    return this.categories.find((one) => one.code === code);
  }

  /** What follows from the category: its questions, what to do first in danger, how identity is protected. */
  private chosen(): void {
    const category = this.category();
    for (const holder of this.root.querySelectorAll<HTMLElement>("[data-question]")) {
      holder.hidden = !category?.questions.includes(holder.dataset["question"] ?? "");
    }
    const danger = this.root.querySelector<HTMLElement>("[data-danger]")!;
    danger.hidden = !category?.script;
    danger.querySelector("[data-script]")!.textContent = category?.script ?? "";
    this.root.querySelector<HTMLElement>("[data-sealed]")!.hidden = !category?.sealed;
  }

  private suggest(): void {
    const holder = this.root.querySelector<HTMLElement>("#suggestions")!;
    const now = String(read(this.form)["category"] ?? this.kept?.fields["category"] ?? "");
    const found = search(this.categories, this.form.querySelector<HTMLTextAreaElement>("#id_text")?.value ?? "");
    const chosen = this.categories.find((one) => one.code === now);
    if (chosen && !found.includes(chosen)) found.unshift(chosen);
    holder.replaceChildren(...found.map((category) => {
      const label = say("label", "", "w-choice");
      const input = document.createElement("input");
      Object.assign(input, { type: "radio", name: "category", value: category.code, className: "form-check-input", checked: category.code === now });
      const text = document.createElement("span");
      text.append(say("strong", category.name), say("small", category.path));
      label.append(input, text);
      return label;
    }));
  }

  private photos(): void {
    const holder = this.root.querySelector<HTMLElement>("[data-photos]")!;
    for (const url of this.pictures) URL.revokeObjectURL(url);
    this.pictures = [];
    const item = (name: string, act: string, blob?: Blob) => {
      const made = document.createElement("li");
      if (blob?.type.startsWith("image/")) {
        const picture = document.createElement("img");
        picture.src = URL.createObjectURL(blob);
        picture.alt = name;
        this.pictures.push(picture.src);
        made.append(picture);
      } else made.append(say("span", name, "w-file"));
      made.append(this.button(act, this.words["remove"]!, "w-quiet", "", name));
      return made;
    };
    holder.replaceChildren(
      ...this.kept!.held.map((photo, number) => item(photo.name, `photo-held-${number}`)),
      ...this.kept!.photos.map((photo, number) => item(photo.name, `photo-new-${number}`, photo.blob)),
    );
  }

  private button(act: string, text: string, className: string, key = "", more = ""): HTMLButtonElement {
    const made = document.createElement("button");
    Object.assign(made, { type: "button", className, textContent: text });
    Object.assign(made.dataset, { do: act, key });
    if (more) made.append(say("span", ` ${more}`, "visually-hidden"));
    return made;
  }

  /** Everything once more, in the words of the form's own labels. */
  private check(): void {
    const rows: [Step, string, string][] = [];
    const label = (step: Step) => this.words[`asked_${step}`]!;
    const category = this.categories.find((one) => one.code === this.value("category"));
    rows.push(["what", label("what"), category?.name ?? this.words["none_fits"]!]);
    rows.push(["what", this.words["asked_text"]!, this.value("text")]);
    const area = this.form.querySelector<HTMLSelectElement>("#id_area");
    const metres = this.value("accuracy");
    const position = this.value("lat") && (metres ? this.words["position_m"]!.replace("{m}", metres) : this.words["position"]!);
    const named = this.value("area") ? (area?.selectedOptions[0]?.textContent ?? "") : "";
    rows.push(["where", label("where"), [this.value("address"), position, position ? "" : named].filter(Boolean).join(" · ")]);
    for (const holder of this.root.querySelectorAll<HTMLElement>("[data-question]:not([hidden])")) {
      const answers = [...holder.querySelectorAll<HTMLInputElement>("input:checked")].filter((one) => one.value).map((one) => one.closest("label")?.textContent?.trim() ?? "");
      const typed = holder.querySelector<HTMLInputElement>("input:not([type=radio],[type=checkbox]),textarea")?.value ?? "";
      const picked = holder.querySelector<HTMLSelectElement>("select");
      const text = answers.join(" · ") || typed || (picked?.value ? (picked.selectedOptions[0]?.textContent ?? "") : "");
      const asked = holder.querySelector(".form-label")?.firstChild?.textContent?.trim() ?? "";
      if (text) rows.push(["details", asked, text]);
    }
    const photos = [...this.kept!.held, ...this.kept!.photos].map((photo) => photo.name);
    if (photos.length) rows.push(["details", this.words["asked_photos"]!, photos.join(" · ")]);
    const you = this.value("how") === "named" ? [this.value("name"), this.value("phone"), this.value("mail")].filter(Boolean).join(" · ") : this.words["anonymous"]!;
    rows.push(["you", label("you"), you]);
    this.root.querySelector("[data-answers]")!.replaceChildren(...rows.map(([step, asked, answered]) => {
      const row = document.createElement("div");
      const change = say("dd", "", "w-change");
      change.append(this.button(`go-${step}`, this.words["change"]!, "w-quiet", "", asked));
      row.append(say("dt", asked), say("dd", answered, "w-words"), change);
      return row;
    }));
  }

  private async list(): Promise<void> {
    if (this.part("list").hidden) return;
    const found = await all();
    this.root.querySelector<HTMLElement>("[data-nothing]")!.hidden = found.length > 0;
    this.root.querySelector("[data-reports]")!.replaceChildren(...found.map((kept) => this.item(kept)));
  }

  private item(kept: Kept): HTMLElement {
    const { words } = this;
    const made = document.createElement("li");
    made.dataset["state"] = kept.state;
    const text = document.createElement("div");
    const doing = say("div", "", "w-kept-do");
    const merged: Kept["fields"] = Object.assign({}, kept.fields, ...Object.values(kept.typed));
    const category = this.categories.find((one) => one.code === merged["category"]);
    text.append(say("p", kept.state === "sent" ? words["sent"]! : (category?.name ?? words["a_report"]!), "w-kept-title"));
    if (kept.state === "sent") {
      const numbers = say("p", "", "w-kept-numbers");
      for (const [name, value] of [["number", kept.number], ["pin", kept.pin || words["renewed"]!]] as const) {
        const one = say("bdi", value, "w-number");
        one.dir = "ltr";
        const holder = say("span", `${words[name]!} `);
        holder.append(one);
        numbers.append(holder, " ");
      }
      text.append(numbers, say("p", words[kept.late ? "late" : "note_it"]!, "w-muted"));
      const link = document.createElement("a");
      Object.assign(link, { href: kept.receipt, className: "btn btn-outline-primary", textContent: words["receipt"]! });
      doing.append(link, this.button("drop", words["noted"]!, "w-quiet", kept.key));
    } else {
      if (merged["text"]) text.append(say("p", String(merged["text"]).slice(0, 160), "w-kept-words"));
      text.append(say("p", words[kept.state]!, kept.state === "refused" ? "w-kept-wrong" : "w-muted"));
      for (const problem of kept.problems) text.append(say("p", [problem.label, problem.said || words["no_answer"]!].filter(Boolean).join(": ")));
      if (kept.state === "waiting") doing.append(this.button("send", words["send_now"]!, "btn btn-outline-primary", kept.key));
      doing.append(this.button("edit", words[kept.state === "draft" ? "go_on" : "edit"]!, kept.state === "waiting" ? "w-quiet" : "btn btn-outline-primary", kept.key));
      doing.append(this.button("drop", words[kept.state === "waiting" ? "cancel" : "discard"]!, "w-quiet", kept.key));
    }
    made.append(text, doing);
    return made;
  }
}

/** The page was drawn for everybody; how this visitor likes to see pages stands in a cookie. */
function look(): void {
  const found = /(?:^|; )wasl_look=([^;]*)/.exec(document.cookie)?.[1]?.split(".") ?? [];
  for (const [number, name] of ["theme", "contrast", "text"].entries()) {
    if (found[number]) document.documentElement.dataset[name] = found[number];
  }
}

export async function offline(): Promise<void> {
  look();
  const root = document.querySelector<HTMLElement>("[data-offline]")!;
  const form = root.querySelector<HTMLFormElement>("form")!;
  root.hidden = false;
  await new Offline(root, form).open();
}
