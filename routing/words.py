"""A router's word on an item: a policy's verdict, and what is drawn at random beside it. Pure.

Each kind of draw has a number of its own for every item, so that none hangs on another; all probabilities are exact.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from common.words import gettext_noop as _
from routing.policies import BOTH, HUMAN, JUDGE, Verdict, per_cent
from routing.sampling import Sampling

PLAN, PILOT, CALIBRATION, AUDIT, ESCALATION = "plan", "pilot", "calibration", "audit", "escalation"
HIDDEN, SECOND = "hidden", "second"
WEEK = timedelta(days=7)


def uniform(about: str) -> float:
    """In [0, 1), the same for the same text (53 bits of its SHA-256)."""
    return int.from_bytes(hashlib.sha256(about.encode()).digest()[:8], "big") // 2**11 / 2**53


@dataclass(frozen=True)
class Chances:
    """Probabilities of the draws, the same for all items of a batch. `pilot`, `calibration`: of a new item, the second
    of those that the first has left; `audit`: of what the judge would keep; `hidden`, `second`: of what goes to people.
    """

    pilot: float = 0.0
    calibration: float = 0.0
    audit: float = 0.0
    hidden: float = 0.0
    second: float = 0.0

    @property
    def aside(self) -> float:
        """That a new item is drawn for the pilot or for calibration."""
        return self.pilot + (1 - self.pilot) * self.calibration


@dataclass(frozen=True)
class Word:
    """What is carried out. `propensity`: that this very word would be spoken, its route for its purpose. `people`: that
    people are asked by it, of an item that was not set aside for the pilot or for calibration; 1 of one that was.
    `draw`: the number that settled it; `more`: people asked on top of those that the project asks.
    """

    route: str
    purpose: str
    propensity: float
    people: float
    reasons: tuple[str, ...]
    draw: float | None = None
    risk: float | None = None
    threshold: float | None = None
    more: int = 0

    @property
    def asks_people(self) -> bool:
        return self.route != JUDGE

    @property
    def asks_judge(self) -> bool:
        return self.route != HUMAN

    def with_chance(self, people: float) -> "Word":
        """The word, where a draw settles whether people are asked, with another probability that it asks them; 0: no
        draw could."""
        if not 0 < self.people < 1:
            return self
        share = (people / self.people or 1.0) if self.asks_people else (1 - people) / (1 - self.people)
        return replace(self, people=people, propensity=min(1.0, self.propensity * share))


@dataclass(frozen=True)
class Draws:
    """The numbers of one word on one item. `about`: names item, plan and word."""

    about: str

    def of(self, kind: str) -> float:
        """Uniform on [0, 1), independent of the other kinds' numbers."""
        return uniform(self.about if kind == PLAN else f"{self.about}/{kind}")


def forced(route: str, *reasons: str, purpose: str = PLAN) -> Word:
    """A word that no draw could have changed."""
    return Word(route, purpose, 1.0, float(route != JUDGE), reasons)


def without_people(word: Word, why: str) -> Word:
    """The judge has, or is to have, the item that `word` wanted people for; what was known of it stays."""
    return replace(word, route=JUDGE, purpose=PLAN, propensity=1.0, people=0.0, reasons=(*word.reasons, why), more=0)


SET_ASIDE = {
    PILOT: _("It was drawn for the pilot: people and the judge answer it, and the router learns from it."),
    CALIBRATION: _("It was drawn for calibration: people and the judge answer it, and promises are tested on it."),
}


def drawn_aside(draws: Sequence[Draws], chances: Chances) -> list[Word | None]:
    """Which of a batch of new items are in the pilot or in calibration, with their words; None: neither.

    As many are taken as the chances make of the batch, those with the lowest numbers; a fraction is rounded by a number
    of its own. So each has its chance exactly, and samples are complete when the last item has come.
    """
    found: list[Word | None] = [None] * len(draws)
    left, rest = 1.0, list(range(len(draws)))
    for purpose, chance in ((PILOT, chances.pilot), (CALIBRATION, chances.calibration)):
        if not rest or not chance:
            continue
        wanted = chance * len(rest)
        taken = int(wanted) + (draws[rest[0]].of(f"{purpose}/part") < wanted % 1)
        numbers = {i: draws[i].of(purpose) for i in rest}
        rest.sort(key=numbers.__getitem__)
        told = _("Of the items that wait, %(share)s are drawn.") % {"share": per_cent(chance)}
        for i in rest[:taken]:
            word = Word(BOTH, purpose, left * chance, 1.0, (told, SET_ASIDE[purpose]), numbers[i])
            found[i] = _with_second(word, draws[i], chances)
        rest, left = sorted(rest[taken:]), left * (1 - chance)
    return found


def judge_first(chances: Chances, reason: str) -> Word:
    """Of an item that was not set aside and that the judge is to answer before the policy has a say."""
    return Word(JUDGE, PLAN, 1 - chances.aside, 0.0, (reason,))


def settled(verdict: Verdict, draws: Draws, chances: Chances, *, judged: bool) -> Word:
    """The verdict after the draws, of an item that was not set aside. `judged`: the judge has answered it already, and
    what sets items aside lies behind it.

    With p the probability that the policy asks people, they are asked with p + (1 - p) audit.
    """
    asks = 1 - verdict.propensity if verdict.route == JUDGE else verdict.propensity
    here = (1.0 if judged else 1 - chances.aside) * verdict.propensity
    word = Word(
        verdict.route,
        PLAN,
        here,
        asks + (1 - asks) * chances.audit,
        verdict.reasons,
        draws.of(PLAN),
        verdict.risk,
        verdict.threshold,
    )
    if verdict.route == JUDGE:
        return _audited(word, draws, chances, judged=judged)
    return _with_second(word if judged else _with_hidden(word, draws, chances), draws, chances)


def _audited(word: Word, draws: Draws, chances: Chances, *, judged: bool) -> Word:
    """A word that leaves the item with the judge, unless its number has it audited."""
    number = draws.of(AUDIT)
    if number >= chances.audit:
        return replace(word, propensity=word.propensity * (1 - chances.audit))
    told = _("The judge would keep it; of what it keeps, people judge %(share)s all the same, drawn at random.")
    drawn = _("This item's draw, %(draw)s, was one of them.") % {"draw": f"{number:.4f}"}
    audit = replace(
        word,
        route=HUMAN if judged else BOTH,
        purpose=AUDIT,
        propensity=word.propensity * chances.audit,
        reasons=(*word.reasons, told % {"share": per_cent(chances.audit)}, drawn),
        draw=number,
    )
    return _with_second(audit, draws, chances)


def _with_hidden(word: Word, draws: Draws, chances: Chances) -> Word:
    if draws.of(HIDDEN) >= chances.hidden:
        return replace(word, propensity=word.propensity * (1 - chances.hidden))
    told = _("The judge answers it too, unseen: so it is with %(share)s of what goes to people, drawn at random.")
    reasons = (told % {"share": per_cent(chances.hidden)}, *word.reasons)
    return replace(word, route=BOTH, propensity=word.propensity * chances.hidden, reasons=reasons)


def _with_second(word: Word, draws: Draws, chances: Chances) -> Word:
    if draws.of(SECOND) >= chances.second:
        return word
    told = _("One person more is asked: so it is with %(share)s of what goes to people, drawn at random.")
    return replace(word, more=1, reasons=(told % {"share": per_cent(chances.second)}, *word.reasons))


def aside_chances(sampling: Sampling, *, piloted: int, calibrated: int, waiting: int) -> tuple[float, float]:
    """(pilot, calibration) as Chances has them, so that of `waiting` new items as many are drawn as are missing."""
    pilot = max(0, sampling.pilot - piloted)
    calibration = max(0, sampling.calibration - calibrated)
    left = max(1, waiting - pilot)
    return min(1.0, pilot / max(1, waiting)), min(1.0, calibration / left)


def audit_chance(sampling: Sampling, *, audited: int, expected: float) -> float:
    """`audited`: this week; `expected`: items that the judge will keep in the rest of it."""
    missing = max(0, sampling.audits_a_week - audited)
    return max(sampling.audit_share, min(1.0, missing / max(1.0, expected)) if missing else 0.0)
