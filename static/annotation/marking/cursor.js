// Selecting words of a text by keyboard, mouse or touch. One selection at a time on the whole page.

import { rangeOf, unitAt, unitUnder } from "./draw.js";
import { characters, sentences, snap, toSentences, trim, words } from "./text.js";

const SETTLED_MS = 400;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** Whether the paragraph around `at` runs from right to left: its first letter says so. */
function rightToLeft(text, at) {
  const letter = /\p{L}/u.exec(text.slice(text.lastIndexOf("\n", Math.max(0, at - 1)) + 1));
  return letter !== null && RIGHT_TO_LEFT.test(letter[0]);
}

/**
 * `panes`: [{name, text, root, box, language}]; `box` takes the focus. `on`: {moved(way), chosen(way), opened(ids), entered(),
 * left(), open(), busy()}: `way` is "keys", "mouse" or "touch"; open(): a new mark is being made; busy(): nothing may change.
 */
export class Cursor {
  pane = null;
  from = 0;
  to = 0;
  #tail = [0, 0];
  #head = [0, 0];
  // The click at the end of a drag is none.
  #dragged = false;

  constructor(panes, on, signal) {
    this.panes = panes;
    this.on = on;
    for (const pane of panes) {
      pane.box.addEventListener("keydown", (event) => this.#key(pane, event), { signal });
      pane.root.addEventListener("click", (event) => this.#click(pane, event), { signal });
    }
    let settling;
    let touched = false;
    document.addEventListener("pointerdown", (event) => {
      clearTimeout(settling);
      touched = event.pointerType !== "mouse";
      this.#dragged = false;
    }, { signal, capture: true });
    // A drag ends with a click on what holds both its ends; outside of the window, with none.
    document.addEventListener("click", () => { if (!touched) this.#native("mouse"); }, { signal, capture: true });
    document.addEventListener("pointerup", (event) => {
      if (event.pointerType === "mouse") settling = setTimeout(() => this.#native("mouse"), SETTLED_MS);
    }, { signal });
    document.addEventListener("selectionchange", () => {
      clearTimeout(settling);
      if (touched) settling = setTimeout(() => this.#native("touch"), SETTLED_MS);
    }, { signal });
    signal.addEventListener("abort", () => clearTimeout(settling));
  }

  get text() { return this.pane ? this.pane.text.slice(this.from, this.to) : ""; }

  /** Selects [from, to] of a pane, as a whole: extending goes on from its ends. */
  set(pane, from, to) {
    this.pane = pane;
    this.#tail = this.#head = [this.from, this.to] = [from, to];
  }

  drop() { this.pane = null; }

  /** Into a text: to the word where the selection was, or to its first one. */
  enter(pane) {
    pane.box.focus({ preventScroll: true });
    if (this.pane !== pane) this.set(pane, ...(words(pane.text, pane.language)[0] ?? [0, 0]));
    this.reveal();
    this.on.moved("keys");
  }

  toSentence() {
    if (!this.pane) return false;
    this.set(this.pane, ...toSentences(this.pane.text, this.from, this.to, this.pane.language));
    this.reveal();
    this.on.chosen("keys");
    return true;
  }

  /** Scrolls to where the selection ends. */
  reveal() {
    const place = rangeOf(this.pane.root, this.from, this.to).startContainer.parentElement;
    place?.scrollIntoView({ block: "nearest" });
    const box = rangeOf(this.pane.root, ...this.#head).getBoundingClientRect();
    const frame = this.pane.box.getBoundingClientRect();
    if (box.top < frame.top || box.bottom > frame.bottom) this.pane.box.scrollTop += box.top - frame.top - frame.height / 3;
    if (box.top < 64 || box.bottom > innerHeight - 96) scrollBy(0, box.top - innerHeight / 3);
  }

  #step(by, stops, extend) {
    const next = extend ? this.#reached(by, stops) : this.#beside(by, stops);
    if (!next) return;
    this.#head = next;
    if (!extend) this.#tail = next;
    this.from = Math.min(this.#tail[0], this.#head[0]);
    this.to = Math.max(this.#tail[1], this.#head[1]);
    this.reveal();
    if (extend) this.on.chosen("keys");
    else this.on.moved("keys");
  }

  /** The next word or character; of another sentence its first word. */
  #beside(by, stops) {
    const { text, language } = this.pane;
    const list = stops(text, language);
    const next = by > 0 ? list.find(([from]) => from >= this.to) : list.findLast(([, to]) => to <= this.from);
    if (!next || stops !== sentences) return next;
    return words(text, language).find(([from]) => from >= next[0] && from < next[1]) ?? next;
  }

  /** How far the moving end goes: over the next word or character, or to the end of a sentence. */
  #reached(by, stops) {
    const [start, end] = this.#head;
    const list = stops(this.pane.text, this.pane.language);
    if (stops !== sentences) return by > 0 ? list.find(([from]) => from >= end) : list.findLast(([, to]) => to <= start);
    const next = by > 0 ? list.find(([, to]) => to > end) : list.findLast(([from]) => from < start);
    return next && (by > 0 ? [Math.max(start, next[0]), next[1]] : [next[0], Math.min(end, next[1])]);
  }

  #key(pane, event) {
    if (event.target !== pane.box || event.altKey || event.metaKey || pane.root.offsetParent === null || this.on.busy()) return;
    const taken = this.#act(pane, event);
    if (taken) event.preventDefault();
  }

  #act(pane, event) {
    const { key, shiftKey: extend, ctrlKey } = event;
    const leads = rightToLeft(pane.text, this.pane === pane ? this.from : 0) ? "ArrowLeft" : "ArrowRight";
    const by = { [leads]: 1, [leads === "ArrowRight" ? "ArrowLeft" : "ArrowRight"]: -1, ArrowDown: 1, ArrowUp: -1 }[key];
    if (by) {
      if (this.pane !== pane) { this.enter(pane); return true; }
      const stops = key === "ArrowDown" || key === "ArrowUp" ? sentences : ctrlKey ? characters : words;
      this.#step(by, stops, extend);
      return true;
    }
    if (ctrlKey || this.pane !== pane) return false;
    if (key === "Home" || key === "End") {
      const list = words(pane.text, pane.language);
      this.set(pane, ...(key === "Home" ? list[0] : list.at(-1)) ?? [0, 0]);
      this.reveal();
      this.on.moved("keys");
      return true;
    }
    if (key === "Enter") return this.on.entered();
    if (key === "Escape") return this.on.left();
    return false;
  }

  /** A press without a drag: a mark is opened, a word becomes the selection, or the selection grows to it. */
  #click(pane, event) {
    const way = event.pointerType === "mouse" ? "mouse" : "touch";
    if (this.on.busy() || this.#dragged || !document.getSelection().isCollapsed || (way === "mouse" && event.detail > 1)) return;
    const at = unitUnder(pane.root, event.clientX, event.clientY);
    const word = at === null ? null : words(pane.text, pane.language).find(([from, to]) => from <= at && at <= to);
    const ids = event.target.closest("[data-ids]")?.dataset.ids.split(" ");
    const grows = event.shiftKey || (way === "touch" && this.on.open());
    if (ids && !grows && this.on.opened(ids)) return;
    if (!word) return;
    pane.box.focus({ preventScroll: true });
    if (this.pane === pane && grows) {
      this.set(pane, Math.min(this.from, word[0]), Math.max(this.to, word[1]));
      this.on.chosen(way);
    } else {
      this.set(pane, ...word);
      if (way === "touch") this.on.chosen(way);
      else this.on.moved(way);
    }
  }

  /** What the browser itself has selected becomes the selection here. */
  #native(way) {
    const selected = document.getSelection();
    if (!selected.rangeCount || selected.isCollapsed || this.on.busy()) return;
    const range = selected.getRangeAt(0);
    const pane = this.panes.find(({ root }) => root.contains(selected.anchorNode)) ?? this.panes.find(({ root }) => root.contains(range.startContainer));
    if (!pane) return;
    const ends = [unitAt(pane.root, range.startContainer, range.startOffset), unitAt(pane.root, range.endContainer, range.endOffset)];
    const [from, to] = trim(pane.text, ...snap(pane.text, ...ends, pane.language));
    if (from >= to) return;
    this.set(pane, from, to);
    // A finger may still move the handles of the browser's own selection.
    if (way === "mouse") {
      this.#dragged = true;
      selected.removeAllRanges();
      pane.box.focus({ preventScroll: true });
    }
    this.on.chosen(way);
  }
}
