// Never lose work: every change is kept on the device at once and on the server 800 ms after the last one (5 s at most).

import { drafts } from "./device.js";
import { beacon, post } from "./net.js";

const IDLE_MS = 800;
const LONGEST_MS = 5000;
const RETRY_MS = 5000;
const FINAL = ["lease-lost", "item-void", "already-answered"];

/** The fields of the judgement as one string: what is kept, compared and filled in again. */
export function readFields(form) {
  const fields = new URLSearchParams(new FormData(form));
  for (const name of ["csrfmiddlewaretoken", "active_ms", "version"]) fields.delete(name);
  fields.sort();
  return fields.toString();
}

export function fillFields(form, kept) {
  const fields = new URLSearchParams(kept);
  for (const control of form.elements) {
    if (!control.name || control.type === "submit" || (control.type === "hidden" && control.dataset.kept === undefined)) continue;
    if (control.type === "radio") control.checked = fields.get(control.name) === control.value;
    else if (control.type === "checkbox") control.checked = fields.getAll(control.name).includes(control.value);
    else if (control.type === "number") control.value = fields.getAll(control.name).find((text) => text !== "" && Number.isFinite(Number(text))) ?? "";
    else if ("value" in control) control.value = fields.get(control.name) ?? "";
  }
}

export class Keeper {
  #form; #place; #clock; #on; #version; #dirty = false; #sending = false; #idle; #longest; #retry; #stopped = false;

  /**
   * `place`: {token, former, rater, draftUrl, version}; without a draftUrl only the device keeps.
   * `on`: {state(name, at?), stale({version, fields}), lost(), signedOut()}.
   */
  constructor(form, place, clock, on) {
    this.#form = form;
    this.#place = place;
    this.#clock = clock;
    this.#on = on;
    this.#version = place.version;
  }

  /** What the device knows about this assignment, under any of its tokens; `ahead`: the server does not have it yet. */
  static kept(place) {
    const records = [place.token, ...place.former].map((token) => drafts.get(token));
    return records.find((record) => record?.rater === place.rater) ?? null;
  }

  changed() {
    if (this.#stopped) return;
    this.#dirty = true;
    const kept = this.#keepHere();
    if (!this.#place.draftUrl) return this.#on.state(kept ? "device" : "nowhere");
    this.#on.state("saving");
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.send(), IDLE_MS);
    this.#longest ??= setTimeout(() => this.send(), LONGEST_MS);
  }

  #keepHere() {
    return drafts.put(this.#place.token, {
      rater: this.#place.rater, fields: readFields(this.#form), version: this.#version, ahead: this.#dirty, active: this.#clock.value(),
    });
  }

  #body(fields) {
    const body = new URLSearchParams(fields);
    body.set("version", String(this.#version));
    return body;
  }

  async send() {
    this.#unschedule();
    if (!this.#dirty || this.#sending || this.#stopped || !this.#place.draftUrl) return;
    const fields = readFields(this.#form);
    this.#sending = true;
    const answer = await post(this.#place.draftUrl, this.#body(fields));
    this.#sending = false;
    if (this.#stopped) return;
    if (answer.kind === "data" && answer.status === 200) this.#saved(fields, answer.data);
    else this.#refused(answer);
  }

  #saved(fields, { version }) {
    this.#version = version;
    if (readFields(this.#form) === fields) {
      this.#dirty = false;
      this.#keepHere();
      this.#on.state("saved", new Date());
    } else this.changed();
  }

  #refused(answer) {
    const code = answer.data?.code;
    if (code === "draft-stale") { this.#stopped = true; return this.#on.stale(answer.data); }
    if (FINAL.includes(code)) { this.#on.state("device"); return this.#on.lost(code); }
    if (answer.kind === "signed-out") { this.#on.state("device"); return this.#on.signedOut(); }
    this.#on.state(answer.kind === "offline" ? "offline" : "device");
    this.#retry = setTimeout(() => this.send(), RETRY_MS);
  }

  #unschedule() {
    for (const timer of [this.#idle, this.#longest, this.#retry]) clearTimeout(timer);
    this.#longest = undefined;
  }

  /** Keeps on keeping; after a choice between two versions what is in the form replaces the server's `version`. */
  resume(version = this.#version) {
    this.#version = version;
    this.#stopped = false;
    this.changed();
  }

  /** The page is going away. */
  leave() {
    if (!this.#dirty || this.#stopped) return;
    this.#keepHere();
    if (this.#place.draftUrl) beacon(this.#place.draftUrl, this.#body(readFields(this.#form)));
  }

  /** The work was handed in, or the page shows something else: nothing is sent any more. */
  stop({ forget = false } = {}) {
    this.#stopped = true;
    this.#unschedule();
    if (forget) for (const token of [this.#place.token, ...this.#place.former]) drafts.forget(token);
  }
}
