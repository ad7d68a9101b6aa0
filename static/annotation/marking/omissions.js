// What a response should have said and did not: a list of its own, for it has no place in the text.

const FIELDS = ["category", "severity", "comment", "response", "context"];

export class Omissions {
  #section; #change; #rows = [];

  /** `change(make)` changes the list of spans by `make(spans)`. */
  constructor(section, categories, { change }) {
    this.#section = section;
    this.#change = change;
    section.querySelector("[data-omission-add]")?.addEventListener("click", () => {
      const only = categories.length === 1 ? { category: categories[0].key } : {};
      const letters = [...document.querySelectorAll("#work [data-letter]")].map((card) => card.dataset.letter);
      change((spans) => spans.push({ omission: true, ...only, ...(letters.length === 1 ? { response: letters[0] } : {}) }));
      this.#rows.at(-1)?.querySelector("select, textarea")?.focus();
    });
  }

  focus(index) {
    const wanting = [...(this.#rows[index]?.querySelectorAll("select, textarea") ?? [])];
    (wanting.find((control) => control.required && !control.value) ?? wanting[0])?.focus();
  }

  show(spans) {
    const place = this.#section.querySelector("[data-omissions]");
    if (!place) return;
    const missing = spans.filter((span) => span.omission);
    while (this.#rows.length > missing.length) this.#rows.pop().remove();
    while (this.#rows.length < missing.length) {
      const row = this.#section.querySelector("[data-omission]").content.firstElementChild.cloneNode(true);
      this.#wire(row);
      this.#rows.push(row);
      place.append(row);
    }
    missing.forEach((span, index) => this.#fill(this.#rows[index], span));
  }

  #fill(row, span) {
    row.span = span;
    for (const field of FIELDS) {
      const control = row.querySelector(`[data-of=${field}]`);
      if (control && control !== document.activeElement) control.value = field === "context" ? span.target?.context ?? "" : span[field] ?? "";
    }
  }

  #wire(row) {
    for (const control of row.querySelectorAll("[data-of]")) {
      control.addEventListener("input", () => this.#change(() => this.#take(row.span, control.dataset.of, control.value)));
    }
    row.querySelector("button").addEventListener("click", () => {
      this.#change((spans) => spans.splice(spans.indexOf(row.span), 1));
      this.#section.querySelector("[data-omission-add]").focus();
    });
  }

  #take(span, field, value) {
    if (field === "context") {
      if (value === "") delete span.target;
      else span.target = { context: Number(value) };
    } else if (value.trim()) span[field] = value;
    else delete span[field];
  }
}
