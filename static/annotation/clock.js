// Active time: the page is visible and something was moved, pressed or scrolled within the last 60 seconds.
// Only the moments of input are looked at, never what was typed.

const IDLE_MS = 60000;

export class ActiveClock {
  #total; #mark; #lastInput; #now;

  /** `total`: milliseconds counted before (a draft taken up again); `now` replaces the clock in tests. */
  constructor(total = 0, now = () => performance.now()) {
    this.#total = total;
    this.#now = now;
    this.#mark = this.#lastInput = now();
  }

  /** Adds what passed since the last look, as far as the person was there. */
  #advance(here) {
    const now = this.#now();
    if (here) this.#total += Math.max(0, Math.min(now, this.#lastInput + IDLE_MS) - this.#mark);
    this.#mark = now;
  }

  input() {
    this.#advance(!document.hidden);
    this.#lastInput = this.#now();
  }

  /** Called after the page was hidden or shown: what passed until then is counted if the page was visible. */
  turned() {
    this.#advance(document.hidden);
    if (!document.hidden) this.#lastInput = this.#now();
  }

  value() {
    this.#advance(!document.hidden);
    return Math.round(this.#total);
  }

  listen(signal) {
    const options = { signal, passive: true, capture: true };
    for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "scroll", "touchmove"]) {
      addEventListener(kind, () => this.input(), options);
    }
    // Before anybody else looks at the clock: until now it stood in the other state.
    document.addEventListener("visibilitychange", () => this.turned(), { signal, capture: true });
  }
}
