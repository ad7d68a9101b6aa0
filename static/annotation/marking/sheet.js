// What the panel of one mark shows: choices, words, evidence. It changes nothing itself: `on` is told.

import { chips, Panel } from "./panel.js";
import { seen } from "./text.js";

const STAGES = { type: "category", subtype: "subcategory", severity: "severity" };

export class Sheet {
  /** `on`: {pick(stage, key), write(part, text), remove(), close(), prove(), disprove(index)}. */
  constructor(section, ontology, on, signal) {
    this.section = section;
    this.ontology = ontology;
    this.on = on;
    this.panel = new Panel(this.#part("marker"), signal);
    this.panel.element.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#part("done").addEventListener("click", () => on.close(), { signal });
    this.#part("delete").addEventListener("click", () => on.remove(), { signal });
    this.#part("evidence-add")?.addEventListener("click", () => on.prove(), { signal });
    for (const part of ["comment", "correction"]) {
      this.#part(part)?.addEventListener("input", (event) => on.write(part, event.target.value), { signal });
    }
  }

  #part = (name) => this.section.querySelector(`[data-${name}]`);

  get open() { return this.panel.open; }
  get focused() { return this.panel.element.contains(document.activeElement); }
  holds = (node) => this.panel.element.contains(node);
  hide() { this.panel.hide(); }
  focus() { this.panel.element.querySelector("[aria-pressed=true], button, textarea").focus(); }

  /** `span`: the mark, or {} of one that is not made yet, over `words`; `rect()`: where it stands; `passages`: are there any. */
  show(span, { words, rect, passages }) {
    this.span = span;
    const saved = Boolean(span.category);
    this.#part("quoted").textContent = saved ? this.ontology.quote(span) : seen(words.slice(0, 80));
    for (const [stage, key] of Object.entries(STAGES)) this.#group(stage, span[key]);
    for (const part of ["comment", "correction"]) {
      const box = this.#part(part);
      if (!box) continue;
      box.closest("label").hidden = !saved;
      if (document.activeElement !== box) box.value = span[part] ?? "";
    }
    this.#evidence(span, saved && passages);
    this.#part("delete").hidden = this.#part("done").hidden = !saved;
    this.panel.show(rect);
  }

  #group(stage, chosen) {
    const place = this.#part(stage);
    const had = place.contains(document.activeElement);
    const choices = this.ontology.choices(stage, this.span);
    place.closest("[role=group]").hidden = choices.length === 0;
    chips(place, choices, chosen, (key) => this.on.pick(stage, key));
    if (had) (place.querySelector("[aria-pressed=true]") ?? place.querySelector("button"))?.focus();
  }

  #evidence(span, asked) {
    const place = this.#part("evidence");
    if (!place) return;
    place.hidden = !asked;
    this.#part("evidence-list").replaceChildren(...(span.evidence ?? []).map((one, index) => {
      const row = this.#part("evidence-row").content.firstElementChild.cloneNode(true);
      row.querySelector("span").textContent = seen(one.quote);
      row.querySelector("button").addEventListener("click", () => this.on.disprove(index));
      return row;
    }));
  }

  #key(event) {
    const done = event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey));
    if (done) { event.preventDefault(); return this.on.close(); }
    if (event.target.matches("textarea") || !/^[1-9]$/.test(event.key)) return;
    const button = this.#part(this.ontology.stage(this.span)).querySelectorAll("button")[Number(event.key) - 1];
    if (button) { event.preventDefault(); button.focus(); button.click(); }
  }
}
