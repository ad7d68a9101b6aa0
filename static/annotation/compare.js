// Looking at two responses: word diff, raw or rendered, one or two columns, scrolling together, swiping on a phone.

import { compare, words } from "./diff.js";
import { mark, stretches, textOf, unmark } from "./marks.js";

const CHOICES = "prefloop:view";

function chosen() {
  try { return JSON.parse(localStorage.getItem(CHOICES)) ?? {}; } catch { return {}; }
}

/** Wires `section` (the pair of responses). Returns {toggle(name)} for "diff", "raw" and "column". */
export function pairView(section, say, signal) {
  const bodies = [...section.querySelectorAll("[data-body]")];
  // Marks are made on the raw text: where they are asked, it is what one begins with.
  const marking = document.querySelector("#work [data-root-of-marks]") ? { raw: true } : {};
  const state = { diff: false, raw: false, column: false, ...chosen(), ...marking };
  const buttons = new Map([...section.querySelectorAll("[data-view]")].map((button) => [button.dataset.view, button]));

  function show() {
    for (const [name, button] of buttons) button.setAttribute("aria-pressed", String(state[name]));
    section.classList.toggle("one-column", state.column);
    for (const part of section.querySelectorAll("[data-rendered]")) part.hidden = state.raw;
    for (const part of section.querySelectorAll("[data-raw]")) part.hidden = !state.raw;
    for (const body of bodies) unmark(body, "only");
    return state.diff && buttons.has("diff") ? markDifferences(section, bodies, state.raw, buttons.get("diff").dataset) : "";
  }

  function toggle(name) {
    if (!buttons.has(name)) return;
    state[name] = !state[name];
    try { localStorage.setItem(CHOICES, JSON.stringify({ ...chosen(), [name]: state[name] })); } catch { /* this page only */ }
    const found = show();
    const { on, off } = buttons.get(name).dataset;
    say(`${state[name] ? on : off} ${found}`);
  }

  for (const [name, button] of buttons) {
    button.hidden = false;
    button.addEventListener("click", () => toggle(name), { signal });
  }
  show();
  scrollTogether(bodies, () => state.column, signal);
  swipe(section, signal);
  remindOfPrompt(section, signal);
  return { toggle };
}

/** Marks the words that differ: of two responses both ways; of more, those of each that the one at hand has not. */
function markDifferences(section, bodies, raw, { same, differ }) {
  const letters = bodies.map((body) => body.closest("[data-letter]").dataset.letter);
  const roots = bodies.map((body) => body.querySelector(raw ? "[data-raw]" : "[data-rendered]"));
  const tokens = roots.map((root) => words(textOf(root), root.lang));
  const lists = tokens.map((list) => list.map(({ word }) => word));
  const focused = bodies.findIndex((body) => body.closest("[data-letter]").contains(document.activeElement));
  const base = Math.max(0, focused);
  const other = base === 0 ? 1 : 0;
  const pairs = lists.map((list) => compare(lists[base], list));
  roots.forEach((root, index) => {
    const only = index === base ? (lists.length === 2 ? pairs[other][0] : []) : pairs[index][1];
    mark(root, stretches(tokens[index], tokens[index].map((_, place) => Boolean(only[place]))), "only");
  });
  const count = (only) => only.filter(Boolean).length;
  const [a, b] = pairs[other].map(count);
  if (a + b === 0) return same;
  return differ.replace("{a}", a).replace("{b}", b).replace("{A}", letters[base]).replace("{B}", letters[other]);
}

function scrollTogether(bodies, apart, signal) {
  let led = null;
  for (const body of bodies) {
    body.addEventListener("scroll", () => {
      if (led === body) { led = null; return; }
      if (apart()) return;
      const room = body.scrollHeight - body.clientHeight;
      if (room <= 0) return;
      for (const other of bodies) {
        const target = Math.round((body.scrollTop / room) * (other.scrollHeight - other.clientHeight));
        // The other one answers with a scroll event of its own, which must not lead back.
        if (other !== body && Math.abs(other.scrollTop - target) > 1) { led = other; other.scrollTop = target; }
      }
    }, { signal, passive: true });
  }
}

function swipe(section, signal) {
  const lane = section.querySelector("[data-lane]");
  const links = [...section.querySelectorAll("[data-show]")];
  const cards = links.map((link) => document.getElementById(link.dataset.show));
  const mark = () => {
    const middle = lane.getBoundingClientRect().left + lane.clientWidth / 2;
    const shown = cards.findIndex((card) => { const box = card.getBoundingClientRect(); return box.left <= middle && middle < box.right; });
    links.forEach((link, index) => {
      if (index === shown) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  };
  links.forEach((link, index) => link.addEventListener("click", (event) => {
    event.preventDefault();
    const from = lane.getBoundingClientRect().left;
    lane.scrollBy({ left: cards[index].getBoundingClientRect().left - from });
  }, { signal }));
  lane.addEventListener("scroll", mark, { signal, passive: true });
  mark();
}

function remindOfPrompt(section, signal) {
  const line = section.querySelector("[data-prompt-line]");
  const prompt = document.querySelector("#work .asked");
  const watcher = new IntersectionObserver(([seen]) => { line.hidden = seen.isIntersecting || seen.boundingClientRect.top > 0; });
  watcher.observe(prompt);
  signal.addEventListener("abort", () => watcher.disconnect());
}
