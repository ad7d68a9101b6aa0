// One assignment on the page: from the moment it is shown until it is handed in, skipped or taken back.

import { Ahead } from "./ahead.js";
import { ActiveClock } from "./clock.js";
import { pairView } from "./compare.js";
import { outbox } from "./device.js";
import { Fields } from "./fields.js";
import { guide } from "./guide.js";
import { fillFields, Keeper, readFields } from "./keep.js";
import { listen } from "./keys.js";
import { post, postInTurn } from "./net.js";
import { notice, saveState, say, withdraw } from "./notices.js";
import { panels } from "./panels.js";

const RETRY_MS = 5000;

/**
 * Wires the assignment under `root`. `show(answer, {push})` swaps in the page that an answer brings; `goOn(ready, entry)`
 * shows the item that stands ready while the answer `entry` is on its way. Returns stop().
 */
export function work(root, show, goOn) {
  const ending = new AbortController();
  const { signal } = ending;
  const form = root.querySelector("#judgement");
  const place = {
    token: root.dataset.token, former: (root.dataset.former ?? "").split(" ").filter(Boolean), rater: root.dataset.rater,
    draftUrl: root.dataset.draft, version: Number(root.dataset.version || 0),
  };
  const kept = Keeper.kept(place);
  const clock = new ActiveClock(kept?.active ?? 0);
  const fields = new Fields(form);
  const ahead = new Ahead(root.dataset.ahead, Number(root.dataset.aheadSeconds), signal);
  let sending = false;
  let retry;

  const signedOut = () => notice("signed-out");
  const lost = (code) => notice({ "already-answered": "answered", "item-void": "withdrawn" }[code] ?? "lost");
  const stale = ({ version, fields }) => choose(version, fields);
  const keeper = new Keeper(form, place, clock, { state: saveState, stale, lost, signedOut });

  /** Two versions of one answer: both are shown, the rater takes one. `theirs`: its fields as one string. */
  function choose(version, theirs) {
    const shown = notice("versions", { mine: fields.inWords(readFields(form)), theirs: fields.inWords(theirs) });
    shown.querySelector("[data-take=mine]").addEventListener("click", () => { withdraw("versions"); keeper.resume(version); });
    shown.querySelector("[data-take=theirs]").addEventListener("click", () => {
      fillFields(form, theirs);
      withdraw("versions");
      refresh();
      keeper.resume(version);
    });
    saveState("device");
  }

  function takeUp() {
    if (!kept?.ahead || kept.fields === readFields(form)) return;
    if (kept.version !== place.version) {
      const theirs = readFields(form);
      fillFields(form, kept.fields);
      return choose(place.version, theirs);
    }
    fillFields(form, kept.fields);
    keeper.changed();
  }

  function refresh() {
    fields.refresh();
    fields.listMissing();
  }

  /** A control that belongs to the answer has changed, wherever on the page it stands. */
  function changed(event) {
    if (event && event.target.form !== form) return;
    fields.listMissing();
    keeper.changed();
    ahead.ask();
    if (event) fields.refresh();
  }

  async function handIn(url, extra = {}) {
    if (sending) return;
    const wanting = fields.missing();
    if (wanting.length) {
      document.getElementById("missing").classList.add("wanting");
      say(document.getElementById("missing").textContent);
      return wanting[0].focus();
    }
    const body = new URLSearchParams(new FormData(form));
    body.set("active_ms", String(clock.value()));
    for (const [name, value] of Object.entries(extra)) body.set(name, value);
    await deliver({ token: place.token, url, body: body.toString() });
  }

  async function deliver({ token, url, body }) {
    sending = true;
    saveState("sending");
    keeper.stop();
    // Kept until it is acknowledged: the same token makes a second arrival harmless.
    outbox.put(token, { rater: place.rater, url, body });
    const ready = token === place.token ? ahead.take() : null;
    if (ready) return goOn(ready, { ...place, url, body });
    const answer = await postInTurn(url, body, signal);
    sending = false;
    if (signal.aborted || answer.kind === "gone") return;
    if (answer.kind === "page") {
      outbox.forget(token);
      if (answer.status === 200) keeper.stop({ forget: true });
      return show(answer, { push: answer.status === 200 });
    }
    if (answer.kind !== "signed-out") return wait(answer.kind);
    keeper.resume();
    signedOut();
  }

  /** No answer came: the judgement stands as it is, and goes out as soon as somebody listens. */
  function wait(kind) {
    saveState(kind === "offline" ? "offline" : "device");
    const shown = notice("waiting");
    fields.freeze(true);
    shown.querySelector("[data-change]").addEventListener("click", () => {
      clearTimeout(retry);
      outbox.forget(unsent()?.token);
      withdraw("waiting");
      fields.freeze(false);
      keeper.resume();
    });
    retry = setTimeout(again, RETRY_MS);
  }

  /** What was handed in on this device, under any token of this assignment, and never acknowledged. */
  const unsent = () => outbox.of(place.rater).find(({ token }) => [place.token, ...place.former].includes(token));

  function again() {
    clearTimeout(retry);
    const entry = unsent();
    if (!signal.aborted && !sending && entry) deliver(entry);
  }

  async function renew() {
    if (document.hidden || !root.dataset.renew) return;
    ahead.ask();
    const answer = await post(root.dataset.renew, "");
    if (signal.aborted) return;
    if (answer.kind === "signed-out") signedOut();
    else if (answer.data?.code && answer.status === 409) lost(answer.data.code);
  }

  const drawer = guide(root.querySelector("#guideline"), signal);
  const open = panels(root, show, signal);
  const pair = root.querySelector("[data-pair]");
  const view = pair && pairView(pair, say, signal);

  listen({
    digit: (event, digit) => open.digit(digit) || fields.digit(digit),
    Enter: () => form.requestSubmit(),
    "Ctrl+Enter": () => form.requestSubmit(),
    Escape: () => open.close() || (drawer.holds(document.activeElement) && drawer.close()),
    leave: (event) => open.close() || (drawer.holds(event.target) ? drawer.close() : root.querySelector("#work-title").focus()),
    skip: () => open.toggle("skip"),
    flag: () => open.toggle("flag"),
    undo: () => open.undo(),
    guideline: () => drawer.toggle(),
    write: () => fields.write(),
    next: () => fields.step(1),
    previous: () => fields.step(-1),
    diff: () => view?.toggle("diff"),
    raw: () => view?.toggle("raw"),
    column: () => view?.toggle("column"),
    help: () => document.getElementById("help")?.togglePopover(),
  }, signal, (action) => fields.act(action));

  form.noValidate = true;
  root.addEventListener("input", changed, { signal });
  root.addEventListener("change", changed, { signal });
  root.addEventListener("submit", (event) => {
    if (event.target !== form) return;
    event.preventDefault();
    const { name, value } = event.submitter ?? {};
    handIn(form.action, name ? { [name]: value } : {});
  }, { signal });
  addEventListener("online", () => {
    keeper.send();
    again();
  }, { signal });
  addEventListener("offline", () => saveState("offline"), { signal });
  addEventListener("pagehide", () => keeper.leave(), { signal });
  document.addEventListener("visibilitychange", () => (document.hidden ? keeper.leave() : renew()), { signal });
  const beat = setInterval(renew, Math.max(10, Number(root.dataset.renewEvery || 60)) * 1000);
  clock.listen(signal);
  takeUp();
  refresh();
  fields.attach({ form, changed: () => changed(), say, signal }).then(() => { if (!signal.aborted) refresh(); });
  // Perhaps handed in before this page was loaded again.
  const earlier = unsent();
  if (earlier) {
    fillFields(form, earlier.body);
    refresh();
    again();
  }

  return () => {
    ending.abort();
    clearInterval(beat);
    clearTimeout(retry);
    keeper.stop();
  };
}
