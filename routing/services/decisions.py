"""Carrying out the router's words, many at a time: what is asked is paid for, its slots are opened, and all of it is
written down. Everything within the caller's transaction, in a number of statements that does not grow with the items.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Max

from annotation.models import Item, Slot
from annotation.services.items import open_locked
from annotation.watch import overlap_of
from common.configs import checked
from projects.models import Project
from routing.features import described
from routing.models import Decision, Judge, JudgeCall, Purchase, RiskModel, RoutingPlan
from routing.policies import Foreseen, ItemView, Knowledge, Verdict, policy
from routing.services.budgets import Room, hold
from routing.services.certificates import thresholds
from routing.services.features import tags_of
from routing.services.risk import model_of, risks
from routing.texts import plain_text
from routing.words import AUDIT, PLAN, Draws, Word


@dataclass(frozen=True)
class Case:
    """One item before the router, under one plan: `ordinal` is the number of the word to be spoken. `represented`: an
    earlier word of the item is the one that counts in figures. `texts`: of the responses, where they are at hand."""

    project: Project
    plan: RoutingPlan
    item: Item
    ordinal: int = 1
    signals: Mapping[str, Any] = field(default_factory=dict)
    represented: bool = False
    texts: Sequence[str] | None = None

    @property
    def draws(self) -> Draws:
        """The same whenever this word on this item under this plan is sought again."""
        return Draws(f"{self.project.slug}/{self.plan.number}/{self.ordinal}/{self.item.external_id}")

    @cached_property
    def features(self) -> dict[str, Any]:
        texts = self.texts
        if texts is None:
            texts = [plain_text(row.response.messages) for row in self.item.item_responses.all()]
        return described(plain_text(self.item.prompt.messages), texts) | dict(self.signals)

    def view(self, foreseen: Foreseen = Foreseen()) -> ItemView:  # noqa: B008  it is frozen
        sure = self.signals.get("confidence")
        return ItemView(self.item.pk, self.draws.of(PLAN), self.features, sure, foreseen, tags_of(self.item))


def later_words(
    project: Project, plan: RoutingPlan, items: Sequence[Item], signals: Sequence[Mapping[str, Any]]
) -> list[Case]:
    """Cases of items that the router has spoken on before."""
    words = Decision.objects.filter(item__in=items).order_by().values_list("item")
    before = {pk: (last, asked) for pk, last, asked in words.annotate(last=Max("ordinal"), most=Max("asked"))}
    return [
        Case(project, plan, item, before.get(item.pk, (0, 0))[0] + 1, told, before.get(item.pk, (0, 0))[1] > 0)
        for item, told in zip(items, signals, strict=True)
    ]


@dataclass(frozen=True)
class Seat:
    """A plan's policy with what it needs to know of a batch of cases, read once. `model`: what gives the risks."""

    plan: RoutingPlan
    views: Sequence[ItemView]
    certified: Mapping[str, float | None]
    model: RiskModel | None = None

    def decide(self, *, quota: int | None, price: float | None = None, part: slice = slice(None)) -> list[Verdict]:
        plug = policy(self.plan.policy)
        known = Knowledge(quota, price, self.certified)
        return plug.decide(self.views[part], checked(plug.Config, self.plan.config), known)


def seat(plan: RoutingPlan, cases: Sequence[Case]) -> Seat:
    """Risks and certificates are for policies that the judge answers first: before, there is nothing to rank by."""
    plug = policy(plan.policy)
    if not plug.judge_first(checked(plug.Config, plan.config)):
        return Seat(plan, [case.view() for case in cases], {})
    model = model_of(plan)
    foreseen = risks(plan, [case.item for case in cases], model)
    views = [case.view(one) for case, one in zip(cases, foreseen, strict=True)]
    return Seat(plan, views, thresholds(plan), model)


def price(project: Project, people: int) -> Decimal:
    """What it costs to ask so many people."""
    return people * project.price_per_label


Instead = Callable[[Case, Word], Word | None]
"""The word on an item for whose people the budget is spent; None: it waits."""


def waits(case: Case, word: Word) -> Word | None:
    return None


@dataclass(frozen=True)
class _Spoken:
    """A word that is paid for. `people`: slots for them; `judge`: who is asked beside or instead."""

    case: Case
    word: Word
    people: int
    judge: Judge | None
    cost: Decimal

    def decision(self, model: RiskModel | None) -> Decision:
        case, word = self.case, self.word
        return Decision(
            item_id=case.item.pk,
            plan_id=case.plan.pk,
            ordinal=case.ordinal,
            route=word.route,
            purpose=word.purpose,
            propensity=word.propensity,
            asked=0.0 if case.represented else word.people,
            draw=word.draw,
            risk=word.risk,
            risk_model_id=model.pk if model is not None and word.risk is not None else None,
            threshold=word.threshold,
            features=case.features,
            reasons=list(word.reasons),
            human_labels=self.people,
            cost=self.cost,
        )


def carry_out(
    project: Project,
    words: Iterable[tuple[Case, Word]],
    *,
    judge: Judge | None = None,
    judged: bool = False,
    model: RiskModel | None = None,
    instead: Instead = waits,
) -> dict[int, Decision]:
    """Item → the decision, of those words that the budget has room for; the others wait, and nothing is changed.

    `judge`: whom words ask that ask a judge; without one they wait, unless the items are `judged` already: then its
    answer stands. The caller has locked the items. What is drawn at random is paid for first, then what is most at
    risk. A period that is spent makes an item wait for the next; where the budget is spent for good, `instead` says
    what becomes of it, and none of the others counts as one that people might have been asked of by chance.
    """
    spoken: list[_Spoken] = []
    in_order = sorted(words, key=_first_paid)
    with hold(project.pk) as purse:
        most = max((overlap_of(project, case.item) for case, _word in in_order), default=0)
        chance = 0.0 if purse.room(most, price(project, most)) is Room.NONE else None
        for case, word in in_order:
            said: Word | None = word
            while said is not None:
                one = _spoken(case, said, judge, judged)
                if one is None:
                    break
                drawn = said.asks_people and 0 < said.people < 1
                room = Room.NONE if drawn and chance is not None else purse.take(one.people, one.cost)
                if room is Room.YES:
                    spoken.append(one)
                if room is not Room.NONE or not said.asks_people:
                    break
                if drawn and chance is None:
                    chance = _chance_left(said, [one.word for one in spoken])
                p, said = said.people, instead(case, said)
                if drawn and said is not None:
                    said = replace(said, people=p, propensity=1 - p)
    if chance is not None:
        spoken = [replace(one, word=one.word.with_chance(chance)) for one in spoken]
    return _write(spoken, model)


def _first_paid(spoken: tuple[Case, Word]) -> tuple[bool, float, float]:
    word = spoken[1]
    return word.purpose == PLAN, (word.draw or 0.0) if word.purpose == AUDIT else 0.0, -(word.risk or 0.0)


def _chance_left(unpaid: Word, paid: Sequence[Word]) -> float:
    """What is left of a chance that the budget cuts short: the first number that it did not reach, as all above it are
    out too (bottom-k sampling: Cohen & Kaplan 2007). 0, for none, where no audit was paid, or other draws are in it."""
    drawn = [word for word in paid if word.asks_people and 0 < word.people < 1]
    audits = {unpaid.purpose, *(word.purpose for word in drawn)} == {AUDIT}
    return unpaid.draw or 0.0 if audits and drawn else 0.0


def _spoken(case: Case, word: Word, judge: Judge | None, judged: bool) -> _Spoken | None:
    """None where the word asks a judge, and there is none to be asked."""
    people = overlap_of(case.project, case.item) + word.more if word.asks_people else 0
    if judged or not word.asks_judge:
        return _Spoken(case, word, people, None, price(case.project, people))
    if judge is None:
        return None
    return _Spoken(case, word, people, judge, price(case.project, people) + judge.price_per_call)


def _write(spoken: Sequence[_Spoken], model: RiskModel | None) -> dict[int, Decision]:
    asking = [one for one in spoken if one.people or one.judge]
    opened = open_locked([(one.case.item, one.people, int(one.judge is not None)) for one in asking])
    made = Decision.objects.bulk_create(one.decision(model) for one in spoken)
    found = {decision.item_id: decision for decision in made}
    bought, calls = [], []
    for one in asking:
        pk = one.case.item.pk
        slots = opened[pk]
        bought += _purchases(found[pk], slots[: one.people], one.case.project.price_per_label)
        if one.judge is not None:
            own = {"judge_id": one.judge.pk, "item_id": pk, "slot_id": slots[-1].pk, "decision_id": found[pk].pk}
            calls.append(JudgeCall(**own))
    Purchase.objects.bulk_create(bought)
    JudgeCall.objects.bulk_create(calls)
    return found


def buy(decision: Decision, slots: Sequence[Slot]) -> None:
    """Writes down what was taken out of the budget for these slots of people, at the price of today."""
    Purchase.objects.bulk_create(_purchases(decision, slots, decision.item.project.price_per_label))


def _purchases(decision: Decision, slots: Sequence[Slot], each: Decimal) -> list[Purchase]:
    return [Purchase(slot_id=slot.pk, decision_id=decision.pk, price=each) for slot in slots]
