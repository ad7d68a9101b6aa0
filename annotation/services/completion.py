"""Whether a rater has done their part, and the code that says so to whoever pays them."""

from dataclasses import dataclass
from urllib.parse import quote

from annotation.models import Rater
from annotation.standings import IN_SLOTS, current
from projects.models import Completion, Membership
from projects.services.completion import earn


@dataclass(frozen=True)
class Done:
    """What a rater is shown. `url`: the way back to the platform, the code in it; may be empty."""

    code: str
    url: str


@dataclass(frozen=True)
class Part:
    """`target` None: as long as there is something. `done` None: not yet. `newly`: it was earned just now."""

    answered: int
    target: int | None
    done: Done | None
    newly: bool = False


def answered(rater: Rater) -> int:
    """How many items a rater has answered that count."""
    return current().filter(rater=rater, standing__in=IN_SLOTS).count()


def part_of(*, member: Membership, rater: Rater | None, nothing_left: bool = False) -> Part | None:
    """How far a rater is, and their code once they have earned it; None where the project shows none.

    Earned with `target` answers, or with one at least where `nothing_left` says that nothing is left for them.
    """
    plan = Completion.objects.filter(project=member.project_id).first()
    if plan is None:
        return None
    count = answered(rater) if rater else 0
    enough = plan.target is not None and count >= plan.target
    newly = member.completed_at is None and (enough or (nothing_left and count > 0))
    if newly:
        member = earn(member=member)
    return Part(count, plan.target, _done(plan, member) if member.completed_at else None, newly)


def _done(plan: Completion, member: Membership) -> Done:
    code = plan.code if plan.kind == Completion.Kind.PROJECT else member.completion_code
    return Done(code, plan.url.replace("{code}", quote(code, safe="")))
