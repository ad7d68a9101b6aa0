// The texts of the page that can be marked, each with the element that takes the focus and the one that holds its text.

/** `texts`: raw texts by name, "response:A", "context:0", "message:0". [{name, text, root, box, label, language, reveal?}] */
export function panesOf(texts) {
  const passages = document.querySelectorAll("#work .prompt .passage");
  const messages = document.querySelectorAll("#work .prompt .message");
  return Object.entries(texts).map(([name, text]) => {
    const [kind, which] = name.split(":");
    if (kind === "response") return response(name, text, document.getElementById(`response-${which}`));
    return beside(name, text, (kind === "context" ? passages : messages)[Number(which)]);
  }).filter(Boolean);
}

function response(name, text, card) {
  const box = card?.querySelector("[data-body]");
  return box && { name, text, box, root: box.querySelector("[data-raw]"), label: card.dataset.letter, language: box.lang };
}

/** A text of the prompt is shown rendered only: its raw text takes that place. */
function beside(name, text, place) {
  if (!place) return null;
  const root = document.createElement("div");
  root.className = "text to-mark";
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  const label = place.querySelector("summary, .role")?.textContent ?? document.querySelector("#work .asked")?.getAttribute("aria-label") ?? name;
  root.setAttribute("aria-label", label);
  const rendered = place.querySelector(".prose");
  rendered.hidden = true;
  rendered.after(root);
  const fold = place.closest("details");
  return { name, text, box: root, root, label, language: place.closest("[lang]")?.lang ?? "", reveal: () => { if (fold) fold.open = true; } };
}
