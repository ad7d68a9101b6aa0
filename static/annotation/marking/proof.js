// Evidence: the sentences of the passages that show a fault.

import { anchor, toSentences } from "./text.js";

export class Proof {
  /** `hint`: the element that says what to do while a sentence is being chosen. */
  constructor(panes, hint) {
    this.passages = panes.filter(({ name }) => name.startsWith("context:"));
    this.hint = hint;
  }

  get possible() { return this.passages.length > 0; }

  /** Opens the passages and leads into the first one. */
  ask(cursor) {
    for (const pane of this.passages) pane.reveal?.();
    this.hint.hidden = false;
    this.passages[0].root.scrollIntoView({ block: "nearest" });
    this.passages[0].box.focus();
    cursor.drop();
  }

  over() { this.hint.hidden = true; }

  /** {context, start, end, quote} of the sentence at a selection; null outside of the passages. */
  at({ pane, from, to }) {
    if (!this.passages.includes(pane)) return null;
    return { context: Number(pane.name.split(":")[1]), ...anchor(pane.text, ...toSentences(pane.text, from, to, pane.language)) };
  }
}

const same = (one, two) => one.context === two.context && one.start === two.start && one.end === two.end;

export function add(span, one) {
  span.evidence = [...(span.evidence ?? []).filter((other) => !same(one, other)), one];
}

export function drop(span, index) {
  span.evidence.splice(index, 1);
  if (!span.evidence.length) delete span.evidence;
}
