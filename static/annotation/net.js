// Talking to the server: one way to post a form, and one answer for each thing that can happen on the way.

function cookie(name) {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

// A sign-in in another tab changes the token, so it is read when it is needed, never kept.
export const csrfToken = () => cookie("csrftoken") || document.querySelector("[name=csrfmiddlewaretoken]")?.value || "";

/**
 * Posts URL-encoded `body` to `url`. Resolves to {kind, status, url?, text?, data?}, never rejects:
 * kind "page" (HTML of the product), "data" (JSON), "signed-out" (the session ended or changed),
 * "offline" (no answer came) or "error" (an answer that is neither).
 */
export async function post(url, body, { timeout = 20000 } = {}) {
  const fields = new URLSearchParams(body);
  fields.delete("csrfmiddlewaretoken");
  let response;
  let text = "";
  try {
    response = await fetch(url, {
      method: "POST", body: fields, redirect: "manual", credentials: "same-origin", signal: AbortSignal.timeout(timeout),
      headers: { "X-CSRFToken": csrfToken(), "X-Requested-With": "fetch" },
    });
    text = response.type === "opaqueredirect" ? "" : await response.text();
  } catch {
    return { kind: "offline", status: 0 };
  }
  // Only the sign-in page is ever reached by a redirect here: the product answers such posts in place.
  if (response.type === "opaqueredirect" || response.status === 403) return { kind: "signed-out", status: response.status };
  if ([502, 503, 504].includes(response.status)) return { kind: "offline", status: response.status };
  const type = response.headers.get("content-type") ?? "";
  if (type.includes("json")) return { kind: "data", status: response.status, data: JSON.parse(text) };
  if (type.includes("html") && response.status < 500) {
    return { kind: "page", status: response.status, url: response.headers.get("content-location"), text };
  }
  return { kind: "error", status: response.status };
}

let last = Promise.resolve();

/**
 * Posts what moves the rater on (an answer, a skip, an undo), one after the other: what the server answers to the last
 * is the page to be on. Where `signal` says that the page it came from is gone by then: {kind: "gone"}.
 */
export function postInTurn(url, body, signal) {
  const mine = last.then(() => (signal?.aborted ? { kind: "gone", status: 0 } : post(url, body)));
  last = mine;
  return mine;
}

/** Resolves when nothing of the kind is on its way. */
export const inTurn = () => last;

/** Sends `body` while the page is going away; nobody waits for the answer. */
export function beacon(url, body) {
  const fields = new URLSearchParams(body);
  fields.set("csrfmiddlewaretoken", csrfToken());
  return navigator.sendBeacon(url, fields);
}
