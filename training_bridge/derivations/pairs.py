"""From a label to a training pair, or to the reason why it teaches none. Pure functions, no database."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from annotation.protocols import protocol
from common.words import gettext_noop as _

Reason = Literal[
    "tie", "both_bad", "split_vote", "unsure", "no_preference", "low_confidence", "other_source",
    "equal_responses", "empty_response", "not_text", "changed",
]  # fmt: skip

REASONS: dict[Reason, str] = {
    "tie": _("A tie: there is nothing to prefer"),
    "both_bad": _("Both responses are bad"),
    "split_vote": _("The votes are split evenly"),
    "unsure": _("Nobody could tell"),
    "no_preference": _("It says of no response that it is better than another"),
    "low_confidence": _("Less confident than asked for"),
    "other_source": _("Judged by others than asked for (people or judges)"),
    "equal_responses": _("The two responses are the same text"),
    "empty_response": _("A response is empty"),
    "not_text": _("A message holds more than text"),
    "changed": _("It was settled anew while the labels were frozen"),
}


@dataclass(frozen=True)
class Pair:
    """One preference. `soft`: P(chosen is better) by the votes, a tie counting half; `tie`: P(they are as good as each
    other), which the tie models of a reward model learn from; 0 where ties are not kept."""

    chosen_id: int
    rejected_id: int
    strength: float
    soft: float
    tie: float = 0.0


def source_of(human_count: int, judge_count: int) -> Literal["human", "judge", "both"]:
    if human_count and judge_count:
        return "both"
    return "judge" if judge_count else "human"


def pair_of(value: Mapping[str, Any], soft: Mapping[str, float], ties: Literal["drop", "keep"]) -> Pair | Reason:
    """The pair that a pairwise label teaches, or why it teaches none.

    `value`: {"choice", "strength", "left", "right"}, left and right being response ids in item order, choice one of
    left, right, tie, both_bad, split; `soft`: {outcome: share of the votes}. A tie or split vote that is kept calls the
    response with more votes (else the left one) chosen.
    """
    choice, left, right = value.get("choice"), value.get("left"), value.get("right")
    if choice == "both_bad":
        return "both_bad"
    if choice not in {"left", "right", "tie", "split"} or left is None or right is None:
        return "unsure"
    if ties == "drop" and choice in {"tie", "split"}:
        return "tie" if choice == "tie" else "split_vote"
    p_left = _p_left(choice, soft)
    left_wins = choice == "left" if choice in {"left", "right"} else p_left >= 0.5
    chosen, rejected = (left, right) if left_wins else (right, left)
    p_chosen, tie = p_left if left_wins else 1 - p_left, _tie(choice, soft) if ties == "keep" else 0.0
    return Pair(chosen, rejected, float(value.get("strength") or 0), round(p_chosen, 6), round(tie, 6))


def pairs_of(
    key: str, value: Mapping[str, Any], soft: Mapping[str, float], ties: Literal["drop", "keep"]
) -> list[Pair] | Reason:
    """All pairs that a label of the protocol `key` teaches, or why it teaches none.

    Of a comparison at most one (`pair_of`); of a ranking, a rating or a best of several what its protocol says.
    """
    if key == "pairwise":
        pair = pair_of(value, soft, ties)
        return [pair] if isinstance(pair, Pair) else pair
    found = protocol(key).preferences(dict(value), soft)
    kept = [one for one in found if ties == "keep" or one.strength > 0]
    if not kept:
        return "tie" if found else "no_preference"
    return [
        Pair(one.chosen_id, one.rejected_id, one.strength, round(one.soft, 6), float(not one.strength)) for one in kept
    ]


def _p_left(choice: str, soft: Mapping[str, float]) -> float:
    """P(left is better) by the votes; whoever saw no difference counts half for either side."""
    if not soft:
        return {"left": 1.0, "right": 0.0}.get(choice, 0.5)
    undecided = 1 - soft.get("left", 0.0) - soft.get("right", 0.0)
    return soft.get("left", 0.0) + undecided / 2


def _tie(choice: str, soft: Mapping[str, float]) -> float:
    """P(tie) by the votes; that both are bad, or that nobody could tell, is none."""
    return soft.get("tie", 0.0) if soft else float(choice == "tie")


def plain_messages(messages: Any) -> list[dict[str, str]] | None:
    """Chat messages as {role, content} with content a string, or None where they hold more than text (images, tools).

    `messages`: [{role, content}], content a string or typed parts [{"type": "text", "text": …}].
    """
    found = []
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            if any(part.get("type") != "text" for part in content):
                return None
            content = "".join(part.get("text", "") for part in content)
        if not isinstance(content, str) or message.get("tool_calls"):
            return None
        found.append({"role": str(message.get("role", "")), "content": content})
    return found


def is_empty(messages: list[dict[str, str]]) -> bool:
    return not any(message["content"].strip() for message in messages)


def split_of(group: str, *, seed: int, test_fraction: float) -> Literal["train", "test"]:
    """Which side a prompt group lies on: by hash, so that it depends on nothing but the group and the seed."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return "test" if int.from_bytes(digest[:8], "big") < test_fraction * 2**64 else "train"
