// What the page tells: the save state in the top bar, one live region for the ear, notices above the work.

const region = () => document.getElementById("announcer");

/** Says `text` to a screen reader; saying the same again is heard again. */
export function say(text) {
  const live = region();
  if (!live) return;
  live.textContent = "";
  setTimeout(() => { live.textContent = text; }, 50);
}

let last = "";

/** Shows a save state by its name (a `data-…` sentence of the top bar). What changes for the worse is said as well. */
export function saveState(name, at = null) {
  const place = document.getElementById("save-state");
  if (!place) return;
  const time = at ? ` ${at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false })}` : "";
  place.textContent = (place.dataset[name] ?? "") + time;
  place.dataset.state = name;
  if (name !== last && name !== "saving" && (name !== "saved" || last === "offline" || last === "")) say(place.textContent);
  if (name !== "saving") last = name;
}

/** Puts the notice of template `name` above the work, once. Returns it; `fill`: text by data-slot. */
export function notice(name, fill = {}) {
  const place = document.getElementById("notices");
  const id = `shown-${name}`;
  document.getElementById(id)?.remove();
  const made = document.getElementById(`notice-${name}`).content.firstElementChild.cloneNode(true);
  made.id = id;
  const slots = [...made.querySelectorAll("[data-slot]"), ...(made.dataset.slot ? [made] : [])];
  for (const slot of slots) slot.textContent = fill[slot.dataset.slot] ?? slot.textContent;
  place.append(made);
  made.scrollIntoView({ block: "nearest" });
  return made;
}

export const withdraw = (name) => document.getElementById(`shown-${name}`)?.remove();
