// Which words stand in one text and not in the other. Pure functions over arrays of words.

const MAX_CELLS = 16_000_000;

const segmenters = new Map();
function segmenter(language) {
  if (!("Segmenter" in Intl)) return null;
  if (!segmenters.has(language)) {
    let made;
    try { made = new Intl.Segmenter(language || undefined, { granularity: "word" }); } catch { made = new Intl.Segmenter(undefined, { granularity: "word" }); }
    segmenters.set(language, made);
  }
  return segmenters.get(language);
}

/** [{word, start, end}] of `text`: words and punctuation marks, not blanks. Knows languages written without spaces. */
export function words(text, language = "") {
  const found = [];
  const known = segmenter(language);
  if (known) {
    for (const { segment, index } of known.segment(text)) {
      if (segment.trim()) found.push({ word: segment, start: index, end: index + segment.length });
    }
    return found;
  }
  for (const match of text.matchAll(/[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu)) {
    found.push({ word: match[0], start: match.index, end: match.index + match[0].length });
  }
  return found;
}

/**
 * [onlyInA, onlyInB]: for each word whether it is outside the longest common subsequence of the two arrays.
 * Beyond MAX_CELLS comparisons words that occur nowhere in the other text are marked instead: coarser, but at once.
 */
export function compare(a, b) {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const onlyA = new Array(a.length).fill(false);
  const onlyB = new Array(b.length).fill(false);
  const middleA = a.slice(start, a.length - end);
  const middleB = b.slice(start, b.length - end);
  const mark = middleA.length * middleB.length > MAX_CELLS ? strangers : outside;
  const [left, right] = mark(middleA, middleB);
  left.forEach((only, index) => { onlyA[start + index] = only; });
  right.forEach((only, index) => { onlyB[start + index] = only; });
  return [onlyA, onlyB];
}

function strangers(a, b) {
  const inA = new Set(a);
  const inB = new Set(b);
  return [a.map((word) => !inB.has(word)), b.map((word) => !inA.has(word))];
}

function outside(a, b) {
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      table[i * width + j] = a[i] === b[j]
        ? table[(i + 1) * width + j + 1] + 1
        : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
    }
  }
  const onlyA = new Array(a.length).fill(true);
  const onlyB = new Array(b.length).fill(true);
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) { onlyA[i] = onlyB[j] = false; i += 1; j += 1; }
    else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return [onlyA, onlyB];
}
