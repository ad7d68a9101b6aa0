"""What the router says of itself, reckoned again from its export alone: nothing of the product is imported here.

`rows` everywhere: the parsed lines of `routing/decisions/export.jsonl`, of a project with one field, a comparison of
two responses, and one judge that answers every item first.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import binomtest, norm

Row = Mapping[str, Any]

DRAWN = {"pilot", "calibration", "audit"}
WORK = {"counted", "recorded"}
LEAST = 10
"""Audits of which anything worth comparing is said; how many there are is chance, and who comes to the budget first."""
OUTCOMES = ("left", "right", "tie", "both_bad")


# Reading


def people(row: Row) -> list[str]:
    """Their choices, in order; what counts for nothing aside."""
    return [choice(one) for one in row["answers"] if one["kind"] != "judge" and one["standing"] in WORK]


def judge(row: Row) -> str | None:
    found = [choice(one) for one in row["answers"] if one["kind"] == "judge"]
    return found[0] if found else None


def choice(answer: Row) -> str:
    (value,) = answer["values"].values()
    return str(value["choice"])


def confidence(row: Row) -> float | None:
    found = [one["confidence"] for one in row["judge_calls"] if one["state"] == "answered"]
    return found[0] if found else None


def word_that_counts(row: Row) -> Row | None:
    found = [one for one in row["decisions"] if one["asked"] > 0]
    return found[0] if found else None


def set_aside(row: Row, purpose: str) -> bool:
    return any(one["purpose"] == purpose for one in row["decisions"])


def uniform(text: str) -> float:
    """The number in [0, 1) that a draw about `text` had."""
    return (int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) >> 11) / 2.0**53


# The ledger and the budget


def ledger(rows: Sequence[Row]) -> dict[tuple[str, str], tuple[int, Decimal]]:
    """(what for, what became of it) → (labels, money); of the judge, calls."""
    found: dict[tuple[str, str], tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))

    def add(kind: str, state: str, money: Decimal, labels: int = 1) -> None:
        found[kind, state] = (found[kind, state][0] + labels, found[kind, state][1] + money)

    for row in rows:
        for word in row["decisions"]:
            for one in word["bought"]:
                add(word["purpose"], one["state"], Decimal(one["price"]))
        for call in row["judge_calls"]:
            reserved, cost = Decimal(call["reserved"]), Decimal(call["cost"])
            if call["state"] in {"queued", "running"}:
                add("judge", "reserved", reserved)
                continue
            answered = call["state"] == "answered"
            add("judge", "committed", cost, int(answered))
            add("judge", "released", max(reserved - cost, Decimal(0)), int(not answered))
    return dict(found)


def tokens(rows: Sequence[Row]) -> int:
    return sum(call["tokens"] for row in rows for call in row["judge_calls"])


def most_taken(rows: Sequence[Row]) -> tuple[int, Decimal]:
    """(labels of people, money) that were out at once at most, as far as what was given back later lets it be known:
    what has been released counts for nothing. Money: of people, and of calls what they were paid in the end."""
    events = []
    for row in rows:
        for word in row["decisions"]:
            live = [one for one in word["bought"] if one["state"] != "released"]
            events.append((word["created_at"], len(live), sum((Decimal(one["price"]) for one in live), Decimal(0))))
        for call in row["judge_calls"]:
            at = next(one["created_at"] for one in row["decisions"] if one["ordinal"] == call["decision"])
            events.append((at, 0, Decimal(call["cost"])))
    labels, money = 0, Decimal(0)
    for _at, more, dearer in sorted(events):
        labels, money = labels + more, money + dearer
    # Nothing that is counted here is ever taken back, so the last moment is the dearest.
    return labels, money


def taken_before(rows: Sequence[Row], moment: str) -> int:
    """Labels of people that had been asked for by then."""
    return sum(len(word["bought"]) for row in rows for word in row["decisions"] if word["created_at"] <= moment)


# Draws


def wrong_draws(rows: Sequence[Row], slug: str) -> list[str]:
    """Words whose route, purpose, probability and number do not go together. An audit's number is reckoned from the
    name of the item, so that nobody can have chosen it."""
    found = []
    for row in rows:
        words = row["decisions"]
        said = [one["ordinal"] for one in words] == list(range(1, len(words) + 1))
        if not said or sum(one["asked"] > 0 for one in words) > 1:
            found.append(f"{row['item']}: its words are not numbered, or more than one counts")
        for word in words:
            why = _wrong_draw(row, word, slug)
            found += [f"{row['item']}, word {word['ordinal']}: {why}"] if why else []
    return found


def _wrong_draw(row: Row, word: Row, slug: str) -> str:
    asks = word["route"] != "judge"
    if not 0 < word["propensity"] <= 1 or not 0 <= word["asked"] <= 1:
        return "no probability"
    if asks != bool(word["bought"]) or len(word["bought"]) < word["human_labels"]:
        return "its route and what it bought differ"
    if word["purpose"] in {"pilot", "calibration"}:
        return "" if (word["route"], word["asked"], word["ordinal"]) == ("both", 1, 1) else "was drawn aside otherwise"
    if word["purpose"] == "escalation":
        return "" if asks and word["propensity"] == 1 else "escalated otherwise"
    if word["purpose"] == "audit" or (not asks and 0 < word["asked"] < 1):
        number = uniform(f"{slug}/{word['plan']}/{word['ordinal']}/{row['item']}/audit")
        audited = word["purpose"] == "audit"
        if audited != (number < word["asked"]) or (audited and word["draw"] != number):
            return "its number does not say so"
        chance = word["asked"] if audited else 1 - word["asked"]
        return "" if math.isclose(word["propensity"], chance) else "its probability is another"
    if asks:
        return "" if word["asked"] in {0, 1} else "asks people with a chance that is none"
    return "" if word["asked"] == 0 else "the judge has it, and people had it for certain"


# Promises


class Certified(NamedTuple):
    """As the certificate says it; `threshold`: None where nothing can be promised."""

    threshold: float | None
    sample: int
    kept: int
    agreed: int
    bound: float


def surely(k: int, n: int, delta: float) -> float:
    """The exact lower bound on a proportion (Clopper & Pearson 1934), one-sided, by scipy."""
    return float(binomtest(k, n, alternative="greater").proportion_ci(1 - delta, method="exact").low)


def certificate(rows: Sequence[Row], *, alpha: float, delta: float) -> Certified:
    """Fixed-sequence testing from strict to lax: the first border holds a quarter of the sample, and enough items to
    bear one disagreement; each border stands at the end of a group of equal confidence."""
    sample = []
    for row in rows:
        sure, machine, said = confidence(row), judge(row), people(row)
        if set_aside(row, "calibration") and None not in (sure, machine) and said:
            sample.append((sure, machine == said[row["random_key"] % len(said)]))
    n = len(sample)
    enough = next((k for k in range(2, n + 1) if surely(k - 1, k, delta) >= 1 - alpha), n)
    least = max(math.ceil(n / 4), enough)
    passed: Certified | None = None
    for bar in sorted({sure for sure, _ in sample}, reverse=True):
        kept = [agrees for sure, agrees in sample if sure >= bar]
        if len(kept) < least:
            continue
        here = Certified(bar, n, len(kept), sum(kept), surely(sum(kept), len(kept), delta))
        if here.bound < 1 - alpha:
            return passed or here._replace(threshold=None)
        passed = here
    return passed or Certified(None, n, 0, 0, 0.0)


def wrongly_kept(rows: Sequence[Row], *, threshold: float | None, limit: int) -> list[str]:
    """Items that the judge keeps without the certificate, although people could still be paid."""
    found = []
    for row in rows:
        last = row["decisions"][-1]
        sure = confidence(row)
        if last["route"] != "judge" or last["policy"] != "certified":
            continue
        if last["ordinal"] == 1:
            found.append(f"{row['item']}: nobody has decided")
        elif (sure is None or threshold is None or sure < threshold) and taken_before(rows, last["created_at"]) < limit:
            found.append(f"{row['item']}: kept at {sure}")
    return found


class Watched(NamedTuple):
    n: int
    disagree: int
    low: float
    high: float


def audits(rows: Sequence[Row], *, delta: float) -> Watched:
    """Of the audited items, those where people disagree; with bounds that hold whenever one looks (Robbins 1970)."""
    found = [
        judge(row) != said[row["random_key"] % len(said)]
        for row in rows
        if set_aside(row, "audit") and (said := people(row)) and judge(row) is not None
    ]
    n, k = len(found), sum(found)
    return Watched(n, k, at_least(k, n, delta), 1 - at_least(n - k, n, delta))


def at_least(k: int, n: int, delta: float) -> float:
    """The p up to which the uniform mixture of all larger proportions is 1 / delta times as likely as p; by numeric
    integration."""
    if k == 0:
        return 0.0
    peak = k / n

    def log_likelihood(p: float) -> float:
        return (k * math.log(p) if k else 0.0) + ((n - k) * math.log1p(-p) if n > k else 0.0)

    top = log_likelihood(min(peak, 1 - 1e-15))

    def evidence(p: float) -> float:
        split = [peak] if p < peak < 1 else None
        above, _ = quad(lambda q: math.exp(log_likelihood(q) - top), p, 1 - 1e-15, points=split, limit=200)
        return math.log(above) - math.log1p(-p) - (log_likelihood(p) - top) + math.log(delta)

    return float(brentq(evidence, 1e-12, min(peak, 1 - 1e-12))) if evidence(1e-12) > 0 else 0.0


# Figures


class Figure(NamedTuple):
    value: float
    low: float
    high: float
    labelled: int
    items: int


class Column(NamedTuple):
    """One figure item by item. `said`: people's mean, NaN where they were not asked; `machine`: the judge's;
    `chance`: that people were asked and have answered."""

    said: np.ndarray
    machine: np.ndarray
    chance: np.ndarray


def columns(rows: Sequence[Row], field: str) -> dict[str, Column]:
    """ "share field=answer" and "win field=model" → what each is made of."""
    counting = [(row, word) for row in rows if row["state"] != "void" and (word := word_that_counts(row))]
    kinds = [_kind(word) for _row, word in counting]
    drawn = Counter(kinds)
    done = Counter(kind for (row, _), kind in zip(counting, kinds, strict=True) if kind and people(row))
    chance = np.array(
        [w["asked"] * (done[k] / drawn[k] if k else 1) for (_, w), k in zip(counting, kinds, strict=True)]
    )
    met = {one for row, _ in counting for one in [*people(row), judge(row)] if one in OUTCOMES}
    models = sorted({one["model"] for row, _ in counting for one in row["responses"]})
    measures: dict[str, Callable[[Row, str], float]] = {}
    for answer in met:
        measures[f"share {field}={answer}"] = lambda _row, said, answer=answer: float(said == answer)
    for model in models:
        measures[f"win {field}={model}"] = lambda row, said, model=model: _won(row, said, model)
    found = {}
    for name, measure in measures.items():
        said = [
            np.mean([measure(row, one) for one in people(row)]) if word["route"] != "judge" and people(row) else np.nan
            for row, word in counting
        ]
        machine = [measure(row, one) if (one := judge(row)) else np.nan for row, _ in counting]
        found[name] = Column(np.array(said), np.array(machine), chance)
    return found


def _kind(word: Row) -> str:
    if word["route"] == "judge":
        return ""
    return str(word["purpose"]) + ("" if word["asked"] < 1 else ", certain")


def _won(row: Row, said: str, model: str) -> float:
    """What the first response is to `left`, the second is to `right`."""
    sides = dict(zip(("left", "right"), (one["model"] for one in row["responses"]), strict=True))
    return float(sides[said] == model) if said in sides else 0.5


def figure(column: Column) -> Figure:
    """Augmented inverse propensity weighting: the judge's word everywhere, corrected where people were asked."""
    asked = ~np.isnan(column.said)
    errors = np.where(asked, column.said - column.machine, 0.0) / column.chance
    each = column.machine + errors
    half = norm.isf(0.025) * np.sqrt(each.var(ddof=1) / len(each))
    return Figure(each.mean(), each.mean() - half, each.mean() + half, int(asked.sum()), len(each))


def figure_by_ppi(column: Column) -> float | None:
    """The same by ppi-python, whose weights sum to one where those of inverse propensity do so on average only; None
    where it is not installed."""
    try:
        from ppi_py import ppi_mean_pointestimate
    except ImportError:
        return None
    asked = ~np.isnan(column.said)
    weights = 1 / column.chance[asked]
    found = ppi_mean_pointestimate(column.said[asked], column.machine[asked], column.machine, lam=1, w=weights)
    rest = column.machine.mean()
    return float(rest + (np.ravel(found)[0] - rest) * weights.sum() / len(asked))


# Labels


def label(row: Row) -> dict[str, Any] | None:
    """People's majority; where no person has answered, the judge's word."""
    votes = [one for one in people(row) if one in OUTCOMES]
    by_people = bool(votes)
    if not votes:
        votes = [one for one in [judge(row)] if one in OUTCOMES]
    if not votes:
        return None
    counts = Counter(votes)
    most = max(counts.values())
    first = [one for one, times in counts.items() if times == most]
    return {
        "choice": first[0] if len(first) == 1 else "split",
        "confidence": most / len(votes),
        "soft": {one: counts[one] / len(votes) for one in OUTCOMES},
        "human_count": len(votes) if by_people else 0,
        "judge_count": 0 if by_people else len(votes),
    }


def wrong_labels(rows: Sequence[Row]) -> list[str]:
    found = []
    for row in rows:
        wanted = label(row)
        given = [
            {
                "choice": one["value"]["choice"],
                **{key: one[key] for key in ("confidence", "soft", "human_count", "judge_count")},
            }
            for one in row["labels"]
        ]
        if given != ([wanted] if wanted else []):
            found.append(f"{row['item']}: {given}, reckoned {wanted}")
    return found
