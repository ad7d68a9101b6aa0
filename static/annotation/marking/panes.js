// The texts of the page that can be marked, each with the element that takes the focus and the one that holds its text.

/** [{name, text, root, box, label, language, reveal?}]: "response:A", "context:0", "message:0". `section`: who asks. */
export function panesOf(section, targets) {
  const passages = document.querySelectorAll("#work .prompt .passage");
  const messages = document.querySelectorAll("#work .prompt .message");
  const cards = targets.includes("responses") ? [...document.querySelectorAll("#work [data-letter]")].map(response) : [];
  const others = [...section.querySelectorAll("[data-beside]")].map((root) => {
    const [kind, which] = root.dataset.beside.split(":");
    return beside(root, (kind === "context" ? passages : messages)[Number(which)]);
  });
  return [...cards, ...others].filter(Boolean);
}

function response(card) {
  const [box, root] = [card.querySelector("[data-body]"), card.querySelector("[data-raw]")];
  const reveal = () => { if (root?.hidden) document.querySelector("#work [data-view=raw]")?.click(); };
  return root && { name: `response:${card.dataset.letter}`, text: root.textContent, box, root, label: card.dataset.letter, language: box.lang, reveal };
}

/** A text of the prompt is shown rendered: its raw text takes that place. */
function beside(root, place) {
  if (!place) return null;
  const asked = document.querySelector("#work .asked")?.getAttribute("aria-label");
  const label = place.querySelector("summary, .role")?.textContent.trim() ?? asked ?? "";
  root.setAttribute("aria-label", label);
  const rendered = place.querySelector(".prose");
  rendered.hidden = true;
  rendered.after(root);
  root.hidden = false;
  const fold = place.closest("details");
  const reveal = () => { if (fold) fold.open = true; };
  return { name: root.dataset.beside, text: root.textContent, box: root, root, label, language: place.closest("[lang]")?.lang ?? "", reveal };
}
