// Marks in the texts. What is marked is kept as JSON in one hidden input, in the terms that the server reads.

import { Cursor } from "../marking/cursor.js";
import { draw, rangeOf } from "../marking/draw.js";
import { Omissions } from "../marking/omissions.js";
import { chips, Panel } from "../marking/panel.js";
import { panesOf } from "../marking/panes.js";
import { anchor, reach, toSentences } from "../marking/text.js";

const sorted = (value) => (Array.isArray(value) ? value.map(sorted) : value && typeof value === "object"
  ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])])) : value);
const nameOf = (target) => (target ? Object.entries(target)[0].join(":") : "");
const targetOf = (name) => {
  const [kind, which] = name.split(":");
  return { [kind]: kind === "response" ? which : Number(which) };
};

export function attach(section, page) {
  return new Spans(section, page).hooks();
}

class Spans {
  #section; #page; #setup; #input; #none; #says; #panes; #cursor; #panel; #omissions;
  #spans = []; #past = []; #open = null; #way = "keys"; #written = null; #choosing = null;

  constructor(section, page) {
    this.#section = section;
    this.#page = page;
    const root = this.#part("root");
    this.#says = root.dataset;
    this.#setup = JSON.parse(section.querySelector("script[type='application/json']").textContent);
    this.#input = this.#part("state");
    this.#none = this.#part("none");
    this.#panes = panesOf(section, this.#setup.targets);
    this.#panel = new Panel(this.#part("marker"), page.signal);
    this.#cursor = new Cursor(this.#panes, {
      moved: (way) => this.#moved(way), chosen: (way) => this.#chosen(way), opened: (ids) => this.#opened(ids),
      entered: () => this.#entered(), left: () => this.#left(), open: () => this.#open !== null && !this.#open.category,
      busy: () => root.closest(".frozen") !== null,
    }, page.signal);
    this.#omissions = new Omissions(section, this.#setup.categories, { change: (make) => this.#change(make) });
    this.#wire();
    this.#read();
    for (const part of section.querySelectorAll("[data-js]")) part.hidden = false;
  }

  #part = (name) => this.#section.querySelector(`[data-${name}]`);

  hooks() {
    return {
      keys: { mark: () => this.#enter(), sentence: () => this.#cursor.toSentence(), none: () => this.#none.click(), unmark: () => this.#undo() },
      digit: (number) => this.#digit(number),
      missing: () => this.#missing(),
      refresh: () => { if (this.#input.value !== this.#written) this.#read(); this.#list(); },
      words: (kept) => this.#words(kept.get(this.#input.name)),
    };
  }

  #wire() {
    const { signal } = this.#page;
    const panel = this.#panel.element;
    panel.addEventListener("keydown", (event) => this.#panelKey(event), { signal });
    this.#part("done").addEventListener("click", () => this.#close(true), { signal });
    this.#part("delete").addEventListener("click", () => this.#remove(this.#open), { signal });
    this.#part("undo-mark").addEventListener("click", () => this.#undo(), { signal });
    this.#part("evidence-add")?.addEventListener("click", () => this.#choose(), { signal });
    for (const part of ["comment", "correction"]) {
      this.#part(part)?.addEventListener("input", (event) => this.#write(part, event.target.value), { signal });
    }
    this.#none.addEventListener("change", () => this.#close(false), { signal });
    document.addEventListener("pointerdown", (event) => {
      if (this.#panel.open && !panel.contains(event.target) && !this.#panes.some(({ box }) => box.contains(event.target))) this.#close(false);
    }, { signal });
    for (const pane of this.#panes) {
      // Digits belong to the text at hand, whatever else the page asks.
      pane.box.addEventListener("keydown", (event) => {
        if (event.target !== pane.box || event.ctrlKey || event.altKey || event.metaKey) return;
        if (/^[1-9]$/.test(event.key) && this.#digit(Number(event.key))) event.preventDefault();
        if (event.key === "Delete" && this.#under().length) { event.preventDefault(); this.#remove(this.#under()[0]); }
      }, { signal });
    }
  }

  // What is kept

  #read() {
    let found;
    try { found = JSON.parse(this.#input.value || "[]"); } catch { found = []; }
    this.#spans = Array.isArray(found) ? found : [];
    this.#written = this.#input.value;
    this.#open = null;
    this.#panel.hide();
    this.#show();
  }

  /** Every change goes through here; the state before it can be had back. */
  #change(make, { again = false } = {}) {
    if (!again) this.#past.push(JSON.stringify(this.#spans));
    make(this.#spans);
    this.#spans = this.#spans.filter((span) => span !== null);
    this.#keep();
  }

  #keep() {
    const order = this.#panes.map(({ name }) => name);
    const place = (span) => [span.omission ? 1 : 0, order.indexOf(nameOf(span.target)), span.segments?.[0]?.start ?? 0];
    this.#spans.sort((a, b) => {
      const [one, two] = [place(a), place(b)];
      return one[0] - two[0] || one[1] - two[1] || one[2] - two[2];
    });
    this.#written = this.#input.value = this.#spans.length ? JSON.stringify(sorted(this.#spans)) : "";
    if (this.#spans.length) this.#none.checked = false;
    this.#show();
    this.#page.changed();
  }

  #undo() {
    const before = this.#past.pop();
    if (before === undefined) return this.#page.say(this.#says.nothingToUndo);
    this.#close(false);
    this.#spans = JSON.parse(before);
    this.#keep();
    this.#page.say(this.#says.undone);
  }

  // Drawing

  #show() {
    for (const pane of this.#panes) draw(pane.root, this.#layers(pane));
    this.#list();
  }

  #layers(pane) {
    const layers = [];
    this.#spans.forEach((span, id) => {
      const category = this.#setup.categories.find(({ key }) => key === span.category);
      const here = span === this.#open ? "now" : "";
      if (nameOf(span.target) === pane.name) {
        for (const segment of span.segments ?? []) {
          const [from, to] = reach(pane.text, segment);
          layers.push({ from, to, id, color: category?.color ?? 8, letter: category?.letter ?? "?", kind: here });
        }
      }
      for (const one of here ? span.evidence ?? [] : []) {
        const [from, to] = reach(pane.text, one);
        if (pane.name === `context:${one.context}`) layers.push({ from, to, kind: "proof" });
      }
    });
    if (this.#cursor?.pane === pane) layers.push({ from: this.#cursor.from, to: this.#cursor.to, kind: "at" });
    return layers;
  }

  #list() {
    const list = this.#part("list");
    const marked = this.#spans.filter((span) => !span.omission);
    list.replaceChildren(...marked.map((span) => this.#row(span)));
    this.#part("empty").hidden = marked.length > 0 || this.#none.checked;
    this.#part("undo-mark").disabled = this.#past.length === 0;
    this.#none.disabled = this.#spans.length > 0 || this.#section.closest(".frozen") !== null;
    this.#omissions?.show(this.#spans);
  }

  #row(span) {
    const row = this.#part("row").content.firstElementChild.cloneNode(true);
    const category = this.#setup.categories.find(({ key }) => key === span.category);
    const letter = row.querySelector("b");
    letter.textContent = category?.letter ?? "?";
    letter.style.setProperty("--u0", `var(--mk-${category?.color ?? 8})`);
    const [jump, edit, remove] = row.querySelectorAll("button");
    jump.textContent = this.#quote(span);
    row.querySelector("[data-about]").textContent = this.#about(span);
    row.classList.toggle("wanting", this.#wants(span) !== "");
    for (const button of [edit, remove]) button.setAttribute("aria-label", `${button.textContent}: ${this.#quote(span)}`);
    jump.addEventListener("click", () => this.#jump(span));
    edit.addEventListener("click", () => this.#edit(span, true));
    remove.addEventListener("click", () => { this.#remove(span); (this.#part("list").querySelector("button") ?? this.#part("undo-mark")).focus(); });
    return row;
  }

  #quote = (span) => (span.quote?.trim() ? (span.quote.length > 80 ? `${span.quote.slice(0, 79)}…` : span.quote) : this.#says.point);

  #about(span) {
    const category = this.#setup.categories.find(({ key }) => key === span.category);
    const subcategory = category?.subcategories.find(({ key }) => key === span.subcategory);
    const severity = this.#setup.severities.find(({ key }) => key === span.severity);
    const place = this.#panes.length > 1 ? this.#panes.find(({ name }) => name === nameOf(span.target))?.label : "";
    return [category?.name ?? span.category, subcategory?.name, severity?.name, place, span.comment].filter(Boolean).join(" · ");
  }

  #words(kept) {
    let found = [];
    try { found = JSON.parse(kept || "[]"); } catch { /* what cannot be read has no words */ }
    return found.map((span) => `“${span.omission ? this.#says.missingWord : this.#quote(span)}” ${this.#about(span)}`);
  }

  // Selecting

  #moved(way) {
    this.#way = way;
    if (this.#choosing) {
      if (way !== "keys") return this.#prove();
      this.#show();
      return this.#page.say(this.#cursor.text);
    }
    this.#close(false);
    this.#show();
    this.#page.say(this.#cursor.text);
  }

  #chosen(way) {
    this.#way = way;
    if (this.#choosing) return this.#prove();
    this.#stopEditing();
    if (way !== "touch" || document.getSelection().isCollapsed) this.#show();
    this.#open = {};
    this.#panelFor();
    this.#page.say(this.#cursor.text);
  }

  #opened(ids) {
    const span = this.#spans[Number(ids[0])];
    if (this.#choosing || !span) return false;
    this.#edit(span, false);
    return true;
  }

  /** The marks that the selection lies in, the shortest first. */
  #under() {
    const { pane, from, to } = this.#cursor;
    if (!pane) return [];
    const holds = (span) => nameOf(span.target) === pane.name && (span.segments ?? []).some((segment) => {
      const [start, end] = reach(pane.text, segment);
      return start <= from && end >= to;
    });
    return this.#spans.filter(holds).sort((a, b) => a.quote.length - b.quote.length);
  }

  #entered() {
    if (this.#choosing) { this.#prove(); return true; }
    if (this.#panel.open) { this.#panel.element.querySelector("button, textarea").focus(); return true; }
    const [mine] = this.#under();
    if (mine) this.#edit(mine, true);
    else this.#chosen("keys");
    return true;
  }

  #left() {
    if (this.#choosing) { this.#endChoosing(); return true; }
    if (this.#panel.open) { this.#close(true); return true; }
    if (!this.#cursor.pane) return false;
    this.#cursor.drop();
    this.#show();
    return true;
  }

  #enter() {
    const here = this.#panes.findIndex(({ box }) => box === document.activeElement);
    const pane = here >= 0 ? this.#panes[(here + 1) % this.#panes.length] : this.#cursor.pane ?? this.#panes[0];
    if (!pane) return;
    pane.reveal?.();
    this.#cursor.enter(pane);
  }

  #jump(span) {
    const pane = this.#panes.find(({ name }) => name === nameOf(span.target));
    if (!pane) return;
    pane.reveal?.();
    const spots = (span.segments ?? []).map((segment) => reach(pane.text, segment));
    this.#cursor.set(pane, spots[0]?.[0] ?? 0, spots[0]?.[1] ?? 0);
    this.#cursor.enter(pane);
  }

  // The panel

  #digit(number) {
    if (this.#choosing || !this.#cursor.pane) return false;
    if (!this.#open) this.#open = this.#way === "keys" ? {} : null;
    if (!this.#open) return false;
    const button = this.#part(this.#stage())?.querySelectorAll("button")[number - 1];
    if (button) this.#pick(this.#stage(), button.dataset.value);
    else this.#panelFor();
    return true;
  }

  /** What is asked of the open mark now: type, subtype, severity, then again. */
  #stage() {
    const category = this.#category();
    if (!category) return "type";
    if (category.subcategories.length && !this.#open.subcategory) return "subtype";
    if (this.#setup.severity !== "off" && !this.#open.severity) return "severity";
    return this.#open.fresh && this.#setup.severity !== "off" ? "severity" : "type";
  }

  #category = () => this.#setup.categories.find(({ key }) => key === this.#open?.category);

  #pick(stage, value) {
    const key = { type: "category", subtype: "subcategory", severity: "severity" }[stage];
    if (!this.#open.category) {
      if (stage !== "type") return;
      this.#change((spans) => { this.#open = this.#made(value); spans.push(this.#open); });
    } else {
      this.#change(() => {
        this.#open[key] = value;
        if (key === "category") { delete this.#open.subcategory; this.#widen(this.#open); }
      });
    }
    if (this.#wants(this.#open) || this.#way !== "keys" || this.#panel.element.contains(document.activeElement)) return this.#panelFor();
    this.#page.say(this.#says.marked.replace("{quote}", this.#quote(this.#open)).replace("{about}", this.#about(this.#open)));
    this.#close(true);
  }

  #made(category) {
    const { pane, from, to } = this.#cursor;
    document.getSelection().removeAllRanges();
    const span = { category, target: targetOf(pane.name), ...this.#placed(pane, from, to) };
    this.#widen(span);
    // Not enumerable: it says that the mark is being made, and is no part of the answer.
    Object.defineProperty(span, "fresh", { value: true });
    return span;
  }

  #placed(pane, from, to) {
    const { start, end, quote } = anchor(pane.text, from, to);
    return { segments: [{ start, end }], quote };
  }

  /** A type of sentences marks whole sentences, a type of responses the whole text. */
  #widen(span) {
    const category = this.#setup.categories.find(({ key }) => key === span.category);
    const pane = this.#panes.find(({ name }) => name === nameOf(span.target));
    if (!pane || span.segments.length > 1 || category.granularity === "sub-sentence") return;
    const [from, to] = reach(pane.text, span.segments[0]);
    const whole = category.granularity === "response";
    Object.assign(span, this.#placed(pane, ...(whole ? [0, pane.text.length] : toSentences(pane.text, from, to, pane.language))));
  }

  /** What the open mark still wants, as it is called; empty where nothing. */
  #wants(span) {
    const category = this.#setup.categories.find(({ key }) => key === span.category);
    if (!category) return this.#says.wantsType;
    if (category.subcategories.length && !span.subcategory && !span.omission) return this.#says.wantsType;
    if (this.#setup.severity === "required" && !span.severity) return this.#says.wantsSeverity;
    if (this.#setup.note === "required" && !span.comment?.trim()) return this.#says.wantsNote;
    if (this.#setup.correction === "required" && !span.omission && !span.correction?.trim()) return this.#says.wantsCorrection;
    return "";
  }

  #panelFor() {
    const span = this.#open;
    const saved = Boolean(span.category);
    const category = this.#category();
    this.#part("quoted").textContent = saved ? this.#quote(span) : this.#cursor.text.slice(0, 80);
    this.#group("type", this.#setup.categories, span.category);
    this.#group("subtype", category?.subcategories ?? [], span.subcategory);
    this.#group("severity", saved && this.#setup.severity !== "off" ? this.#setup.severities : [], span.severity);
    for (const part of ["comment", "correction"]) {
      const box = this.#part(part);
      if (!box) continue;
      box.closest("label").hidden = !saved;
      if (document.activeElement !== box) box.value = span[part] ?? "";
    }
    this.#evidence(span, saved);
    this.#part("delete").hidden = !saved;
    this.#part("done").hidden = !saved;
    const [pane, from, to] = this.#where(span);
    this.#panel.show(() => rangeOf(pane.root, from, to).getBoundingClientRect());
  }

  #where(span) {
    const pane = this.#panes.find(({ name }) => name === nameOf(span.target));
    if (!pane || !span.segments?.length) return [this.#cursor.pane, this.#cursor.from, this.#cursor.to];
    const ends = span.segments.map((segment) => reach(pane.text, segment));
    return [pane, ends[0][0], ends.at(-1)[1]];
  }

  #group(stage, choices, chosen) {
    const place = this.#part(stage);
    const had = place.contains(document.activeElement);
    place.closest("[role=group]").hidden = choices.length === 0;
    chips(place, choices, chosen, (value) => this.#pick(stage, value));
    if (had) (place.querySelector("[aria-pressed=true]") ?? place.querySelector("button"))?.focus();
  }

  #panelKey(event) {
    if (event.key === "Escape") { event.preventDefault(); return this.#close(true); }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); return this.#close(true); }
    if (event.target.matches("textarea") || !/^[1-9]$/.test(event.key)) return;
    const button = this.#part(this.#stage()).querySelectorAll("button")[Number(event.key) - 1];
    if (button) { event.preventDefault(); button.focus(); button.click(); }
  }

  #edit(span, byKeys) {
    this.#jumpTo(span);
    this.#stopEditing();
    this.#open = span;
    this.#show();
    this.#panelFor();
    if (byKeys) this.#panel.element.querySelector("[aria-pressed=true], button").focus();
  }

  #jumpTo(span) {
    const [pane, from, to] = this.#where(span);
    if (!pane) return;
    pane.reveal?.();
    this.#cursor.set(pane, from, to);
    rangeOf(pane.root, from, to).startContainer.parentElement?.scrollIntoView({ block: "nearest" });
  }

  #write(part, text) {
    if (!this.#open?.category) return;
    this.#change(() => {
      if (text.trim()) this.#open[part] = text;
      else delete this.#open[part];
    }, { again: this.#open.touched === part });
    Object.defineProperty(this.#open, "touched", { value: part, writable: true });
  }

  #remove(span) {
    const quote = this.#quote(span);
    this.#close(false);
    this.#change((spans) => { spans.splice(spans.indexOf(span), 1); });
    this.#page.say(this.#says.deleted.replace("{quote}", quote));
  }

  #stopEditing() {
    this.#open = null;
    this.#choosing = null;
    this.#part("choosing").hidden = true;
  }

  /** Closes the panel. `back`: the focus returns to the text. A mark that lacks something stays, and is asked for. */
  #close(back) {
    const was = this.#open;
    this.#stopEditing();
    this.#panel.hide();
    if (!was) return;
    if (back) this.#cursor.pane?.box.focus({ preventScroll: true });
    this.#show();
  }

  // Evidence

  #evidence(span, saved) {
    const place = this.#part("evidence");
    if (!place) return;
    place.hidden = !saved || !this.#panes.some(({ name }) => name.startsWith("context:"));
    this.#part("evidence-list").replaceChildren(...(span.evidence ?? []).map((one, index) => {
      const row = this.#part("evidence-row").content.firstElementChild.cloneNode(true);
      row.querySelector("span").textContent = one.quote;
      row.querySelector("button").addEventListener("click", () => {
        this.#change(() => { span.evidence.splice(index, 1); if (!span.evidence.length) delete span.evidence; });
        this.#panelFor();
      });
      return row;
    }));
  }

  #choose() {
    this.#choosing = this.#open;
    this.#panel.hide();
    const pane = this.#panes.find(({ name }) => name.startsWith("context:"));
    for (const one of this.#panes) if (one.name.startsWith("context:")) one.reveal?.();
    this.#part("choosing").hidden = false;
    pane.root.scrollIntoView({ block: "nearest" });
    pane.box.focus();
    this.#cursor.drop();
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
    if (!known) this.#change(() => { span.evidence = [...(span.evidence ?? []), one]; });
    this.#endChoosing();
  }

  #endChoosing() {
    const span = this.#choosing;
    this.#edit(span, true);
  }

  // What is still to be done

  #missing() {
    const wanting = this.#spans.filter((span) => this.#wants(span)).map((span) => ({
      name: this.#says.wanting.replace("{what}", this.#wants(span)).replace("{quote}", span.omission ? this.#says.missingWord : this.#quote(span)),
      focus: () => (span.omission ? this.#omissions.focus(this.#spans.filter((one) => one.omission).indexOf(span)) : this.#edit(span, true)),
    }));
    if (this.#spans.length || this.#none.checked || this.#says.requiredMarks === undefined) return wanting;
    return [{ name: this.#says.requiredMarks, focus: () => this.#enter() }];
  }
}
