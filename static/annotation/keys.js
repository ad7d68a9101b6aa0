// Keyboard shortcuts. They never fire while somebody writes, and never over a key that the focused control needs.

const WRITING = "textarea, select, input:not([type=radio]):not([type=checkbox]):not([type=range]), [contenteditable]";
const PRESSABLE = "a[href], button, summary";

/** Which key does what on this page: {action: key}, as the server bound them. */
const bound = () => JSON.parse(document.getElementById("keys")?.textContent ?? "{}");

/**
 * `actions`: action → function(event); `other(action)` carries out one that is not among them. Special: "digit" (gets the
 * number as second argument), "Enter", "Escape", "leave" (Escape while writing) and "Ctrl+Enter" (works while writing).
 */
export function listen(actions, signal, other = () => false) {
  const names = new Map(Object.entries(bound()).map(([action, key]) => [key, action]));
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const found = choose(actions, names, other, event);
    // Escape also closes what the browser itself has opened (the help), so it is left to it.
    if (found && event.key !== "Escape") event.preventDefault();
    found?.();
  }, { signal });
}

function choose(actions, names, other, event) {
  const target = event.target instanceof Element ? event.target : document.body;
  const writing = target.closest(WRITING);
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return once(event, actions["Ctrl+Enter"]);
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === "Escape") return run(event, writing ? actions.leave : actions.Escape);
  if (writing) return null;
  if (event.key === "Enter") return target.closest(PRESSABLE) ? null : once(event, actions.Enter);
  if (/^[0-9]$/.test(event.key)) return actions.digit && (() => actions.digit(event, Number(event.key)));
  const name = names.get(event.key) ?? names.get(event.key.toLowerCase());
  if (!name || (event.key === " " && target.closest(`${PRESSABLE}, input`))) return null;
  return once(event, actions[name] ?? (() => other(name)));
}

const run = (event, action) => (action ? () => action(event) : null);
/** Holding a key down repeats it: that is one press, and its repetitions do nothing. */
const once = (event, action) => (event.repeat ? action && (() => {}) : run(event, action));
