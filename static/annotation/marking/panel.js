// The panel beside a selection: type, severity and words of one mark. Near what is marked and never over it.

const GAP = 8;
const LEAST = 200;
const PHONE = matchMedia("(max-width: 767px)");

/**
 * Where a panel of this size goes, in pixels of the window: below `rect`, else above, else where there is more room; beside
 * it, where it leaves no room above and below.
 */
export function placed(rect, width, height, room = { width: innerWidth, height: innerHeight }) {
  const [below, above] = [room.height - rect.bottom - 2 * GAP, rect.top - 2 * GAP];
  if (Math.max(below, above) < LEAST) {
    const top = Math.max(GAP, Math.min(rect.top, room.height - height - GAP));
    const fits = Math.min(height, room.height - 2 * GAP);
    if (room.width - rect.right - 2 * GAP >= width) return { left: rect.right + GAP, top, height: fits };
    if (rect.left - 2 * GAP >= width) return { left: rect.left - GAP - width, top, height: fits };
  }
  const under = below >= height || below >= above;
  const fits = Math.max(96, Math.min(height, under ? below : above));
  return {
    left: Math.max(GAP, Math.min(rect.left, room.width - width - GAP)),
    top: under ? rect.bottom + GAP : Math.max(GAP, rect.top - GAP - fits),
    height: fits,
  };
}

/** What can be seen of `rect` in the box that scrolls. */
export function shown(rect, box) {
  const [top, bottom] = [Math.max(rect.top, box.top, 0), Math.min(rect.bottom, box.bottom, innerHeight)];
  return top < bottom ? { left: rect.left, right: rect.right, top, bottom } : rect;
}

export class Panel {
  #rect = null;

  /** `element`: a popover. `rect()`: of what it belongs to. */
  constructor(element, signal) {
    this.element = element;
    const again = () => this.place();
    addEventListener("resize", again, { signal });
    addEventListener("scroll", (event) => { if (!element.contains(event.target)) this.place(); }, { signal, capture: true, passive: true });
    signal.addEventListener("abort", () => this.hide());
  }

  get open() { return this.element.matches(":popover-open"); }

  show(rect) {
    this.#rect = rect;
    if (!this.open) this.element.showPopover();
    this.place();
    // On a phone it is a sheet at the bottom: what is marked moves out from under it.
    const [mark, sheet] = [rect(), this.element.getBoundingClientRect()];
    if (PHONE.matches && mark.bottom > sheet.top - GAP) scrollBy({ top: mark.bottom - sheet.top + 4 * GAP, behavior: "instant" });
  }

  hide() {
    if (this.open) this.element.hidePopover();
  }

  place() {
    if (!this.open || !this.#rect) return;
    const { style } = this.element;
    if (PHONE.matches) return style.removeProperty("inset"), style.removeProperty("max-height");
    style.maxHeight = "none";
    const { width, height } = this.element.getBoundingClientRect();
    const { left, top, height: fits } = placed(this.#rect(), width, height);
    style.inset = `${top}px auto auto ${left}px`;
    style.maxHeight = `${fits}px`;
  }
}

/** A row of choices as buttons: `choices` [{key, name, letter?, color?, description?}]; digits are drawn on the first nine. */
export function chips(place, choices, chosen, choose) {
  place.replaceChildren(...choices.map((choice, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "type-chip";
    button.dataset.value = choice.key;
    button.setAttribute("aria-pressed", String(choice.key === chosen));
    if (choice.description) button.title = choice.description;
    if (choice.letter) {
      const letter = document.createElement("b");
      letter.textContent = choice.letter;
      letter.style.setProperty("--u0", `var(--mk-${choice.color})`);
      letter.setAttribute("aria-hidden", "true");
      button.append(letter);
    }
    button.append(choice.name);
    if (index < 9) {
      const key = document.createElement("kbd");
      key.className = "key";
      key.textContent = String(index + 1);
      key.setAttribute("aria-hidden", "true");
      button.append(key);
    }
    button.addEventListener("click", () => choose(choice.key));
    return button;
  }));
}
