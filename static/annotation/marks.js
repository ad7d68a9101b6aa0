// Marking stretches of text in the page without touching the text itself.

/** [{node, text, start}] of the text nodes under `root`; `start` counts from the beginning of them all. */
function textNodes(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const nodes = [];
  let start = 0;
  while (walker.nextNode()) {
    nodes.push({ node: walker.currentNode, start });
    start += walker.currentNode.data.length;
  }
  return nodes;
}

/** The text that `mark` counts positions in. */
export const textOf = (root) => textNodes(root).map(({ node }) => node.data).join("");

/** Wraps `stretches` ([{start, end}], ascending, apart) of `root`'s text in <mark class="…">. */
export function mark(root, stretches, name) {
  const nodes = textNodes(root);
  // From the end backwards, so that splitting a node leaves the positions before it as they are.
  let last = nodes.length - 1;
  for (const { start, end } of [...stretches].reverse()) {
    while (last > 0 && nodes[last].start >= end) last -= 1;
    for (let index = last; index >= 0 && nodes[index].start + nodes[index].node.data.length > start; index -= 1) {
      wrap(nodes[index], start, end, name);
    }
  }
}

function wrap({ node, start: base }, start, end, name) {
  const from = Math.max(0, start - base);
  const to = Math.min(node.data.length, end - base);
  if (from >= to || !node.data.slice(from, to).trim()) return;
  const range = document.createRange();
  range.setStart(node, from);
  range.setEnd(node, to);
  const made = document.createElement("mark");
  made.className = name;
  range.surroundContents(made);
}

/** Takes the marks away; the text nodes become whole again. */
export function unmark(root, name) {
  for (const made of root.querySelectorAll(`mark.${name}`)) made.replaceWith(...made.childNodes);
  root.normalize();
}

/** Neighbouring words that are marked become one stretch. `tokens`: [{start, end}], `wanted`: boolean each. */
export function stretches(tokens, wanted) {
  const found = [];
  tokens.forEach(({ start, end }, index) => {
    if (!wanted[index]) return;
    if (index > 0 && wanted[index - 1]) found.at(-1).end = end;
    else found.push({ start, end });
  });
  return found;
}
