// Making a mark of a selection.

import { nameOf } from "./ontology.js";
import { anchor, reach, toSentences } from "./text.js";

function placed(pane, from, to) {
  const { start, end, quote } = anchor(pane.text, from, to);
  return { segments: [{ start, end }], quote };
}

const targetOf = (name) => {
  const [kind, which] = name.split(":");
  return { [kind]: kind === "response" ? which : Number(which) };
};

/** A type of sentences marks whole sentences, a type of responses the whole text. */
export function widen(span, pane, ontology) {
  const { granularity } = ontology.category(span);
  if (!pane || span.segments.length > 1) return;
  if (span.granularity) span.granularity = granularity;
  if (granularity === "sub-sentence") return;
  const whole = granularity === "response";
  Object.assign(span, placed(pane, ...(whole ? [0, pane.text.length] : toSentences(pane.text, ...reach(pane.text, span.segments[0]), pane.language))));
}

export function made(category, { pane, from, to }, ontology) {
  const span = { category, target: targetOf(pane.name), ...placed(pane, from, to) };
  widen(span, pane, ontology);
  // Not enumerable: it says that the mark is being made, and is no part of the answer.
  return Object.defineProperty(span, "fresh", { value: true });
}

/** [from, to] of a mark in its text, from its first segment to its last; null where it has no place. */
export function ends(span, pane) {
  if (!pane || !span.segments?.length) return null;
  const places = span.segments.map((segment) => reach(pane.text, segment));
  return [places[0][0], places.at(-1)[1]];
}

/** The marks that a selection lies in, the shortest first. */
export function under(spans, { pane, from, to }) {
  const holds = (span) => nameOf(span.target) === pane?.name && (span.segments ?? []).some((segment) => {
    const [start, end] = reach(pane.text, segment);
    return start <= from && end >= to;
  });
  return spans.filter(holds).sort((a, b) => a.quote.length - b.quote.length);
}
