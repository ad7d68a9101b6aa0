// The marks of an answer: kept as JSON in one hidden input, in the terms that the server reads; every change can be had back.

import { nameOf } from "./ontology.js";

const sorted = (value) => (Array.isArray(value) ? value.map(sorted) : value && typeof value === "object"
  ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])])) : value);

const parsed = (text) => {
  try {
    const found = JSON.parse(text || "[]");
    return Array.isArray(found) ? found : [];
  } catch { return []; }
};

export class Ledger {
  spans = [];
  #past = [];
  #written = null;

  /** `order`: names of the texts, by which marks are sorted. `changed()` is called after every change. */
  constructor(input, order, changed) {
    this.input = input;
    this.order = order;
    this.changed = changed;
  }

  static read = parsed;

  get canUndo() { return this.#past.length > 0; }

  /** Takes up what the input holds. Returns whether that is news. */
  read() {
    if (this.input.value === this.#written) return false;
    this.spans = parsed(this.input.value);
    this.#written = this.input.value;
    return true;
  }

  /** `make(spans)` changes them. `again`: together with the change before it is one step back. */
  change(make, { again = false } = {}) {
    if (!again) this.#past.push(JSON.stringify(this.spans));
    make(this.spans);
    this.#keep();
  }

  undo() {
    if (!this.canUndo) return false;
    this.spans = JSON.parse(this.#past.pop());
    this.#keep();
    return true;
  }

  #keep() {
    const place = (span) => [span.omission ? 1 : 0, this.order.indexOf(nameOf(span.target)), span.segments?.[0]?.start ?? 0];
    this.spans.sort((a, b) => {
      const [one, two] = [place(a), place(b)];
      return a.omission && b.omission ? 0 : one[0] - two[0] || one[1] - two[1] || one[2] - two[2];
    });
    this.#written = this.input.value = this.spans.length ? JSON.stringify(sorted(this.spans)) : "";
    this.changed();
  }
}
