// A ranking: cards go into lanes by digit, by drag, or by the rank chosen on the card. The ranks chosen are the answer;
// where a card lies is read off them, so that a draft, a correction and another tab put it there again.

const REJECT = "x";

export function attach(section, page) {
  const board = section.querySelector("[data-board]");
  const cards = [...board.querySelectorAll("[data-card]")];
  const places = new Map([...board.querySelectorAll("[data-lane-of]")].map((list) => [list.dataset.laneOf, list]));
  const ranks = [...places.keys()].filter((lane) => lane !== "" && lane !== REJECT);
  const { ties, reject, rounds } = Object.fromEntries(["ties", "reject", "rounds"].map((name) => [name, name in board.dataset]));
  const untouched = board.querySelector("[data-untouched]");
  const letter = (card) => card.dataset.card;
  const choice = (card) => card.querySelector("[data-rank]");
  const laneOf = (card) => choice(card).value;
  const unplaced = () => cards.filter((card) => laneOf(card) === "");
  const inLane = (lane) => cards.filter((card) => laneOf(card) === lane);
  /** As they lie on the page: those not placed, then lane after lane. */
  const inOrder = () => [...board.querySelectorAll("[data-card]")];
  let asked = false;
  let placing = false;
  let last = "";

  /** The card that a key means: the one with the focus, else the first that is not placed. */
  const current = () => cards.find((card) => card.contains(document.activeElement)) ?? unplaced()[0];

  function focus(card) {
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  }

  /** Lays every card where its rank says. The one with the focus keeps it. */
  function draw() {
    const held = document.activeElement;
    for (const card of cards) {
      const list = places.get(laneOf(card)) ?? places.get("");
      const after = [...list.children].find((other) => letter(other) > letter(card));
      if (card.parentElement !== list || card.nextElementSibling !== (after ?? null)) list.insertBefore(card, after ?? null);
    }
    if (held !== document.activeElement && board.contains(held)) held.focus({ preventScroll: true });
    const next = current();
    for (const card of cards) {
      card.classList.toggle("current", card === next);
      card.tabIndex = card === next || (!next && card === cards[0]) ? 0 : -1;
    }
    board.toggleAttribute("data-open", unplaced().length > 0);
    if (rounds) ask();
  }

  function place(card, lane) {
    if (lane !== "" && lane !== REJECT && !ties) for (const other of inLane(lane)) if (other !== card) choice(other).value = "";
    choice(card).value = lane;
    if (lane !== "") last = lane;
    fillLast();
    untouched.hidden = true;
    asked = false;
    const words = choice(card).selectedOptions[0].textContent;
    page.say((lane === "" ? board.dataset.back : board.dataset.moved).replace("{letter}", letter(card)).replace("{lane}", words));
    placing = true;
    choice(card).dispatchEvent(new Event("change", { bubbles: true }));
    placing = false;
  }

  /** The last card has one lane only where cards may neither share one nor be rejected. */
  function fillLast() {
    const [only, ...others] = unplaced();
    const free = ranks.filter((rank) => !inLane(rank).length);
    if (only && !others.length && !ties && !reject && free.length === 1) choice(only).value = free[0];
  }

  /** Places the card at hand and goes on to the next that is not placed. */
  function send(lane) {
    const card = current();
    if (!card || (lane !== "" && !places.has(lane))) return false;
    const at = cards.indexOf(card);
    place(card, lane);
    const next = [...cards.slice(at + 1), ...cards.slice(0, at)].find((one) => laneOf(one) === "");
    focus(next ?? card);
    draw();
    if (!next) page.advance(board);
    return true;
  }

  // Rounds: the best of those left, then the worst of those left, until one is left.

  function round() {
    const left = unplaced();
    if (left.length === 0) return null;
    const free = ranks.filter((rank) => !inLane(rank).length);
    const above = ranks.findIndex((rank) => !inLane(rank).length);
    const below = ranks.length - 1 - ranks.findLastIndex((rank) => !inLane(rank).length);
    return { best: above <= below, lane: above <= below ? free[0] : free.at(-1) };
  }

  function ask() {
    const line = board.querySelector("[data-round]");
    const now = round();
    line.hidden = !now || unplaced().length === 1;
    line.textContent = now?.best ? board.dataset.best : board.dataset.worst;
  }

  function pick(number) {
    const card = cards[number - 1];
    const now = round();
    if (!card || !now || laneOf(card) !== "") return Boolean(card);
    place(card, now.lane);
    const [only, ...others] = unplaced();
    if (only && !others.length) place(only, round().lane);
    focus(only && others.length ? only : card);
    draw();
    if (!unplaced().length) page.advance(board);
    return true;
  }

  function step(by) {
    const order = inOrder();
    const now = order.indexOf(cards.find((card) => card.contains(document.activeElement)));
    focus(now < 0 ? current() ?? order[0] : order[Math.min(order.length - 1, Math.max(0, now + by))]);
    draw();
  }

  function expand() {
    const card = current() ?? cards.find((one) => one.contains(document.activeElement));
    const text = card?.querySelector("[data-text]");
    if (!text) return;
    const open = card.classList.toggle("open");
    text.dataset.short ??= text.textContent;
    text.textContent = open ? document.querySelector(`#response-${letter(card)} [data-raw]`)?.textContent ?? text.dataset.short : text.dataset.short;
    card.scrollIntoView({ block: "nearest" });
  }

  // Dragging by mouse or finger: the grip is held, the card follows, the lane under it takes it.

  function drag(card, grip) {
    const rowAt = (event) => document.elementsFromPoint(event.clientX, event.clientY)
      .map((element) => element.closest("[data-lane-row]")?.querySelector("[data-lane-of]") ?? element.closest("[data-lane-of]"))
      .find((list) => list && board.contains(list));
    let from = null;
    const end = () => {
      from = null;
      card.classList.remove("dragged");
      card.style.translate = "";
      for (const list of places.values()) list.classList.remove("over");
    };
    grip.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || choice(card).disabled) return;
      event.preventDefault();
      from = { x: event.clientX, y: event.clientY };
      grip.setPointerCapture(event.pointerId);
      card.classList.add("dragged");
    }, { signal: page.signal });
    grip.addEventListener("pointermove", (event) => {
      if (!from) return;
      card.style.translate = `${event.clientX - from.x}px ${event.clientY - from.y}px`;
      const over = rowAt(event);
      for (const list of places.values()) list.classList.toggle("over", list === over);
    }, { signal: page.signal });
    grip.addEventListener("pointerup", (event) => {
      if (!from) return;
      const over = rowAt(event);
      end();
      if (over) place(card, over.dataset.laneOf);
      focus(card);
      draw();
    }, { signal: page.signal });
    grip.addEventListener("pointercancel", end, { signal: page.signal });
  }

  /** Nothing was placed: the first time it is asked about, the second time the order shown is the answer. */
  function submitting() {
    if (unplaced().length < cards.length || !("must" in board.dataset)) return;
    if (!asked) {
      asked = true;
      untouched.hidden = false;
      return;
    }
    cards.forEach((card, index) => { choice(card).value = ranks[index]; });
    untouched.hidden = true;
    draw();
  }

  for (const card of cards) {
    const grip = card.querySelector("[data-grip]");
    grip.hidden = false;
    drag(card, grip);
    choice(card).addEventListener("change", () => {
      if (!placing) place(card, laneOf(card));
      draw();
    }, { signal: page.signal });
    card.addEventListener("focusin", draw, { signal: page.signal });
    const number = card.querySelector("[data-number]");
    if (number) number.hidden = false;
  }
  for (const part of [board.querySelector(".tiers"), board.querySelector("[data-hint]")]) part.hidden = false;
  page.form.addEventListener("submit", submitting, { capture: true, signal: page.signal });
  draw();

  return {
    refresh: draw,
    digit: (number) => (rounds ? number > 0 && pick(number) : number > 0 && send(String(number))),
    keys: {
      forward: () => step(1),
      back: () => step(-1),
      tie() {
        const lane = last && last !== REJECT ? last : ranks.findLast((rank) => inLane(rank).length);
        if (ties && lane) send(lane);
      },
      reject: () => { if (reject) send(REJECT); },
      expand,
    },
    missing() {
      const begun = unplaced().length < cards.length;
      const left = "must" in board.dataset || begun ? unplaced() : [];
      return left.length ? [{ name: `${board.dataset.needed} ${left.map(letter).join(", ")}`, focus: () => focus(left[0]) }] : [];
    },
    words(kept) {
      const name = choice(cards[0]).name.slice(0, -1);
      const placed = (lane) => cards.filter((card) => kept.get(name + letter(card)) === lane).map(letter).join(" = ");
      return [ranks.map(placed).filter(Boolean).join(" > ")].filter(Boolean);
    },
  };
}
