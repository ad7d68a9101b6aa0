// The guidelines drawer: beside the work, never over it. Opens by itself where the server says so (first items, a change).

import { mark, textOf, unmark } from "./marks.js";

const CLOSED = "prefloop:guideline-closed";

export function guide(drawer, signal) {
  if (!drawer) return { toggle() {}, close() {}, holds: () => false };
  const id = drawer.dataset.guideline;
  const stored = () => { try { return localStorage.getItem(CLOSED); } catch { return null; } };
  // Once closed by its reader it stays closed until there is a new version.
  if (drawer.open && stored() === id) drawer.open = false;
  drawer.addEventListener("toggle", () => {
    try { if (drawer.open) localStorage.removeItem(CLOSED); else localStorage.setItem(CLOSED, id); } catch { /* this page only */ }
  }, { signal });
  search(drawer, signal);
  return {
    toggle() {
      drawer.open = !drawer.open;
      if (drawer.open) drawer.querySelector("summary").focus();
    },
    close() {
      drawer.open = false;
      drawer.querySelector("summary").focus();
    },
    holds: (element) => drawer.open && drawer.contains(element),
  };
}

function search(drawer, signal) {
  const box = drawer.querySelector("[data-search]");
  const text = drawer.querySelector("[data-guideline-text]");
  const count = drawer.querySelector("[data-found]");
  if (!box) return;
  box.closest("[hidden]").hidden = false;
  box.addEventListener("input", () => {
    unmark(text, "found");
    const wanted = box.value.trim();
    const found = wanted.length > 1 ? occurrences(textOf(text), wanted) : [];
    mark(text, found, "found");
    count.textContent = wanted.length > 1 ? count.dataset.found.replace("{count}", found.length) : "";
    text.querySelector("mark.found")?.scrollIntoView({ block: "nearest" });
  }, { signal });
}

function occurrences(text, wanted) {
  const pattern = new RegExp(wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "giu");
  return [...text.matchAll(pattern)].map((match) => ({ start: match.index, end: match.index + match[0].length }));
}
