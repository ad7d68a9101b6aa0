// The item that comes next, asked for while the one at hand is judged. The server holds it ready for a short time.

import { inTurn, post } from "./net.js";

const ASK_MS = 2000;
/** Asked for again when half of its time is over; not shown any more shortly before all of it is. */
const SPARE_MS = 5000;

export class Ahead {
  #url; #forMs; #signal; #ready = null; #asking = false; #timer;

  /** `url`: empty where nothing comes next (a correction, a preview); `seconds`: how long the server holds an item. */
  constructor(url, seconds, signal) {
    this.#url = url;
    this.#forMs = seconds * 1000;
    this.#signal = signal;
    if (url) this.#timer = setTimeout(() => this.ask(), ASK_MS);
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** Called when the rater does something, and now and then after that. */
  async ask() {
    if (!this.#url || this.#asking || document.hidden || Date.now() - (this.#ready?.at ?? 0) < this.#forMs / 2) return;
    clearTimeout(this.#timer);
    this.#asking = true;
    // What comes next is known when the answer before has arrived.
    await inTurn();
    const at = Date.now();
    const answer = this.#signal.aborted ? null : await post(this.#url, "");
    this.#asking = false;
    if (this.#signal.aborted) return;
    if (answer.kind !== "page" || answer.status !== 200) this.#ready = null;
    // Parsed now, so that nothing is left to do when it is wanted.
    else this.#ready = { at, url: answer.url, page: new DOMParser().parseFromString(answer.text, "text/html") };
  }

  /** {page, url} of the item that stands ready, once; null where there is none, or where it may be others' by now. */
  take() {
    const ready = this.#ready;
    this.#ready = null;
    const fresh = ready && Date.now() - ready.at < this.#forMs - SPARE_MS;
    return fresh && navigator.onLine ? ready : null;
  }
}
