// Keyboard shortcuts. They never fire while somebody writes, and never over a key that the focused control needs.

const WRITING = "textarea, select, input:not([type=radio]):not([type=checkbox]):not([type=range]), [contenteditable]";
const PRESSABLE = "a[href], button, summary";

/** Which key does what on this page: {action: key}, as the server bound them. */
const bound = () => JSON.parse(document.getElementById("keys")?.textContent ?? "{}");

/** The character of a key press, in lower case; on a keyboard of another script the Latin letter of that key. */
export function letterOf(event) {
  const other = /^[^\x00-\x7F]$/u.test(event.key) && /^Key[A-Z]$/.test(event.code);
  return other ? event.code.at(-1).toLowerCase() : event.key.toLowerCase();
}

/** The digit of a key press: also of a keyboard that has other digits, or needs Shift for them (French). */
function digitOf(event, names) {
  if (/^[0-9]$/.test(event.key)) return event.key;
  const placed = !event.shiftKey && !names.has(event.key) && /^Digit[0-9]$/.test(event.code);
  return placed ? event.code.at(-1) : null;
}

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
  const digit = digitOf(event, names);
  if (digit) return actions.digit && (() => actions.digit(event, Number(digit)));
  // A key bound in the script of the keyboard comes before the Latin letter in its place.
  const name = names.get(event.key) ?? names.get(event.key.toLowerCase()) ?? names.get(letterOf(event));
  if (!name || (event.key === " " && target.closest(`${PRESSABLE}, input`))) return null;
  return once(event, actions[name] ?? (() => other(name)));
}

const run = (event, action) => (action ? () => action(event) : null);
/** Holding a key down repeats it: that is one press, and its repetitions do nothing. */
const once = (event, action) => (event.repeat ? action && (() => {}) : run(event, action));
