// How marks are shown: lines under the words of every text, and the list of them.

import { draw } from "./draw.js";
import { nameOf } from "./ontology.js";
import { reach } from "./text.js";

const UNKNOWN = { letter: "?", color: 8 };

const stretch = (pane, segment) => {
  const [from, to] = reach(pane.text, segment);
  return { from, to };
};

/** Draws `spans` and the selection `at` ({pane, from, to}); `here`: the mark at hand, shown with its evidence. */
export function paint(panes, ontology, spans, { at, here }) {
  for (const pane of panes) {
    const layers = spans.flatMap((span, id) => {
      const { color, letter } = ontology.category(span) ?? UNKNOWN;
      const own = nameOf(span.target) === pane.name ? span.segments ?? [] : [];
      const proof = span === here ? (span.evidence ?? []).filter(({ context }) => pane.name === `context:${context}`) : [];
      return [
        ...own.map((segment) => ({ ...stretch(pane, segment), id, color, letter, kind: span === here ? "now" : "" })),
        ...proof.map((one) => ({ ...stretch(pane, one), kind: "proof" })),
      ];
    });
    if (at.pane === pane) layers.push({ from: at.from, to: at.to, kind: "at" });
    draw(pane.root, layers);
  }
}

/** One entry of the list, from the `template`. `on`: {jump, edit, remove}, each called with the mark. */
export function row(template, ontology, span, place, on) {
  const made = template.content.firstElementChild.cloneNode(true);
  const { color, letter } = ontology.category(span) ?? UNKNOWN;
  const sign = made.querySelector("b");
  sign.textContent = letter;
  sign.style.setProperty("--u0", `var(--mk-${color})`);
  made.querySelector("[data-about]").textContent = ontology.about(span, place);
  made.classList.toggle("wanting", ontology.wants(span) !== "");
  const quote = ontology.quote(span);
  const [jump, edit, remove] = made.querySelectorAll("button");
  for (const button of [edit, remove]) button.setAttribute("aria-label", `${button.textContent}: ${quote}`);
  jump.textContent = quote;
  jump.addEventListener("click", () => on.jump(span));
  edit.addEventListener("click", () => on.edit(span));
  remove.addEventListener("click", () => on.remove(span));
  return made;
}
