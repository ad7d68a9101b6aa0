// What is kept on this device: unsent drafts and unsent submissions, each under the token of its assignment.
// A token cannot be guessed and names one frozen display order, so "A" means the same when it is read again.

const DRAFT = "prefloop:draft:";
const OUTBOX = "prefloop:outbox:";
const DAYS_KEPT = 30;

function read(key) {
  try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
}
/** Whether it could be kept: a private window or a full disk refuses. */
function write(key, value) {
  try { localStorage.setItem(key, JSON.stringify({ ...value, at: Date.now() })); return true; } catch { return false; }
}
function remove(key) {
  try { localStorage.removeItem(key); } catch { /* nothing was kept */ }
}
function keys(prefix) {
  try { return Object.keys(localStorage).filter((key) => key.startsWith(prefix)); } catch { return []; }
}

export const drafts = {
  get: (token) => read(DRAFT + token),
  put: (token, record) => write(DRAFT + token, record),
  forget: (token) => remove(DRAFT + token),
};

export const outbox = {
  put: (token, entry) => write(OUTBOX + token, entry),
  forget: (token) => remove(OUTBOX + token),
  /** Submissions of this rater only: somebody else may have used this device, and theirs wait for them. */
  of: (rater) => keys(OUTBOX).map((key) => ({ token: key.slice(OUTBOX.length), ...read(key) })).filter((entry) => entry.rater === rater),
};

/** Drops drafts too old to be of use to anybody. Submissions are never dropped. */
export function tidy() {
  for (const key of keys(DRAFT)) {
    if (Date.now() - (read(key)?.at ?? 0) > DAYS_KEPT * 86400000) remove(key);
  }
}
