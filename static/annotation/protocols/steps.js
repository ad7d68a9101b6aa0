// Steps: on to the next and back to the one before, also where they are marked already.

export function attach(section) {
  const groups = () => [...document.querySelectorAll(`[data-card-of="${CSS.escape(section.dataset.field)}"] [data-group]`)];

  function move(by) {
    const found = groups();
    if (!found.length) return;
    const now = found.findIndex((group) => group.contains(document.activeElement));
    const next = now < 0 ? found[by > 0 ? 0 : found.length - 1] : found[Math.min(found.length - 1, Math.max(0, now + by))];
    (next.querySelector("input:checked") ?? next.querySelector("input")).focus({ preventScroll: true });
    (next.closest(".step") ?? next).scrollIntoView({ block: "nearest" });
  }

  return { keys: { forward: () => move(1), back: () => move(-1) } };
}
