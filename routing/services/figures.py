"""What people would say of all items that were routed: shares of answers and win rates of models, without the bias of
the routing (`routing.promises.estimates`). A plain mean of labels mixes people on hard items with a judge on easy ones.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from annotation.models import Annotation, Item, ItemResponse
from annotation.protocols import Protocol, Value
from common.configs import checked
from routing import answers
from routing.answers import Comparison, Values
from routing.models import Decision, Reading, RoutingPlan
from routing.policies import policy
from routing.promises import estimates
from routing.services.certificates import Ground

CHUNK = 5000
MOST_MODELS = 50
LEAST = 10
"""Items that people have answered, for a figure to be made."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Routed:
    """One item with a word that counts. `asked`: the probability that it asks people; `why`: the kind of word, "" where
    it did not ask them; `judged`: the judge's answer, where it was to answer whatever became of the item; `people`:
    what they said because of that word.
    """

    item_id: int
    asked: float
    why: str
    judged: Values | None
    people: Sequence[Values]


@dataclass
class Column:
    """One figure, item by item: people's mean (NaN: not asked, or not answered yet), the judge's word (NaN: none), and
    the place of the item in the whole."""

    people: list[float] = field(default_factory=list)
    judged: list[float] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def add(self, row: int, people: Sequence[float], judged: float | None) -> None:
        self.rows.append(row)
        self.people.append(sum(people) / len(people) if people else np.nan)
        self.judged.append(np.nan if judged is None else judged)


@dataclass
class Whole:
    """The routed items, row by row. `asked`, `why`: as Routed has them; `answered`: whether people have.

    `votes`: field whose answers are the same few on every item → (people's votes, None for one that votes for nothing;
    the judge's vote, None without its word).
    `wins`: (field, model) → its column; `compares`: the fields whose answers do compare responses. `unreached`: items
    that people had no chance to be asked of; no figure speaks of them.
    """

    asked: list[float] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    answered: list[bool] = field(default_factory=list)
    unreached: int = 0
    votes: dict[str, list[tuple[tuple[str | None, ...], tuple[str | None] | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    wins: dict[tuple[str, str], Column] = field(default_factory=lambda: defaultdict(Column))
    compares: set[str] = field(default_factory=set)

    def add(self, one: Routed) -> int:
        self.asked.append(one.asked)
        self.why.append(one.why)
        self.answered.append(bool(one.people))
        return len(self.asked) - 1

    def chances(self) -> Floats | None:
        """(N,) P(people were asked and have answered): of what was asked by one kind of word, the part that is answered
        stands for the rest, as the queue's order is random. None where a kind has been asked and none is answered."""
        drawn, done = Counter(self.why), Counter(w for w, a in zip(self.why, self.answered, strict=True) if a)
        if any(not done[kind] for kind in drawn if kind):
            return None
        rates = {kind: done[kind] / drawn[kind] if kind else 1.0 for kind in drawn}
        found: Floats = np.array(self.asked) * np.array([rates[kind] for kind in self.why])
        return found

    def shares(self) -> Iterator[tuple[str, Column]]:
        """("field=answer", its column): whether it was given. Who votes for nothing gives none of them."""
        for name, rows in self.votes.items():
            met = {vote for people, judged in rows for vote in (*people, *(judged or ())) if vote is not None}
            for answer in sorted(met):
                column = Column()
                for row, (people, judged) in enumerate(rows):
                    own = [float(vote == answer) for vote in people]
                    column.add(row, own, None if judged is None else float(judged[0] == answer))
                yield f"{name}={answer}", column


def estimate(column: Column, chances: Floats) -> estimates.Estimate | None:
    """None where people have answered too few. `chances`: of all rows of the whole."""
    people, judged, p = np.array(column.people), np.array(column.judged), chances[column.rows]
    known = ~np.isnan(people)
    if known.sum() < LEAST:
        return None
    # Where no judge has a say, any number that does not hang on the draw serves; near the mean it makes least noise.
    middle = float((people[known] / p[known]).sum() / (1 / p[known]).sum())
    return estimates.routed_mean(people, p, np.where(np.isnan(judged), middle, judged))


def routed(plan: RoutingPlan, ground: Ground) -> Iterator[tuple[list[Routed], int]]:
    """(items with a chance of people, number of those without) by chunks: of the judge's plans, under the form."""
    judge_first = _judge_first(plan)
    first = Decision.objects.filter(
        item__project=plan.project_id,
        ordinal=1,
        plan__judge=ground.judge,
        created_at__gte=ground.form_version.created_at,
    )
    ids = first.exclude(item__state=Item.State.VOID).order_by("item").values_list("item", "plan")
    chunk: list[tuple[int, int | None]] = []
    for row in ids.iterator(chunk_size=CHUNK):
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield _chunk(chunk, ground, judge_first)
            chunk = []
    if chunk:
        yield _chunk(chunk, ground, judge_first)


def _judge_first(plan: RoutingPlan) -> frozenset[int]:
    """The plans by which the judge answers every item, so that its answer does not hang on any draw."""
    found = set()
    for row in RoutingPlan.objects.filter(project=plan.project_id):
        plug = policy(row.policy)
        if plug.judge_first(checked(plug.Config, row.config)):
            found.add(row.pk)
    return frozenset(found)


def _chunk(
    rows: Sequence[tuple[int, int | None]], ground: Ground, judge_first: frozenset[int]
) -> tuple[list[Routed], int]:
    ids = [pk for pk, _ in rows]
    # The one word of an item that counts: the first that might have asked people.
    words = Decision.objects.filter(item__in=ids, asked__gt=0).values_list("item", "route", "purpose", "asked")
    counting = {item_id: (route, purpose, chance) for item_id, route, purpose, chance in words}
    people = answers.of_people(ids, standing=Annotation.Standing.COUNTED, form_version=ground.form_version)
    judged = answers.of_judge(ground.judge, ids, form_version=ground.form_version)
    found = []
    for pk, plan_id in rows:
        if pk not in counting:
            continue
        route, purpose, chance = counting[pk]
        went = route != Decision.Route.JUDGE
        found.append(
            Routed(
                item_id=pk,
                asked=chance,
                why=(purpose if chance < 1 else f"{purpose}, certain") if went else "",
                judged=judged[pk].values if pk in judged and plan_id in judge_first else None,
                people=[one.values for one in people.get(pk, ())] if went else [],
            )
        )
    return found, len(rows) - len(found)


def whole(plan: RoutingPlan, ground: Ground) -> Whole:
    """All routed items of the plan's judge with what each figure needs of them."""
    found, compared = Whole(), Comparison(ground.form_version)
    for items, unreached in routed(plan, ground):
        found.unreached += unreached
        models = _models([one.item_id for one in items])
        for one in items:
            row = found.add(one)
            said = [compared.votes(values) for values in one.people]
            judged = None if one.judged is None else compared.votes(one.judged)
            for name, plug in compared.fields.items():
                if plug.outcomes:
                    own = tuple(votes.get(name) for votes in said)
                    found.votes[name].append((own, None if judged is None else (judged.get(name),)))
            _add_wins(found, row, one, compared, models[one.item_id])
    return found


def _models(ids: Sequence[int]) -> dict[int, dict[int, str]]:
    """Item → {response: the model that wrote it}, where one is named."""
    found: dict[int, dict[int, str]] = defaultdict(dict)
    rows = ItemResponse.objects.filter(item__in=ids).exclude(response__model_name="")
    for item_id, response_id, name in rows.values_list("item", "response", "response__model_name"):
        found[item_id][response_id] = name
    return found


def _add_wins(found: Whole, row: int, one: Routed, compared: Comparison, models: Mapping[int, str]) -> None:
    """Of the item's comparisons between models, the share that each wins; a tie is half a win, and so is no word."""
    if len(set(models.values())) < 2:
        return
    for name, plug in compared.fields.items():
        people = [_won(plug, values[name], models) for values in one.people if name in values]
        judged = _won(plug, one.judged[name], models) if one.judged and name in one.judged else None
        if any([*people, judged]):
            found.compares.add(name)
        for model in set(models.values()):
            own = [won.get(model, 0.5) for won in people]
            found.wins[name, model].add(row, own, None if judged is None else judged.get(model, 0.5))


def _won(plug: Protocol, value: Value, models: Mapping[int, str]) -> dict[str, float]:
    """Model → the share of its comparisons with other models that it wins by one answer."""
    met: dict[str, list[float]] = defaultdict(list)
    for pair in plug.preferences(value):
        chosen, rejected = models.get(pair.chosen_id), models.get(pair.rejected_id)
        if chosen is None or rejected is None or chosen == rejected:
            continue
        won = 0.5 if pair.strength == 0 else 1.0
        met[chosen].append(won)
        met[rejected].append(1 - won)
    return {model: sum(own) / len(own) for model, own in met.items()}


def read_figures(*, plan: RoutingPlan, ground: Ground) -> int:
    """Stores what people would say of all items; returns how many figures. While something asked for is not answered at
    all the figures of before stand, with their date."""
    found = whole(plan, ground)
    chances = found.chances()
    if chances is None:
        return 0
    often = sorted(found.wins.items(), key=lambda one: -len(one[1].rows))[:MOST_MODELS]
    wins = [(f"{name}={model}", column) for (name, model), column in often if name in found.compares]
    kept = []
    for kind, subject, column in [
        *((Reading.Kind.SHARE, *one) for one in found.shares()),
        *((Reading.Kind.WIN, *one) for one in wins),
    ]:
        made = estimate(column, chances)
        if made is None:
            continue
        row, _ = Reading.objects.update_or_create(
            judge=ground.judge,
            kind=kind,
            subject=subject[:300],
            defaults={
                "project": plan.project,
                "value": made.value,
                "low": made.low,
                "high": made.high,
                "labelled": made.labelled,
                "items": made.items,
                "details": {"unreached": found.unreached},
            },
        )
        kept.append(row.pk)
    old = Reading.objects.filter(judge=ground.judge, kind__in=[Reading.Kind.SHARE, Reading.Kind.WIN])
    old.exclude(pk__in=kept).delete()
    return len(kept)
