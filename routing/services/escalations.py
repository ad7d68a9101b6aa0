"""Sending to people what a judge has kept, after the fact: ordered by an admin, carried out in the background."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from pydantic import BaseModel, ConfigDict, Field

from accounts.models import User
from accounts.services import audit
from annotation.models import Item
from annotation.selectors.listing import Filters, filtered
from annotation.services.forms import current_form
from annotation.services.items import lock_items
from common.configs import checked
from common.errors import Conflict, Invalid
from common.words import gettext_noop as _
from projects.models import Project
from routing import answers
from routing.answers import Comparison
from routing.models import Decision, Escalation, Judge, JudgeCall
from routing.policies import HUMAN
from routing.services import budgets
from routing.services.decisions import carry_out, later_words, price
from routing.services.features import with_texts
from routing.services.plans import current_plan
from routing.words import ESCALATION, Word, forced

BATCH = 500
SPENT = _("The budget for people is spent.")
LATER = _("It waits for the budget's next period.")


class Criteria(BaseModel):
    """Which of the items that a judge has kept; what is left out asks for nothing. All must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    risk: float | None = Field(
        None,
        ge=0,
        le=1,
        title=_("Risk from"),
        description=_("From 0 to 1: that the judge is wrong, as the router saw it."),
    )
    below: float | None = Field(
        None,
        ge=0,
        le=1,
        title=_("Confidence of the label below"),
        description=_("From 0 to 1, as the list of items shows it."),
    )
    tag: str = Field("", max_length=200, title=_("Tag"), description=_("Of the prompt: a key, or key=value."))
    judge: int | None = Field(None, title=_("Kept by"), description=_("Left out: any judge."))
    second: int | None = Field(
        None, title=_("Another judge disagrees"), description=_("A judge that has answered the item otherwise.")
    )


def order(*, project: Project, criteria: object, by: User | None = None) -> Escalation:
    """Begins one. Raises Invalid for criteria that are none, are faulty or name no judge of the project, Conflict where
    nothing is like that, where another is at work, or where no plan is in force."""
    wanted = checked(Criteria, criteria)
    if not wanted.model_dump(exclude_defaults=True):
        raise Invalid(
            gettext("Say which items: without a condition everything that the judge has kept would go to people."),
            code="no-condition",
        )
    _check_judges(project, wanted)
    if current_plan(project=project) is None:
        raise Conflict(gettext("There is no routing plan yet. Choose one."), code="no-plan")
    found = kept(project, wanted).count()
    if found == 0:
        raise Conflict(gettext("The judge has kept no item that is like this."), code="nothing-found")
    try:
        with transaction.atomic():
            made = Escalation.objects.create(
                project=project, criteria=wanted.model_dump(exclude_defaults=True), items=found, created_by=by
            )
            about = f"project:{project.slug}"
            audit(actor=by, kind="escalation.ordered", subject=about, criteria=made.criteria, items=found)
    except IntegrityError as fault:
        raise Conflict(gettext("Another one is at work. Wait for it, or stop it."), code="at-work") from fault
    return made


def _check_judges(project: Project, wanted: Criteria) -> None:
    known, unknown = {None, *project.judges.values_list("pk", flat=True)}, gettext("There is no such judge.")
    faults = {name: [unknown] for name in ("judge", "second") if getattr(wanted, name) not in known}
    if wanted.second is not None and wanted.second == wanted.judge:
        faults["second"] = [gettext("This must be another judge.")]
    if faults:
        raise Invalid(next(iter(faults.values()))[0], fields=faults)


def kept(project: Project, wanted: Criteria) -> QuerySet[Item]:
    """Items that a judge has answered for good and that no word has sent to people, by all that the database knows of
    `wanted`; whether a second judge disagrees is seen when they are looked at."""
    found = filtered(project, Filters(state=Item.State.DONE, tag=wanted.tag, below=wanted.below))
    words = Decision.objects.filter(item=OuterRef("pk"))
    calls = JudgeCall.objects.filter(item=OuterRef("pk"))
    by = calls.filter(state=JudgeCall.State.ANSWERED, follow_up_due=False)
    by = by if wanted.judge is None else by.filter(judge=wanted.judge)
    found = found.filter(Exists(by), ~Exists(words.exclude(route=Decision.Route.JUDGE)))
    if wanted.risk is not None:
        found = found.filter(Exists(words.filter(risk__gte=wanted.risk)))
    if wanted.second is not None:
        found = found.filter(Exists(calls.filter(judge=wanted.second, state=JudgeCall.State.ANSWERED)))
    return found.order_by("pk")


def carry_on(*, escalation_id: int) -> bool:
    """Looks at the next items; False where there is nothing to do for now. One that dies goes on where it was."""
    try:
        return _step(escalation_id)
    except Exception as fault:  # whatever it was, it must be seen, and can be tried again
        _end(escalation_id, Escalation.State.FAILED, f"{type(fault).__name__}: {fault}"[:500])
        raise


@transaction.atomic
def _step(escalation_id: int) -> bool:
    rows = Escalation.objects.select_for_update(of=("self",), no_key=True).select_related("project")
    own = rows.filter(pk=escalation_id, state=Escalation.State.RUNNING).first()
    if own is None or own.project.state != Project.State.ACTIVE:
        return False
    project, wanted = own.project, checked(Criteria, own.criteria)
    items = list(with_texts(kept(project, wanted).filter(pk__gt=own.after))[:BATCH])
    if not items:
        _end(own.pk, Escalation.State.DONE, "")
        return False
    asked, waiting = _ask_people(project, _disputed(project, wanted, items), own)
    passed = [item.pk for item in items if not waiting or item.pk < min(waiting)]
    own.after = passed[-1] if passed else own.after
    # Those behind the first that waits are met again, but for the ones that people have now.
    own.looked_at += len({*passed, *asked})
    own.asked, own.why = own.asked + len(asked), ""
    if waiting:
        own.why = LATER if _room(project) is budgets.Room.LATER else SPENT
        if own.why == SPENT:
            own.state, own.finished_at = Escalation.State.STOPPED, timezone.now()
    own.save()
    return not waiting


def _room(project: Project) -> budgets.Room:
    with budgets.hold(project.pk) as purse:
        return purse.room(project.overlap, price(project, project.overlap))


def _disputed(project: Project, wanted: Criteria, items: Sequence[Item]) -> Sequence[Item]:
    """Those on which the second judge says otherwise, where that is asked for."""
    if wanted.second is None:
        return items
    ids = [item.pk for item in items]
    other = Judge.objects.get(pk=wanted.second)
    first = Judge.objects.filter(project=project, calls__item__in=ids).exclude(pk=other.pk)
    first = first if wanted.judge is None else first.filter(pk=wanted.judge)
    compared, theirs = Comparison(current_form(project=project)), answers.of_judge(other, ids)
    found = set()
    for judge in first.distinct():
        ours = answers.of_judge(judge, ids)
        found |= {
            pk for pk in ours.keys() & theirs.keys() if compared.agrees(ours[pk].values, theirs[pk].values) is False
        }
    return [item for item in items if item.pk in found]


def _ask_people(project: Project, items: Sequence[Item], own: Escalation) -> tuple[set[int], set[int]]:
    """(items that people are asked about, items that the budget has no room for)."""
    plan = current_plan(project=project)
    if plan is None or not items:
        return set(), set()
    live = lock_items([item.pk for item in items])
    still = [item for item in items if item.pk in live]
    word: Word = forced(
        HUMAN,
        _("The judge's answer stood until now."),
        _("An admin sent it to people afterwards (escalation %(number)s).") % {"number": own.pk},
        purpose=ESCALATION,
    )
    cases = later_words(project, plan, still, [{}] * len(still))
    done = carry_out(project, [(case, word) for case in cases], judged=True)
    return set(done), {item.pk for item in still} - set(done)


def _end(escalation_id: int, state: Escalation.State, why: str) -> None:
    running = Escalation.objects.filter(pk=escalation_id, state=Escalation.State.RUNNING)
    running.update(state=state, why=why, finished_at=timezone.now())


@transaction.atomic
def stop(*, escalation: Escalation, by: User | None = None) -> None:
    """Nothing further is asked; what was asked stays. Raises Conflict where it is not at work."""
    running = Escalation.objects.filter(pk=escalation.pk, state=Escalation.State.RUNNING)
    if not running.update(state=Escalation.State.STOPPED, finished_at=timezone.now()):
        raise Conflict(gettext("It is not at work."), code="not-at-work")
    audit(actor=by, kind="escalation.stopped", subject=f"project:{escalation.project.slug}", escalation=escalation.pk)


@transaction.atomic
def take_up(*, escalation: Escalation, by: User | None = None) -> None:
    """Goes on where it was stopped or failed. Raises Conflict where it was not, or where another is at work."""
    halted = [Escalation.State.STOPPED, Escalation.State.FAILED]
    try:
        with transaction.atomic():
            found = Escalation.objects.filter(pk=escalation.pk, state__in=halted)
            taken = found.update(state=Escalation.State.RUNNING, why="", finished_at=None)
    except IntegrityError as fault:
        raise Conflict(gettext("Another one is at work. Wait for it, or stop it."), code="at-work") from fault
    if not taken:
        raise Conflict(gettext("It was neither stopped nor did it fail."), code="not-halted")
    audit(actor=by, kind="escalation.taken-up", subject=f"project:{escalation.project.slug}", escalation=escalation.pk)


def running() -> QuerySet[Escalation]:
    """What the beat rings for."""
    return Escalation.objects.filter(state=Escalation.State.RUNNING, project__state=Project.State.ACTIVE)
