// A better text: the response that is edited fills the editor; what is changed is shown as it is written.

import { compare, words } from "../diff.js";
import { seen } from "../marking/text.js";

const SCRATCH = "new";
const IDLE_MS = 150;

/** The letter of the response that a choice prefers; empty where it prefers none. */
function preferred(input) {
  const asked = input.closest?.("[data-protocol]")?.dataset.protocol;
  if (asked === "best_of_n") return input.name.endsWith(".best") ? input.value : "";
  const [, point] = /^scale:(\d+)$/.exec(input.value) ?? [];
  if (asked !== "pairwise" || !point || /\.aspects\./.test(input.name)) return "";
  const middle = (Number(input.closest(".points").dataset.count) + 1) / 2;
  return Number(point) < middle ? "A" : Number(point) > middle ? "B" : "";
}

/** Appends text, within a `tag` where there is one; neighbours of one kind grow together. */
function put(place, tag, text) {
  if (!text) return;
  const last = place.lastChild;
  if (tag && last?.localName === tag) last.append(seen(text));
  else if (tag) {
    const made = document.createElement(tag);
    made.append(seen(text));
    place.append(made);
  } else place.append(seen(text));
}

export function attach(section, page) {
  const part = (name) => section.querySelector(`[data-${name}]`);
  const root = part("edit");
  const says = root.dataset;
  const cards = [...document.querySelectorAll("#work [data-letter]")];
  const texts = Object.fromEntries(cards.map((card) => [card.dataset.letter, card.querySelector("[data-raw]").textContent]));
  const editor = part("text");
  const unchanged = part("unchanged");
  const bases = [...section.querySelectorAll("input[type=radio]")];
  const base = () => bases.find((input) => input.checked)?.value ?? "";
  // A text box knows only LF.
  const lines = (text) => text.replace(/\r\n?/g, "\n");
  const original = () => lines(texts[base()] ?? "");
  const touched = () => editor.value.trim() !== "" && !Object.values(texts).some((text) => lines(text) === editor.value);
  let before = base();
  let drafts = {};
  let timer;

  /** Another base: its text fills the editor, unless something was written for it already. */
  function turn() {
    const now = base();
    if (now === before) return;
    if (before && touched()) drafts[before] = editor.value;
    editor.value = drafts[now] ?? original();
    before = now;
    page.changed();
    show();
  }

  function show() {
    const now = base();
    const fine = Boolean(unchanged?.checked);
    editor.disabled = fine || root.closest(".frozen") !== null;
    if (unchanged) unchanged.disabled = now === "" || now === SCRATCH || root.closest(".frozen") !== null;
    const edits = now !== "" && now !== SCRATCH && !fine;
    part("shown").hidden = !edits || editor.value === original();
    part("restore").hidden = !edits || editor.value === original();
    part("summary").textContent = "";
    if (!edits) return;
    if (editor.value === original()) { part("summary").textContent = says.same; return; }
    const [added, removed] = draw(original(), editor.value);
    part("summary").textContent = says.changed.replace("{added}", added).replace("{removed}", removed);
  }

  /** The new text with what is gone struck out in its place. Returns how many words were added and removed. */
  function draw(old, written) {
    const language = document.querySelector("#work [data-body]")?.lang ?? "";
    const [before, after] = [words(old, language), words(written, language)];
    const [gone, come] = compare(before.map(({ word }) => word), after.map(({ word }) => word));
    const place = part("diff");
    place.replaceChildren();
    let [a, b, done] = [0, 0, 0];
    while (a < before.length || b < after.length) {
      if (b < after.length) {
        put(place, "", written.slice(done, after[b].start));
        done = after[b].start;
      }
      const first = a;
      while (a < before.length && gone[a]) a += 1;
      if (a > first) {
        if (b >= after.length) put(place, "", " ");
        put(place, "del", old.slice(before[first].start, before[a - 1].end));
        if (b < after.length) put(place, "", " ");
      }
      if (b >= after.length) break;
      put(place, come[b] ? "ins" : "", written.slice(done, after[b].end));
      done = after[b].end;
      if (!come[b]) a += 1;
      b += 1;
    }
    put(place, "", written.slice(done));
    return [come.filter(Boolean).length, gone.filter(Boolean).length];
  }

  /** Where the better one is edited: the response that a comparison prefers, as long as nothing is written. */
  function follow({ target }) {
    const letter = says.base === "better" && !touched() ? preferred(target) : "";
    const input = bases.find(({ value }) => value === letter);
    if (!input || input.checked) return;
    input.checked = true;
    turn();
  }

  // "input" comes first and is what the page hears too; a digit only makes a "change".
  for (const input of bases) for (const kind of ["input", "change"]) input.addEventListener(kind, turn, { signal: page.signal });
  editor.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(show, IDLE_MS); }, { signal: page.signal });
  unchanged?.addEventListener("change", show, { signal: page.signal });
  part("restore").addEventListener("click", () => { editor.value = original(); page.changed(); show(); editor.focus(); }, { signal: page.signal });
  document.getElementById("work").addEventListener("change", follow, { signal: page.signal });
  page.signal.addEventListener("abort", () => clearTimeout(timer));
  // A base that was chosen before this script was there, or that is the only one.
  if (base() !== SCRATCH && editor.value === "" && !unchanged?.checked) editor.value = original();
  show();

  return {
    missing() {
      if (unchanged?.checked && base()) return [];
      if (base() === SCRATCH && !editor.value.trim()) return [{ name: says.wants, focus: () => editor.focus() }];
      if (base() && base() !== SCRATCH && (editor.value === original() || !editor.value.trim())) return [{ name: says.wants, focus: () => editor.focus() }];
      return [];
    },
    refresh() {
      // Filled in by a draft: what stands there is what belongs to its base.
      before = base();
      show();
    },
  };
}
