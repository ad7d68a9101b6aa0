// Places in a text. Scripts count UTF-16 units, answers count Unicode code points: `anchor` and `reach` are the one edge
// between them. Cutting a character in two is left to nobody: `snap` widens to whole graphemes.

import { words as tokens } from "../diff.js";

const segmenters = new Map();
function segmenter(granularity, language) {
  if (!("Segmenter" in Intl)) return null;
  const key = `${granularity} ${language}`;
  if (!segmenters.has(key)) {
    let made;
    try { made = new Intl.Segmenter(language || undefined, { granularity }); } catch { made = new Intl.Segmenter(undefined, { granularity }); }
    segmenters.set(key, made);
  }
  return segmenters.get(key);
}

const low = (text, at) => at > 0 && at < text.length && /[\udc00-\udfff]/.test(text[at]) && /[\ud800-\udbff]/.test(text[at - 1]);

function pointsBefore(text, unit) {
  let count = 0;
  for (let at = 0; at < unit; at += text.codePointAt(at) > 0xffff ? 2 : 1) count += 1;
  return count;
}

function unitsBefore(text, point) {
  let at = 0;
  for (let count = 0; count < point && at < text.length; count += 1) at += text.codePointAt(at) > 0xffff ? 2 : 1;
  return at;
}

/** {start, end, quote} of `text` from UTF-16 units: offsets in code points, end exclusive. */
export const anchor = (text, from, to) => ({ start: pointsBefore(text, from), end: pointsBefore(text, to), quote: text.slice(from, to) });

/** [from, to] in UTF-16 units of a stretch in code points. */
export const reach = (text, { start, end }) => [unitsBefore(text, start), unitsBefore(text, end)];

/** [from, to] widened so that no grapheme is cut; without a segmenter, no surrogate pair and no CRLF. */
export function snap(text, from, to, language = "") {
  const known = segmenter("grapheme", language)?.segment(text);
  const before = (at) => {
    if (at <= 0 || at >= text.length) return Math.max(0, Math.min(at, text.length));
    if (known) return known.containing(at).index;
    return low(text, at) || (text[at] === "\n" && text[at - 1] === "\r") ? at - 1 : at;
  };
  const after = (at) => {
    const start = before(at);
    if (start === at) return at;
    return known ? start + known.containing(start).segment.length : start + 2;
  };
  return [before(from), after(to)];
}

/** [from, to] without the blanks around; nothing but blanks stays as it is. */
export function trim(text, from, to) {
  const cut = text.slice(from, to);
  if (!cut.trim()) return [from, to];
  return [from + cut.length - cut.trimStart().length, to - (cut.length - cut.trimEnd().length)];
}

const cached = new Map();
function once(kind, text, language, find) {
  const key = `${kind} ${language}`;
  if (!cached.has(text)) {
    if (cached.size > 60) cached.clear();
    cached.set(text, new Map());
  }
  const own = cached.get(text);
  if (!own.has(key)) own.set(key, find());
  return own.get(key);
}

/** [[from, to]] of the words of `text`; what is neither letter, digit nor picture is no word. */
export const words = (text, language = "") => once("word", text, language, () => tokens(text, language)
  .filter(({ word }) => /[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(word)).map(({ start, end }) => [start, end]));

/** [[from, to]] of the sentences, without the blanks between them. */
export const sentences = (text, language = "") => once("sentence", text, language, () => {
  const known = segmenter("sentence", language);
  const parts = known ? [...known.segment(text)].map(({ segment, index }) => [index, index + segment.length])
    : [...text.matchAll(/[^.!?\n]+[.!?]*/g)].map((found) => [found.index, found.index + found[0].length]);
  return parts.filter(([from, to]) => text.slice(from, to).trim()).map(([from, to]) => trim(text, from, to));
});

/** [[from, to]] of the graphemes. */
export const characters = (text, language = "") => once("character", text, language, () => {
  const known = segmenter("grapheme", language);
  const parts = known ? [...known.segment(text)].map(({ segment }) => segment) : [...text];
  let at = 0;
  return parts.map((part) => [at, (at += part.length)]);
});

/** [from, to] widened to every sentence that it touches. */
export function toSentences(text, from, to, language = "") {
  const touched = sentences(text, language).filter(([start, end]) => start < Math.max(to, from + 1) && end > from);
  return touched.length ? [Math.min(from, touched[0][0]), Math.max(to, touched.at(-1)[1])] : [from, to];
}

// All but what shapes letters and emoji.
const UNSEEN = /(?![\t\n\r\u200c\u200d])[\p{Cc}\p{Cf}]/gu;

/** `text` to be read outside of its place: what cannot be seen, or turns the text around it, is named. */
export const seen = (text) => text.replace(UNSEEN, (one) => `⟨U+${one.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
