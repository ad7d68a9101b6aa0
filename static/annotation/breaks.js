// A calm word after 45 minutes of work without a break. Active time as everywhere (clock.js), over items and pages.

import { ActiveClock } from "./clock.js";

const KEPT = "prefloop:working";
const AFTER_MS = 45 * 60000;
/** So long away is a break. */
const BREAK_MS = 10 * 60000;
const LOOK_MS = 30000;

const stored = () => { try { return JSON.parse(localStorage.getItem(KEPT)) ?? {}; } catch { return {}; } };
const store = (value) => { try { localStorage.setItem(KEPT, JSON.stringify(value)); } catch { /* this page only */ } };

/** Counts from now on, in every tab together. `hint()` is called once for each 45 minutes. */
export function breaks(hint, signal) {
  const clock = new ActiveClock();
  clock.listen(signal);
  let counted = 0;
  const look = () => {
    const active = clock.value() - counted;
    counted += active;
    const { total = 0, at = 0 } = stored();
    const rested = Date.now() - at > BREAK_MS;
    if (!active) return;
    const sum = (rested ? 0 : total) + active;
    if (sum >= AFTER_MS) hint();
    store({ total: sum % AFTER_MS, at: Date.now() });
  };
  const looking = setInterval(look, LOOK_MS);
  addEventListener("pagehide", look, { signal });
  signal.addEventListener("abort", () => clearInterval(looking));
}
