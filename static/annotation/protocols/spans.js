// Marks in the texts: selecting, saying what is wrong, the list of what was said.

import { Cursor } from "../marking/cursor.js";
import { rangeOf } from "../marking/draw.js";
import { Ledger } from "../marking/ledger.js";
import { ends, made, under, widen } from "../marking/made.js";
import { Omissions } from "../marking/omissions.js";
import { nameOf, Ontology } from "../marking/ontology.js";
import { shown } from "../marking/panel.js";
import { panesOf } from "../marking/panes.js";
import { add, drop, Proof } from "../marking/proof.js";
import { Sheet } from "../marking/sheet.js";
import { paint, row } from "../marking/view.js";

export const attach = (section, page) => new Spans(section, page).hooks();

class Spans {
  #section; #page; #ontology; #ledger; #none; #says; #panes; #cursor; #sheet; #proof; #omissions;
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
    this.#proof = new Proof(this.#panes, this.#part("choosing"));
    this.#ledger = new Ledger(this.#part("state"), this.#panes.map(({ name }) => name), () => this.#changed());
    this.#sheet = new Sheet(section, this.#ontology, {
      pick: (stage, key) => this.#pick(stage, key), write: (part, text) => this.#write(part, text), remove: () => this.#remove(this.#open),
      close: () => this.#close(true), prove: () => this.#choose(), disprove: (index) => { this.#ledger.change(() => drop(this.#open, index)); this.#show(); },
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
      keys: { mark: () => this.#enter(), sentence: () => this.#cursor.toSentence(), none: () => this.#sayNone(), unmark: () => this.#undo() },
      digit: (number) => this.#digit(number),
      missing: () => this.#missing(),
      refresh: () => { this.#read(); this.#list(); },
      words: (kept) => Ledger.read(kept.get(this.#part("state").name)).map((span) => `“${this.#ontology.quote(span)}” ${this.#ontology.about(span)}`),
    };
  }

  #wire(signal) {
    this.#part("undo-mark").addEventListener("click", () => this.#undo(), { signal });
    this.#none.addEventListener("change", () => {
      this.#close(false);
      if (!this.#ledger.spans.length) return;
      this.#none.checked = false;
      this.#page.say(this.#says.hasMarks);
    }, { signal });
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

  #sayNone() {
    if (this.#none.disabled) this.#page.say(this.#says.hasMarks);
    else this.#none.click();
  }

  #undo() {
    if (this.#frozen()) return;
    if (!this.#ledger.canUndo) return this.#page.say(this.#says.nothingToUndo);
    this.#close(false);
    this.#ledger.undo();
    this.#page.say(this.#says.undone);
  }

  #remove(span) {
    if (this.#frozen()) return;
    this.#close(false);
    this.#ledger.change((spans) => { spans.splice(spans.indexOf(span), 1); });
    this.#page.say(this.#says.deleted.replace("{quote}", this.#ontology.quote(span)));
  }

  // What is shown

  #paint() {
    paint(this.#panes, this.#ontology, this.#ledger.spans, { at: this.#cursor, here: this.#open ?? this.#choosing });
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
    const place = this.#panes.length > 1 ? this.#pane(nameOf(span.target))?.label : "";
    return row(this.#part("row"), this.#ontology, span, place, {
      jump: () => { this.#goTo(span); if (this.#cursor.pane) this.#cursor.enter(this.#cursor.pane); },
      edit: () => this.#edit(span, true),
      remove: () => { this.#remove(span); (this.#part("list").querySelector("button") ?? this.#part("undo-mark")).focus(); },
    });
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

  #under = () => under(this.#ledger.spans, this.#cursor);

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
    if (this.#frozen()) return;
    if (!span.category) {
      if (stage !== "type") return;
      document.getSelection().removeAllRanges();
      this.#open = made(key, this.#cursor, this.#ontology);
      this.#ledger.change((spans) => spans.push(this.#open));
    } else {
      this.#ledger.change(() => {
        span[{ type: "category", subtype: "subcategory", severity: "severity" }[stage]] = key;
        if (stage === "type") { delete span.subcategory; widen(span, this.#pane(nameOf(span.target)), this.#ontology); }
      });
    }
    const settled = this.#ontology.wants(this.#open) === "" && this.#way === "keys" && !this.#sheet.focused;
    if (!settled) return this.#show();
    const about = { quote: this.#ontology.quote(this.#open), about: this.#ontology.about(this.#open) };
    this.#page.say(this.#says.marked.replace("{quote}", about.quote).replace("{about}", about.about));
    this.#close(true);
  }

  #show() {
    const [pane, from, to] = this.#where(this.#open);
    const rect = () => shown(rangeOf(pane.root, from, to).getBoundingClientRect(), pane.box.getBoundingClientRect());
    this.#sheet.show(this.#open, { words: this.#cursor.text, rect, passages: this.#proof.possible });
  }

  #where(span) {
    const pane = this.#pane(nameOf(span.target));
    const place = ends(span, pane);
    return place ? [pane, ...place] : [this.#cursor.pane, this.#cursor.from, this.#cursor.to];
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
    if (!span?.category || this.#frozen()) return;
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
    this.#proof.over();
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
    this.#proof.ask(this.#cursor);
    this.#paint();
    this.#page.say(this.#proof.hint.textContent);
  }

  /** The sentence at the selection becomes evidence of the mark that asked for it. */
  #prove() {
    const one = this.#proof.at(this.#cursor);
    if (!one) return;
    this.#ledger.change(() => add(this.#choosing, one));
    this.#endChoosing();
  }

  #endChoosing() {
    const span = this.#choosing;
    this.#close(false);
    this.#edit(span, true);
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
