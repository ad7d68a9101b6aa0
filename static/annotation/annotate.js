// The rater's page: shows one assignment after the other without loading the whole page again.

import { pairView } from "./compare.js";
import { outbox, tidy } from "./device.js";
import { post } from "./net.js";
import { notice, saveState, say } from "./notices.js";
import { listen } from "./keys.js";
import { panels } from "./panels.js";
import { work } from "./work.js";

// What the next page replaces; everything else of the document stays.
const SWAPPED = ["work", "progress", "keys", "help"];

let stop = () => {};

function begin() {
  const root = document.getElementById("work");
  if (root.querySelector("#judgement")) stop = work(root, show);
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
  stop();
  for (const id of SWAPPED) document.getElementById(id).replaceWith(document.adoptNode(next.getElementById(id)));
  document.title = next.title;
  if (push && url && url !== location.pathname) history.pushState(null, "", url);
  saveState("idle");
  begin();
  const title = document.getElementById("work-title");
  scrollTo(0, 0);
  title.focus({ preventScroll: true });
  say(document.getElementById("work").dataset.says ?? "");
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
begin();
flush();
