// Skip, flag and undo: small forms that open in place (never a modal), usable by keyboard and without JavaScript.

import { inTurn, postInTurn } from "./net.js";
import { notice, say } from "./notices.js";

const UNDO_MS = 10000;

/** The offer ends after ten seconds; the answer can still be corrected from "My answers". */
export function offerUndo() {
  const form = document.getElementById("undo");
  if (form) setTimeout(() => form.remove(), UNDO_MS);
}

/** Wires the panels under `root`. Returns {toggle(name), digit(n), close(), undo()}; each tells whether it did something. */
export function panels(root, show, signal) {
  const found = [...root.querySelectorAll("[data-panel]")];
  const opened = () => found.find((panel) => panel.open);
  let before = null;

  function toggle(name) {
    const panel = found.find((one) => one.dataset.panel === name);
    if (!panel) return false;
    if (panel.open) return close();
    if (!opened()) before = document.activeElement;
    for (const other of found) other.open = other === panel;
    panel.querySelector("[data-reason]").focus();
    return true;
  }

  function close() {
    const panel = opened();
    if (!panel) return false;
    panel.open = false;
    // Back to where the hands were: after a change of mind, Enter still submits.
    const place = before?.isConnected && before !== document.body ? before : panel.querySelector("summary");
    place.focus({ preventScroll: true });
    return true;
  }

  function digit(number) {
    const reason = opened()?.querySelectorAll("[data-reason]")[number - 1];
    if (opened() && reason) reason.click();
    return Boolean(opened());
  }

  async function send(form, submitter) {
    const body = new URLSearchParams(new FormData(form, submitter));
    const answer = await postInTurn(form.action, body, signal);
    if (signal.aborted || answer.kind === "gone") return;
    if (answer.kind === "page") return show(answer, { push: form.dataset.moves !== undefined && answer.status === 200 });
    if (answer.kind === "signed-out") return notice("signed-out");
    if (answer.kind === "data" && answer.status === 200) { close(); return say(answer.data.says); }
    notice("failed", { text: answer.data?.detail });
  }

  root.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-send]")) return;
    event.preventDefault();
    send(event.target, event.submitter);
  }, { signal });

  offerUndo();

  // Wanted before the answer has arrived: it is offered when it has.
  const undo = () => inTurn().then(() => document.getElementById("undo")?.requestSubmit());

  return { toggle, digit, close, undo };
}
