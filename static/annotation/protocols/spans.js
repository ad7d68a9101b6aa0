// Marks in the texts: selecting, saying what is wrong, the list of what was said.

import { Cursor } from "../marking/cursor.js";
import { draw, rangeOf } from "../marking/draw.js";
import { Ledger } from "../marking/ledger.js";
import { Omissions } from "../marking/omissions.js";
import { nameOf, Ontology } from "../marking/ontology.js";
import { panesOf } from "../marking/panes.js";
import { Sheet } from "../marking/sheet.js";
import { anchor, reach, toSentences } from "../marking/text.js";

const UNKNOWN = { letter: "?", color: 8 };
const targetOf = (name) => {
  const [kind, which] = name.split(":");
  return { [kind]: kind === "response" ? which : Number(which) };
};

export const attach = (section, page) => new Spans(section, page).hooks();

class Spans {
  #section; #page; #ontology; #ledger; #none; #says; #panes; #cursor; #sheet; #omissions;
  // The mark in the panel: null, {} for one that is not made yet, else one of the ledger. #choosing: the mark that wants evidence.
  #open = null; #choosing = null; #way = "keys";

  constructor(section, page) {
    this.#section = section;
    this.#page = page;
    this.#says = this.#part("root").dataset;
    const setup = JSON.parse(section.querySelector("script[type='application/json']").textContent);
    this.#ontology = new Ontology(setup, this.#says);
    this.#none = this.#part("none");
    this.#panes = panesOf(section, setup.targets);
    this.#ledger = new Ledger(this.#part("state"), this.#panes.map(({ name }) => name), () => this.#changed());
    this.#sheet = new Sheet(section, this.#ontology, {
      pick: (stage, key) => this.#pick(stage, key), write: (part, text) => this.#write(part, text), remove: () => this.#remove(this.#open),
      close: () => this.#close(true), prove: () => this.#choose(), disprove: (index) => this.#disprove(index),
    }, page.signal);
    this.#cursor = new Cursor(this.#panes, {
      moved: (way) => this.#moved(way), chosen: (way) => this.#chosen(way), opened: (ids) => this.#opened(ids),
      entered: () => this.#entered(), left: () => this.#left(), open: () => this.#open !== null && !this.#open.category,
      busy: () => this.#frozen(),
    }, page.signal);
    this.#omissions = new Omissions(section, setup.categories, { change: (make) => this.#ledger.change(make) });
    this.#wire(page.signal);
    this.#read();
    for (const part of section.querySelectorAll("[data-js]")) part.hidden = false;
  }

  #part = (name) => this.#section.querySelector(`[data-${name}]`);
  #frozen = () => this.#section.closest(".frozen") !== null;
  #pane = (name) => this.#panes.find((pane) => pane.name === name);

  hooks() {
    return {
      keys: { mark: () => this.#enter(), sentence: () => this.#cursor.toSentence(), none: () => this.#none.click(), unmark: () => this.#undo() },
      digit: (number) => this.#digit(number),
      missing: () => this.#missing(),
      refresh: () => { this.#read(); this.#list(); },
      words: (kept) => Ledger.read(kept.get(this.#part("state").name)).map((span) => `“${this.#ontology.quote(span)}” ${this.#ontology.about(span)}`),
    };
  }

  #wire(signal) {
    this.#part("undo-mark").addEventListener("click", () => this.#undo(), { signal });
    this.#none.addEventListener("change", () => this.#close(false), { signal });
    document.addEventListener("pointerdown", ({ target }) => {
      if (this.#sheet.open && !this.#sheet.holds(target) && !this.#panes.some(({ box }) => box.contains(target))) this.#close(false);
    }, { signal });
    for (const pane of this.#panes) {
      // Digits belong to the text at hand, whatever else the page asks.
      pane.box.addEventListener("keydown", (event) => {
        if (event.target !== pane.box || event.ctrlKey || event.altKey || event.metaKey || this.#frozen()) return;
        if (/^[1-9]$/.test(event.key) && this.#digit(Number(event.key))) event.preventDefault();
        if (event.key === "Delete" && this.#under().length) { event.preventDefault(); this.#remove(this.#under()[0]); }
      }, { signal });
    }
  }

  // What is kept

  #read() {
    if (!this.#ledger.read()) return;
    this.#close(false);
    this.#paint();
    this.#list();
  }

  #changed() {
    if (this.#ledger.spans.length) this.#none.checked = false;
    this.#paint();
    this.#list();
    this.#page.changed();
  }

  #undo() {
    if (!this.#ledger.canUndo) return this.#page.say(this.#says.nothingToUndo);
    this.#close(false);
    this.#ledger.undo();
    this.#page.say(this.#says.undone);
  }

  #remove(span) {
    this.#close(false);
    this.#ledger.change((spans) => { spans.splice(spans.indexOf(span), 1); });
    this.#page.say(this.#says.deleted.replace("{quote}", this.#ontology.quote(span)));
  }

  // What is shown

  #paint() {
    for (const pane of this.#panes) draw(pane.root, this.#layers(pane));
  }

  #layers(pane) {
    const layers = [];
    this.#ledger.spans.forEach((span, id) => {
      const { color, letter } = this.#ontology.category(span) ?? UNKNOWN;
      const kind = span === this.#open ? "now" : "";
      const own = nameOf(span.target) === pane.name ? span.segments ?? [] : [];
      const proof = kind || span === this.#choosing ? span.evidence ?? [] : [];
      layers.push(...own.map((segment) => ({ ...this.#stretch(pane, segment), id, color, letter, kind })));
      layers.push(...proof.filter(({ context }) => pane.name === `context:${context}`).map((one) => ({ ...this.#stretch(pane, one), kind: "proof" })));
    });
    const { pane: here, from, to } = this.#cursor;
    return here === pane ? [...layers, { from, to, kind: "at" }] : layers;
  }

  #stretch(pane, segment) {
    const [from, to] = reach(pane.text, segment);
    return { from, to };
  }

  #list() {
    const { spans, canUndo } = this.#ledger;
    const marked = spans.filter((span) => !span.omission);
    this.#part("list").replaceChildren(...marked.map((span) => this.#row(span)));
    this.#part("empty").hidden = marked.length > 0 || this.#none.checked;
    this.#part("undo-mark").disabled = !canUndo;
    this.#none.disabled = spans.length > 0 || this.#frozen();
    this.#omissions.show(spans);
  }

  #row(span) {
    const row = this.#part("row").content.firstElementChild.cloneNode(true);
    const { color, letter } = this.#ontology.category(span) ?? UNKNOWN;
    const sign = row.querySelector("b");
    sign.textContent = letter;
    sign.style.setProperty("--u0", `var(--mk-${color})`);
    const place = this.#panes.length > 1 ? this.#pane(nameOf(span.target))?.label : "";
    row.querySelector("[data-about]").textContent = this.#ontology.about(span, place);
    row.classList.toggle("wanting", this.#ontology.wants(span) !== "");
    const quote = this.#ontology.quote(span);
    const [jump, edit, remove] = row.querySelectorAll("button");
    for (const button of [edit, remove]) button.setAttribute("aria-label", `${button.textContent}: ${quote}`);
    jump.textContent = quote;
    jump.addEventListener("click", () => { this.#goTo(span); this.#cursor.enter(this.#cursor.pane); });
    edit.addEventListener("click", () => this.#edit(span, true));
    remove.addEventListener("click", () => { this.#remove(span); (this.#part("list").querySelector("button") ?? this.#part("undo-mark")).focus(); });
    return row;
  }

  // Selecting

  #moved(way) {
    this.#way = way;
    if (this.#choosing && way !== "keys") return this.#prove();
    if (!this.#choosing) this.#close(false);
    this.#paint();
    this.#page.say(this.#cursor.text);
  }

  #chosen(way) {
    this.#way = way;
    if (this.#choosing) return this.#prove();
    this.#open = {};
    // A finger may still be at the handles of the browser's own selection.
    if (way !== "touch" || document.getSelection().isCollapsed) this.#paint();
    this.#show();
    this.#page.say(this.#cursor.text);
  }

  #opened(ids) {
    const span = this.#ledger.spans[Number(ids[0])];
    if (this.#choosing || !span) return false;
    this.#way = "mouse";
    this.#edit(span, false);
    return true;
  }

  /** The marks that the selection lies in, the shortest first. */
  #under() {
    const { pane, from, to } = this.#cursor;
    const holds = (span) => nameOf(span.target) === pane?.name && (span.segments ?? []).some((segment) => {
      const [start, end] = reach(pane.text, segment);
      return start <= from && end >= to;
    });
    return this.#ledger.spans.filter(holds).sort((a, b) => a.quote.length - b.quote.length);
  }

  #entered() {
    const [mine] = this.#under();
    if (this.#choosing) this.#prove();
    else if (this.#sheet.open) this.#sheet.focus();
    else if (mine) this.#edit(mine, true);
    else this.#chosen("keys");
    return true;
  }

  #left() {
    if (this.#choosing) this.#endChoosing();
    else if (this.#sheet.open) this.#close(true);
    else if (!this.#cursor.pane) return false;
    else { this.#cursor.drop(); this.#paint(); }
    return true;
  }

  /** Into the text; from one text into the next. */
  #enter() {
    const here = this.#panes.findIndex(({ box }) => box === document.activeElement);
    const pane = here >= 0 ? this.#panes[(here + 1) % this.#panes.length] : this.#cursor.pane ?? this.#panes[0];
    pane?.reveal?.();
    if (pane) this.#cursor.enter(pane);
  }

  // The mark at hand

  #digit(number) {
    if (this.#choosing || !this.#cursor.pane) return false;
    if (!this.#open && this.#way !== "keys") return false;
    this.#open ??= {};
    const stage = this.#ontology.stage(this.#open);
    const choice = this.#ontology.choices(stage, this.#open)[number - 1];
    if (choice) this.#pick(stage, choice.key);
    else this.#show();
    return true;
  }

  #pick(stage, key) {
    const span = this.#open;
    if (!span.category) {
      if (stage !== "type") return;
      this.#open = this.#made(key);
      this.#ledger.change((spans) => spans.push(this.#open));
    } else {
      this.#ledger.change(() => {
        span[{ type: "category", subtype: "subcategory", severity: "severity" }[stage]] = key;
        if (stage === "type") { delete span.subcategory; this.#widen(span); }
      });
    }
    const settled = this.#ontology.wants(this.#open) === "" && this.#way === "keys" && !this.#sheet.focused;
    if (!settled) return this.#show();
    const about = { quote: this.#ontology.quote(this.#open), about: this.#ontology.about(this.#open) };
    this.#page.say(this.#says.marked.replace("{quote}", about.quote).replace("{about}", about.about));
    this.#close(true);
  }

  #made(category) {
    const { pane, from, to } = this.#cursor;
    document.getSelection().removeAllRanges();
    const span = { category, target: targetOf(pane.name), ...this.#placed(pane, from, to) };
    this.#widen(span);
    // Not enumerable: it says that the mark is being made, and is no part of the answer.
    return Object.defineProperty(span, "fresh", { value: true });
  }

  #placed(pane, from, to) {
    const { start, end, quote } = anchor(pane.text, from, to);
    return { segments: [{ start, end }], quote };
  }

  /** A type of sentences marks whole sentences, a type of responses the whole text. */
  #widen(span) {
    const pane = this.#pane(nameOf(span.target));
    const { granularity } = this.#ontology.category(span);
    if (!pane || span.segments.length > 1 || granularity === "sub-sentence") return;
    const ends = granularity === "response" ? [0, pane.text.length] : toSentences(pane.text, ...reach(pane.text, span.segments[0]), pane.language);
    Object.assign(span, this.#placed(pane, ...ends), span.granularity ? { granularity } : {});
  }

  #show() {
    const [pane, from, to] = this.#where(this.#open);
    const rect = () => rangeOf(pane.root, from, to).getBoundingClientRect();
    this.#sheet.show(this.#open, { words: this.#cursor.text, rect, passages: this.#panes.some(({ name }) => name.startsWith("context:")) });
  }

  #where(span) {
    const pane = this.#pane(nameOf(span.target));
    if (!pane || !span.segments?.length) return [this.#cursor.pane, this.#cursor.from, this.#cursor.to];
    const ends = span.segments.map((segment) => reach(pane.text, segment));
    return [pane, ends[0][0], ends.at(-1)[1]];
  }

  #goTo(span) {
    const [pane, from, to] = this.#where(span);
    pane?.reveal?.();
    if (pane) this.#cursor.set(pane, from, to);
  }

  #edit(span, byKeys) {
    this.#goTo(span);
    if (!this.#cursor.pane) return;
    this.#open = span;
    this.#paint();
    this.#cursor.reveal();
    this.#show();
    if (byKeys) this.#sheet.focus();
  }

  #write(part, text) {
    const span = this.#open;
    if (!span?.category) return;
    const again = span.touched === part;
    Object.defineProperty(span, "touched", { value: part, writable: true, configurable: true });
    this.#ledger.change(() => {
      if (text.trim()) span[part] = text;
      else delete span[part];
    }, { again });
  }

  /** Closes the panel. `back`: the focus returns to the text. A mark that lacks something stays, and is asked for. */
  #close(back) {
    const was = this.#open ?? this.#choosing;
    this.#open = this.#choosing = null;
    this.#part("choosing").hidden = true;
    this.#sheet.hide();
    if (!was) return;
    if (back) this.#cursor.pane?.box.focus({ preventScroll: true });
    // The list stays as it is: it may be what is being pressed.
    this.#paint();
  }

  // Evidence

  #choose() {
    this.#choosing = this.#open;
    this.#open = null;
    this.#sheet.hide();
    const passages = this.#panes.filter(({ name }) => name.startsWith("context:"));
    for (const pane of passages) pane.reveal?.();
    this.#part("choosing").hidden = false;
    passages[0].root.scrollIntoView({ block: "nearest" });
    passages[0].box.focus();
    this.#cursor.drop();
    this.#paint();
    this.#page.say(this.#part("choosing").textContent);
  }

  /** The sentence at the selection becomes evidence of the mark that asked for it. */
  #prove() {
    const { pane, from, to } = this.#cursor;
    const span = this.#choosing;
    if (!pane?.name.startsWith("context:")) return;
    const context = Number(pane.name.split(":")[1]);
    const one = { context, ...anchor(pane.text, ...toSentences(pane.text, from, to, pane.language)) };
    const known = (span.evidence ?? []).some((other) => other.context === context && other.start === one.start && other.end === one.end);
    if (!known) this.#ledger.change(() => { span.evidence = [...(span.evidence ?? []), one]; });
    this.#endChoosing();
  }

  #endChoosing() {
    const span = this.#choosing;
    this.#close(false);
    this.#edit(span, true);
  }

  #disprove(index) {
    const span = this.#open;
    this.#ledger.change(() => {
      span.evidence.splice(index, 1);
      if (!span.evidence.length) delete span.evidence;
    });
    this.#show();
  }

  // What is still to be done

  #missing() {
    const omitted = this.#ledger.spans.filter((span) => span.omission);
    const wanting = this.#ledger.spans.filter((span) => this.#ontology.wants(span)).map((span) => ({
      name: this.#ontology.missing(span),
      focus: () => (span.omission ? this.#omissions.focus(omitted.indexOf(span)) : this.#edit(span, true)),
    }));
    if (this.#ledger.spans.length || this.#none.checked || this.#says.requiredMarks === undefined) return wanting;
    return [{ name: this.#says.requiredMarks, focus: () => this.#enter() }];
  }
}
