// The questions of a form, whatever their protocol. A template marks each set of choices with data-group, each key with
// data-digit, and each thing that must be answered with data-required="how it is called". A protocol's own module
// (data-module) has a say first: {digit?, keys?, missing?, refresh?, words?}.

const ROOT = "#work";
/** So many of the things still needed are named; of the rest the number is told. */
const LISTED = 4;
const all = (selector, root = document.querySelector(ROOT)) => [...root.querySelectorAll(selector)];
const sectionOf = (element) => {
  const place = element?.closest?.("[data-field], [data-card-of]");
  const name = place?.dataset.field ?? place?.dataset.cardOf;
  return name ? document.querySelector(`[data-field="${CSS.escape(name)}"]`) : null;
};

function answered(part) {
  if (part.matches("textarea, input")) return part.value.trim() !== "";
  return part.querySelector("input:checked") !== null || [...part.querySelectorAll("input[type=number]")].some((input) => input.value !== "");
}

/** Whether an optional question of a series (data-flow) was left as it is: "not judged". */
const passedOver = (group) => "flow" in group.dataset && group.querySelector("input:checked")?.value === "";

/** A box marked data-alone ("cannot tell", "none of these") goes with nothing else of its group: what came last stays. */
function keepAlone({ target }) {
  const group = target.closest("[data-group]");
  const given = target.matches("input:checked") || (target.matches("input[type=number]") && target.value !== "");
  if (!group || !given) return;
  for (const other of group.querySelectorAll("input[type=checkbox]:checked")) {
    if (other !== target && target.type !== "radio" && ("alone" in target.dataset || "alone" in other.dataset)) other.checked = false;
  }
  if ("alone" in target.dataset) for (const number of group.querySelectorAll("input[type=number]")) number.value = "";
}

export class Fields {
  #modules = new Map();

  constructor(form) {
    this.form = form;
    for (const kind of ["input", "change"]) document.querySelector(ROOT).addEventListener(kind, keepAlone);
  }

  /** Loads the modules that the sections name. `page`: what each `attach(section, page)` is given, beside advance(group). */
  async attach(page) {
    for (const section of all("[data-field][data-module]")) {
      const { attach } = await import(section.dataset.module);
      if (page.signal.aborted) return;
      this.#modules.set(section, attach(section, { ...page, advance: (group) => this.#advance(group) }));
    }
  }

  #module = (section) => this.#modules.get(section);

  /** [{name, focus()}] of what still has to be answered, in the order of the page. */
  missing() {
    const found = all("[data-required]").filter((part) => !answered(part)).map((part) => ({
      at: part,
      name: part.dataset.required,
      focus: () => (part.matches("textarea, input") ? part : part.querySelector("input:checked, input")).focus(),
    }));
    for (const [section, module] of this.#modules) {
      for (const one of module.missing?.() ?? []) found.push({ at: section, ...one });
    }
    return found.sort((a, b) => (a.at.compareDocumentPosition(b.at) & Node.DOCUMENT_POSITION_PRECEDING ? 1 : -1));
  }

  listMissing() {
    const place = document.getElementById("missing");
    const names = this.missing().map(({ name }) => name);
    const more = names.length > LISTED ? ` +${names.length - LISTED}` : "";
    place.textContent = names.length ? `${place.dataset.label} ${names.slice(0, LISTED).join(", ")}${more}` : place.dataset.ready;
    place.classList.toggle("complete", names.length === 0);
  }

  /** After the inputs have changed, by hand or by a draft: modules draw themselves anew, bars say what is chosen. */
  refresh() {
    for (const module of this.#modules.values()) module.refresh?.();
    for (const group of all("[data-group]")) {
      const words = group.querySelector("[data-chosen]");
      if (words) words.textContent = group.querySelector("input:checked")?.dataset.words ?? words.dataset.none;
    }
  }

  /** The section at hand: the one with the focus, else the first that wants an answer, else the first. */
  #section() {
    const wanting = this.missing()[0]?.at;
    return sectionOf(document.activeElement) ?? sectionOf(wanting) ?? wanting ?? all("[data-field]")[0];
  }

  #group() {
    const here = document.activeElement?.closest?.("[data-group]");
    const wanting = this.missing().map(({ at }) => at).find((at) => at.matches("[data-group]"));
    return here ?? wanting ?? all("[data-group]")[0];
  }

  /** Chooses what has this digit drawn on it in the question at hand. Returns whether there is something. */
  digit(number) {
    if (this.#module(this.#section())?.digit?.(number)) return true;
    const group = this.#group();
    const input = group?.querySelector(`input[data-digit="${number}"]`);
    if (!input || input.disabled) return false;
    input.checked = input.type === "checkbox" ? !input.checked : true;
    input.focus({ preventScroll: true });
    input.dispatchEvent(new Event("change", { bubbles: true }));
    if (input.type === "radio") this.#advance(group);
    return true;
  }

  /** On to the next question that nobody has answered (a module's own says so by data-open); the last one keeps the focus, so that Enter hands in. */
  #advance(group) {
    const groups = all("[data-group], [data-stop]");
    const open = (one) => (one.matches("[data-stop]") ? "open" in one.dataset : !(answered(one) && !passedOver(one)) && one.querySelector("input[data-digit]"));
    const next = groups.slice(groups.indexOf(group) + 1).find(open);
    next?.querySelector(next.matches("[data-stop]") ? "[tabindex='0']" : "input")?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest" });
  }

  /** To the next (1) or previous (-1) question. */
  step(by) {
    const places = all("[data-group], [data-field] textarea:not([hidden]), [data-stop]").filter((one) => one.offsetParent !== null);
    const now = places.findIndex((one) => one.contains(document.activeElement));
    const next = places[(now + by + places.length) % places.length] ?? places[0];
    if (!next) return;
    (next.matches("textarea, [tabindex]") ? next : next.querySelector("input:checked, input, button, [tabindex='0']"))?.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  /** Into the next text box: of the question at hand where it has one. */
  write() {
    const here = sectionOf(document.activeElement);
    (here?.querySelector("[data-write]") ?? document.querySelector(`${ROOT} [data-write]`))?.focus();
  }

  /** Carries out a shortcut of a protocol. Returns whether one took it. */
  act(action) {
    const first = this.#module(this.#section());
    const module = [first, ...this.#modules.values()].find((one) => one?.keys?.[action]);
    module?.keys[action]();
    return Boolean(module);
  }

  freeze(on) {
    for (const part of all("[data-freeze]")) part.disabled = on;
    document.querySelector(ROOT).classList.toggle("frozen", on);
  }

  /** The sentence for kept `fields`, made of the labels of this page. */
  inWords(fields) {
    const kept = new URLSearchParams(fields);
    const parts = [];
    for (const control of this.form.elements) {
      if (["radio", "checkbox"].includes(control.type) && kept.getAll(control.name).includes(control.value)) parts.push(control.dataset.words ?? control.value);
      if (control.matches("textarea, select:not([data-rank]), input[type=text], input[type=number]") && kept.get(control.name)?.trim()) parts.push(`“${kept.get(control.name)}”`);
    }
    for (const module of this.#modules.values()) parts.push(...(module.words?.(kept) ?? []));
    return parts.join(" — ") || this.form.dataset.blank;
  }
}
