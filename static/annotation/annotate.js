// The rater's page: shows one assignment after the other without loading the whole page again.

import { breaks } from "./breaks.js";
import { pairView } from "./compare.js";
import { drafts, outbox, tidy } from "./device.js";
import { post, postInTurn } from "./net.js";
import { notice, saveState, say } from "./notices.js";
import { listen } from "./keys.js";
import { offerUndo, panels } from "./panels.js";
import { work } from "./work.js";

// What the next page replaces; everything else of the document stays.
const SWAPPED = ["work", "progress", "keys", "help"];
const OF_ITEM = ["work", "keys", "help"];

let stop = () => {};
// The item at hand as it came, to be put back where the answer to it is refused after the next one is on the screen.
let asItCame = [];

function begin() {
  const root = document.getElementById("work");
  asItCame = OF_ITEM.map((id) => document.getElementById(id).cloneNode(true));
  if (root.querySelector("#judgement")) stop = work(root, show, goOn);
  else {
    const ending = new AbortController();
    const open = panels(root, show, ending.signal);
    const pair = root.querySelector("[data-pair]");
    const view = pair && pairView(pair, say, ending.signal);
    const look = { diff: () => view?.toggle("diff"), raw: () => view?.toggle("raw"), column: () => view?.toggle("column") };
    listen({ ...look, undo: () => open.undo(), help: () => document.getElementById("help").togglePopover() }, ending.signal);
    stop = () => ending.abort();
  }
}

/** Swaps in the page of `answer` ({text, url, status}). `push`: it is the next item, so Back leads to the one before. */
function show({ text, url }, { push = false } = {}) {
  const next = new DOMParser().parseFromString(text, "text/html");
  if (!next.getElementById("work")) return location.assign(url ?? document.getElementById("work").dataset.home);
  document.title = next.title;
  if (push && url && url !== location.pathname) history.pushState(null, "", url);
  swap(SWAPPED.map((id) => next.getElementById(id)));
  say(document.getElementById("work").dataset.says ?? "");
}

/** Puts `parts` in the place of those of the same id. */
function swap(parts) {
  stop();
  for (const part of parts) document.getElementById(part.id).replaceWith(document.adoptNode(part));
  saveState("idle");
  begin();
  scrollTo(0, 0);
  document.getElementById("work-title").focus({ preventScroll: true });
}

/**
 * Shows `ready` ({page, url}) at once and hands in `entry` ({token, former, url, body}) meanwhile. Where the server says
 * otherwise its page is shown; where it says nothing the item comes back, and is handed in like any other.
 */
async function goOn(ready, entry) {
  const left = asItCame;
  swap(OF_ITEM.map((id) => ready.page.getElementById(id)));
  say(document.getElementById("work").dataset.says ?? "");
  const shown = document.getElementById("work").dataset.token;
  const answer = await postInTurn(entry.url, `${entry.body}&ahead=${shown}`);
  if (answer.kind !== "page") return swap(left);
  outbox.forget(entry.token);
  if (answer.status === 200) for (const token of [entry.token, ...entry.former]) drafts.forget(token);
  const taken = new DOMParser().parseFromString(answer.text, "text/html");
  if (taken.getElementById("work")) return show(answer, { push: answer.status === 200 });
  if (document.getElementById("work").dataset.token === shown) settle(taken, answer.url);
}

/** The answer was taken, and the item on the screen is the one that the server gave: what is new is put beside it. */
function settle(taken, url) {
  document.getElementById("progress").replaceWith(document.adoptNode(taken.getElementById("progress")));
  document.getElementById("undo-place").replaceChildren(...taken.getElementById("undo-place").childNodes);
  document.getElementById("notices").append(...taken.getElementById("notices").childNodes);
  history.pushState(null, "", url);
  offerUndo();
  say(taken.getElementById("undo-place").dataset.says);
}

/** Sends what this rater handed in on this device while nobody listened; the item at hand sees to itself. */
async function flush() {
  const { rater, token: own = "", former = "", sent } = document.getElementById("work").dataset;
  for (const { token, url, body } of outbox.of(rater)) {
    if ([own, ...former.split(" ")].includes(token)) continue;
    const answer = await post(url, body);
    if (answer.kind !== "page" && answer.kind !== "data") return;
    const late = answer.status === 409 && answer.text?.includes("data-lost");
    // Too late for its slot, not too late to be kept: it is handed in as an extra.
    const settled = late ? await post(url, `${body}&extra=1`) : answer;
    outbox.forget(token);
    if (settled.status === 200) say(sent);
    else notice("unsent");
  }
}

// Back and forward lead to addresses the server answers: a saved answer, or the item at hand.
addEventListener("popstate", () => location.reload());
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
addEventListener("online", flush);

tidy();
if (document.getElementById("notice-break")) breaks(() => notice("break"), new AbortController().signal);
begin();
flush();
