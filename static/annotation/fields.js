// The fields of a judgement, whatever their protocol: what is missing, and what an answer is in words.
// A protocol's template marks each thing that must be answered with data-required="how it is called".

/** [{name, focus()}] of what still has to be answered, in the order of the page. */
export function missing(form) {
  return [...form.querySelectorAll("[data-required]")].filter((part) => !answered(part)).map((part) => ({
    name: part.dataset.required,
    focus: () => (part.matches("textarea, input") ? part : part.querySelector("input:checked, input")).focus(),
  }));
}

function answered(part) {
  if (part.matches("textarea, input")) return part.value.trim() !== "";
  return part.querySelector("input:checked") !== null;
}

export function listMissing(form) {
  const place = document.getElementById("missing");
  const names = missing(form).map(({ name }) => name);
  place.textContent = names.length ? `${place.dataset.label} ${names.join(", ")}` : place.dataset.ready;
  place.classList.toggle("complete", names.length === 0);
}

/** The sentence for kept `fields`, made of the labels of this page. */
export function inWords(form, fields) {
  const kept = new URLSearchParams(fields);
  const parts = [];
  for (const control of form.elements) {
    if (control.type === "radio" && kept.get(control.name) === control.value) parts.push(control.dataset.words ?? control.value);
    if (control.matches("textarea") && kept.get(control.name)?.trim()) parts.push(`“${kept.get(control.name)}”`);
  }
  return parts.join(" — ") || form.dataset.blank;
}

/** Shows the words of the chosen point beside its bar. */
export function showChoices(form) {
  for (const bar of form.querySelectorAll("[data-bar]")) {
    const chosen = bar.querySelector("input:checked");
    const words = bar.querySelector("[data-chosen]");
    words.textContent = chosen ? chosen.dataset.words : words.dataset.none;
  }
}

/** Chooses the point that has this digit drawn on it, in the bar at hand. Returns whether there is one. */
export function chooseByDigit(form, digit) {
  const bar = document.activeElement?.closest?.("[data-bar]") ?? form.querySelector("[data-bar]");
  const point = bar?.querySelector(`input[data-digit="${digit}"]`);
  if (!point || point.disabled) return false;
  point.checked = true;
  point.focus({ preventScroll: true });
  point.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}
