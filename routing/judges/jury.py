"""Several judges of a project as one: members vote by weight, and a stated rule says when that is a verdict.

Judges err together: six that agree are not six witnesses (Dawid and Skene's model with six correlated judges drowned
the human label). So nothing is multiplied: how sure the jury is of a share of votes is how often people agreed with it
when it had that share.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Literal

from django.db import connections
from pydantic import BaseModel, ConfigDict, Field, model_validator

from annotation.protocols import Value, protocol
from annotation.protocols.asking import lenient
from common.configs import checked
from common.errors import Invalid
from common.words import gettext_noop as _
from routing.against import supported
from routing.calibration import calibrated
from routing.judges import PATIENCE, Answer, Question, identity_hash, refusal
from routing.judges import judge as judge_plug
from routing.judges.readings import config_of, content_of, orders
from routing.models import Judge

KEY = "jury"


class Member(BaseModel):
    model_config = ConfigDict(extra="forbid")

    judge: str = Field(min_length=1, max_length=80, title=_("Judge"), description=_("Its name in this project."))
    weight: float = Field(default=1.0, gt=0, le=1000, title=_("Weight"))


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    members: list[Member] = Field(
        min_length=2,
        max_length=15,
        title=_("Members"),
        description=_("Judges of this project; each is asked as if it were alone."),
    )
    rule: Literal["plurality", "majority", "unanimous"] = Field(
        "majority",
        title=_("Rule"),
        json_schema_extra={
            "choices": {"plurality": _("most votes"), "majority": _("more than half"), "unanimous": _("all agree")}
        },
        description=_("What a verdict needs; without it the item goes to people."),
    )
    quorum: int = Field(
        2,
        ge=2,
        le=15,
        title=_("Quorum"),
        description=_("So many members must have given a usable answer; a member that fails is a vote less."),
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> "Settings":
        if len({one.judge for one in self.members}) < len(self.members):
            raise ValueError(_("A judge is named twice."))
        if self.quorum > len(self.members):
            raise ValueError(_("The quorum is larger than the jury."))
        return self


@dataclass(frozen=True)
class Vote:
    """What one member said to one question."""

    member: Member
    answer: Answer


class Jury:
    key = KEY
    title = _("Jury of several judges")
    description = _("Asks several judges of this project and takes their votes by weight, under a stated rule.")
    Config = Settings
    protocols = frozenset(
        {"pairwise", "best_of_n", "ranking", "rating", "thumbs", "labels", "steps", "critique", "spans"}
    )
    batch = 8
    reads_recorded = True
    persuadable = True

    def identity(self, config: Settings, project_id: int) -> dict[str, Any]:
        """The members' own identities, whatever they are called. Raises Invalid for one that cannot serve."""
        found = _judges(config, project_id)
        for name, judge in found.items():
            if judge is None or judge.kind == KEY or not judge.usable:
                fault = _("This project has no judge called %(name)s that could serve in a jury.") % {
                    "name": repr(name)
                }
                raise Invalid(fault, code="judge-member", fields={"members": [fault]})
        return _identity(config, found)

    def ask(self, questions: Sequence[Question], config: Settings, project_id: int) -> Iterator[Answer]:
        """All members at once, each in a thread of its own. Who has not answered in time, or has been retired or
        suspended since, has no vote."""
        judges = _judges(config, project_id)
        itself = identity_hash({"kind": KEY} | _identity(config, judges))
        seen = supported(Judge.objects.filter(project=project_id, rater__external_id=itself).first())
        pool = ThreadPoolExecutor(len(config.members))
        try:
            said = {
                pool.submit(_answers, judge, questions): one
                for one in config.members
                if (judge := judges[one.judge]) is not None and judge.usable
            }
            wait(said, timeout=PATIENCE - 10)
            votes = _votes(said, questions)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        for question in questions:
            yield verdict(question, votes[question.call_id, question.field], config, seen)


def _judges(config: Settings, project_id: int) -> Mapping[str, Judge | None]:
    """The members by name, in the order named; None for one that is not there."""
    names = [one.judge for one in config.members]
    rows = Judge.objects.filter(project=project_id, name__in=names).select_related("rater")
    found = {judge.name: judge for judge in rows}
    return {name: found.get(name) for name in names}


def _identity(config: Settings, judges: Mapping[str, Judge | None]) -> dict[str, Any]:
    members = [
        {"identity": judge.rater.external_id if (judge := judges[one.judge]) else "", "weight": one.weight}
        for one in config.members
    ]
    return {"rule": config.rule, "quorum": config.quorum, "members": members}


def _answers(judge: Judge, questions: Sequence[Question]) -> list[Answer]:
    """What a member says; its price a call where it does not reckon by tokens."""
    plug = judge_plug(judge.kind)
    fit = [question for question in questions if question.protocol in plug.protocols]
    config, found = checked(plug.Config, judge.config), []
    try:
        for start in range(0, len(fit), plug.batch):
            found += list(plug.ask(fit[start : start + plug.batch], config, judge.project_id))
    finally:
        connections.close_all()  # this thread's own
    return [_priced(answer, float(judge.price_per_call)) for answer in found]


def _priced(answer: Answer, price: float) -> Answer:
    if answer.cost or answer.passing:
        return answer
    return Answer(**(vars(answer) | {"cost": price}))


def _votes(
    said: Mapping["Future[list[Answer]]", Member], questions: Sequence[Question]
) -> Mapping[tuple[int, str], list[Vote]]:
    """(call, field) → the votes, in the order of the members. A member that broke down may do better another time."""
    votes: dict[tuple[int, str], list[Vote]] = defaultdict(list)
    for future, member in said.items():
        broken = not future.done() or future.exception() is not None
        lost = [
            refusal(question, _("It broke down or did not answer in time."), passing=True) for question in questions
        ]
        for answer in lost if broken else future.result():
            votes[answer.call_id, answer.field].append(Vote(member, answer))
    return votes


def verdict(
    question: Question, votes: Sequence[Vote], config: Settings, seen: Sequence[tuple[float, float, float]] = ()
) -> Answer:
    """The jury's answer. `seen`: (share of votes, how far people agreed, weight) of items that people have judged too.

    The verdict is the member's answer that lies nearest to all others, by the distance of the form: of a comparison the
    choice with most votes, of a ranking the one that contradicts the others least.
    """
    plug, settings = protocol(question.protocol), config_of(question)
    content = content_of(question, orders(question, both=False)[0])
    usable: list[tuple[Vote, Value]] = []
    kept = []
    for vote in votes:
        value, fault = None, vote.answer.error
        if vote.answer.value is not None:
            try:
                value = plug.normal_form(vote.answer.value, lenient(settings), content)
                usable.append((vote, value))
            except Invalid as wrong:
                fault = wrong.detail
        kept.append(_kept(vote, fault if value is None else plug.display_form(value, content)))
    spent: dict[str, Any] = {
        "tokens": sum(vote.answer.tokens for vote in votes),
        "cost": sum(vote.answer.cost for vote in votes),
        "orders": kept,
    }
    if len(usable) < config.quorum:
        fault = _("Only %(count)s of %(size)s members gave a usable answer; the quorum is %(quorum)s.") % {
            "count": len(usable),
            "size": len(config.members),
            "quorum": config.quorum,
        }
        passing = any(vote.answer.passing for vote in votes)
        return refusal(question, fault, passing=passing, **spent)
    total = sum(vote.member.weight for vote, _value in usable)
    far = [sum(vote.member.weight * plug.distance(value, one) for vote, one in usable) for _vote, value in usable]
    value = usable[far.index(min(far))][1]
    rivals = [one for (_vote, one), gap in zip(usable, far, strict=True) if gap <= min(far) + 1e-9]
    share = 1 - min(far) / total
    spent["orders"] = [one | {"support": round(share, 6)} for one in spent["orders"]]
    if any(plug.distance(value, one) > 0 for one in rivals):
        return refusal(question, _("The members' votes stand against each other."), **spent)
    if (config.rule == "majority" and share <= 0.5) or (config.rule == "unanimous" and share < 1 - 1e-9):
        fault = _("The verdict has %(share)s of the votes, and the rule asks for more.") % {"share": f"{share:.2f}"}
        return refusal(question, fault, **spent)
    return Answer(
        question.call_id,
        question.field,
        value,
        calibrated(share, seen),
        tuple(spent["orders"]),
        tokens=spent["tokens"],
        cost=spent["cost"],
    )


def _kept(vote: Vote, told: Value | str) -> dict[str, Any]:
    """A member's verdict in the item's own order, in display terms, without its reasons; or what is wrong with it."""
    kept: dict[str, Any] = {"member": vote.member.judge, "weight": vote.member.weight}
    if isinstance(told, str):
        return kept | {"fault": told}
    kept |= {"confidence": vote.answer.confidence}
    if vote.answer.value and "choice" in vote.answer.value:
        return kept | {"choice": vote.answer.value["choice"]}
    return kept | {"verdict": {key: one for key, one in told.items() if key != "rationale"}}


JUDGE = Jury()
