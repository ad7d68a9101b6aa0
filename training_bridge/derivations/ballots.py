"""What a judgment votes for, in codes that mean the same on every item; and back, to the label that such votes make.

A *part* of an answer is what is voted on by itself: the whole of a comparison (""), a pair of a ranking ("12~15"). A
*question* is what many parts have in common ("#~#"): raters' errors are told for each question. An outcome that names a
response by its id is coded by its place ("#0"), because ids differ from item to item.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import cast

from annotation.consensus.majority_each import Parted
from annotation.protocols import Value, protocol
from annotation.protocols.pairwise import SIDES

VOTED = {"majority", "majority_each"}
"""Rules whose labels are made of votes; scores and texts are not voted on."""
WHOLE = ""
EQUAL = 1e-9
"""Outcomes whose probabilities differ by less share the first place: the vote is split."""

Shares = dict[str, float]


@dataclass(frozen=True)
class Ballot:
    """One vote on one part. `sides`: the ids of the two responses that it compares, or None."""

    part: str
    question: str
    outcome: str
    sides: tuple[int, int] | None


@dataclass(frozen=True)
class Derived:
    """A label as a derivation has it: `soft` and `value` as consensus rules give them; `confidence` in [0, 1]."""

    value: Value
    soft: Shares
    confidence: float


def ballots(key: str, value: Value) -> list[Ballot]:
    """What an answer of the protocol `key` votes for, by part; nothing where it cannot be used or is no vote."""
    plug = protocol(key)
    if plug.rule == "majority":
        outcome = plug.outcome(value)
        sides = (value["left"], value["right"]) if SIDES[0] in value else None
        return [] if outcome is None else [Ballot(WHOLE, WHOLE, outcome, sides)]
    if plug.rule != "majority_each":
        return []
    cast_votes = cast(Parted, plug).ballots(value)
    return [_ballot(part, outcome, value) for part, outcome in sorted(cast_votes.items())]


def _ballot(part: str, outcome: str, value: Value) -> Ballot:
    ids = _named(part, value)
    coded = f"#{ids.index(outcome)}" if outcome in ids else outcome
    sides = (int(ids[0]), int(ids[1])) if "~" in part else None
    return Ballot(part, re.sub(r"\d+", "#", part), coded, sides)


def _named(part: str, value: Value) -> list[str]:
    """The ids that an outcome of a part can name: those in its own name, else those of all responses chosen among."""
    return part.split("~") if "~" in part else [str(pk) for pk in sorted(value.get("among") or ())]


def comparison(question: str, outcomes: Sequence[str]) -> tuple[int, int, int | None] | None:
    """Codes of left, right and tie in a question that compares two responses; None for any other question."""
    left, right, tie = (*SIDES, "tie") if question == WHOLE else ("#0", "#1", "=")
    if question not in (WHOLE, "#~#"):
        return None
    codes = {name: code for code, name in enumerate(outcomes)}
    if left not in codes or right not in codes:
        return None
    return codes[left], codes[right], codes.get(tie)


def outcomes_of(key: str, question: str) -> tuple[str, ...]:
    """Outcomes that a question has whether or not anybody voted for them."""
    if question == "#~#":
        return ("#0", "#1", "=")
    return protocol(key).outcomes if question == WHOLE else ()


def derived(key: str, votes: Sequence[Value], shares: Mapping[str, Shares]) -> Derived:
    """The label of one item by the probabilities `shares` of each part's outcomes; `votes`: the answers it rests on.

    An outcome that nobody voted for wins nothing: the label then says that the votes are split.
    """
    plug = protocol(key)
    cast_by = {(one.part, one.outcome): value for value in votes for one in ballots(key, value)}
    won = {part: _first(found) for part, found in shares.items()}
    confidence = round(fmean(max(found.values()) for found in shares.values()), 6)
    if WHOLE in shares:
        first = won[WHOLE]
        agreed = [value for value in votes if plug.outcome(value) == first]
        value = plug.merged(first, agreed) if first is not None and agreed else plug.split(votes)
        return Derived(value, dict(shares[WHOLE]), confidence)
    some = votes[0]
    elected = {part: _decoded(part, first, some) if (part, first) in cast_by else None for part, first in won.items()}
    soft = {f"{part}={_decoded(part, name, some)}": p for part, found in shares.items() for name, p in found.items()}
    return Derived(cast(Parted, plug).elected(elected, votes), soft, confidence)


def _first(found: Shares) -> str | None:
    """The outcome of the highest probability; None where two share it."""
    (first, most), *others = sorted(found.items(), key=lambda pair: -pair[1])
    return None if others and most - others[0][1] < EQUAL else first


def _decoded(part: str, outcome: str | None, value: Value) -> str | None:
    ids = _named(part, value)
    if outcome is None or not re.fullmatch(r"#\d+", outcome):
        return outcome
    place = int(outcome[1:])
    return ids[place] if place < len(ids) else outcome
