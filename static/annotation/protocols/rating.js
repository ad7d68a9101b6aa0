// Sliders of a rating: each moves the number beside it, and has no value of its own until somebody moves it.

/** Digit n stands for so much of a slider from 0 to 100. */
const TEN = 10;

export function attach(section, page) {
  const name = CSS.escape(section.dataset.field);
  const sliders = [...document.querySelectorAll(`[data-field="${name}"] [data-slider], [data-card-of="${name}"] [data-slider]`)].map((group) => ({
    group, range: group.querySelector("input[type=range]"), number: group.querySelector("input[type=number]"), unknown: group.querySelector("input[type=checkbox]"),
  }));
  const tell = (input) => input.dispatchEvent(new Event("change", { bubbles: true }));
  const open = ({ number, unknown }) => number.value === "" && !unknown?.checked;

  function set(slider, value) {
    slider.number.value = String(value);
    if (slider.unknown) slider.unknown.checked = false;
    tell(slider.number);
  }

  /** The slider follows its number. */
  function draw({ range, number }) {
    const unset = number.value === "";
    range.classList.toggle("unset", unset);
    range.value = unset ? String((Number(range.min) + Number(range.max)) / 2) : number.value;
    if (unset) range.setAttribute("aria-valuetext", range.dataset.unset);
    else range.removeAttribute("aria-valuetext");
  }

  for (const slider of sliders) {
    const { group, range, number } = slider;
    range.hidden = false;
    number.hidden = group.hasAttribute("data-hide");
    range.addEventListener("input", () => set(slider, range.value), { signal: page.signal });
    // A click on the middle of an untouched slider moves nothing, and yet it is an answer.
    range.addEventListener("pointerup", () => { if (open(slider)) set(slider, range.value); }, { signal: page.signal });
    draw(slider);
  }

  /** The slider at hand: the one with the focus; where no question has it, the first that is open. */
  function here() {
    const group = document.activeElement?.closest?.("[data-group]");
    if (group) return sliders.find((slider) => slider.group === group);
    const [first] = [...document.querySelectorAll("#work [data-group][data-required]")].filter((one) => !one.querySelector("input:checked") && !one.querySelector("input[type=number]")?.value);
    return sliders.find((slider) => slider.group === first);
  }

  return {
    refresh: () => sliders.forEach(draw),
    digit(digit) {
      const slider = here();
      if (!slider) return false;
      if (digit > 0) set(slider, digit * TEN);
      else if (slider.unknown) {
        slider.unknown.checked = true;
        tell(slider.unknown);
      } else return true;
      slider.range.focus({ preventScroll: true });
      page.advance(slider.group);
      return true;
    },
  };
}
