"""Judges: making, retiring, asking again what failed."""

from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from annotation.models import Item, Slot
from annotation.services.items import open_slots
from annotation.services.raters import judge_rater
from common.configs import checked
from common.errors import Conflict, Invalid
from projects.models import Project
from routing.judges import identity_hash
from routing.judges import judge as judge_plug
from routing.models import Judge, JudgeCall
from routing.services import budgets
from routing.services.plans import current_plan


def usable(judge: Judge) -> bool:
    """Whether items may be routed to it: it is neither retired nor suspended. The one place that refuses."""
    return judge.usable


def create_judge(
    *,
    project: Project,
    name: str,
    kind: str,
    config: object,
    price_per_call: Decimal = Decimal(0),
    created_by: User | None = None,
) -> Judge:
    """Makes a judge; it is immutable. Raises Invalid (kind, configuration, name), Conflict for a second of the same."""
    plug = judge_plug(kind)
    full = checked(plug.Config, config)
    identity = {"kind": kind} | plug.identity(full, project.pk)
    hashed = identity_hash(identity)
    name = name.strip()
    if not 1 <= len(name) <= 80:
        raise Invalid(_("A judge needs a name."), fields={"name": [_("Give a name of at most 80 characters.")]})
    if Judge.objects.filter(project=project, name=name).exists():
        raise Invalid(_("This name is taken."), fields={"name": [_("Another judge of this project has this name.")]})
    try:
        with transaction.atomic():
            rater = judge_rater(project=project, identity_hash=hashed, name=name)
            made = Judge.objects.create(
                project=project,
                name=name,
                kind=kind,
                config=full.model_dump(mode="json"),
                rater=rater,
                price_per_call=price_per_call,
            )
            audit(
                actor=created_by, kind="judge.created", subject=f"project:{project.slug}", judge=name, judge_kind=kind
            )
    except IntegrityError as fault:
        twin = Judge.objects.filter(project=project, rater__external_id=hashed).first()
        said = (
            _("“%(twin)s” is a judge with exactly this configuration.") % {"twin": twin}
            if twin
            else _("Another judge has this name.")
        )
        raise Conflict(said, code="judge-exists") from fault
    return made


@transaction.atomic
def retire_judge(*, judge: Judge, by: User | None = None) -> Judge:
    """No plan can name it any more; what it said stays. Raises Conflict where the plan in force names it."""
    plan = current_plan(project=judge.project)
    if plan is not None and plan.judge_id == judge.pk:
        raise Conflict(_("The plan in force asks this judge. Change the plan first."), code="judge-in-use")
    if judge.retired_at is None:
        judge.retired_at = timezone.now()
        judge.save(update_fields=["retired_at"])
        audit(actor=by, kind="judge.retired", subject=f"project:{judge.project.slug}", judge=judge.name)
    return judge


def suspend(*, judge: Judge, why: str) -> bool:
    """Nothing is routed to it any more until an admin lifts it; False where it is suspended already."""
    running = Judge.objects.filter(pk=judge.pk, suspended_at=None)
    return bool(running.update(suspended_at=timezone.now(), suspended_why=why))


@transaction.atomic
def ask_again(*, judge: Judge, limit: int = 1000) -> int:
    """Makes failed calls again, as far as the budget has room; returns how many. People stay asked where they were."""
    if judge.retired_at is not None:
        raise Conflict(_("This judge is retired."), code="judge-retired")
    if not usable(judge):
        raise Conflict(_("This judge is suspended."), code="judge-suspended")
    failed = JudgeCall.objects.select_for_update(of=("self",)).filter(judge=judge, state=JudgeCall.State.FAILED)
    asked = 0
    for call in failed.exclude(item__state=Item.State.VOID).select_related("item", "slot").order_by("pk")[:limit]:
        # What an earlier round has cost stays spent; set aside is what is missing to the price of a call.
        missing = max(Decimal(0), judge.price_per_call - call.cost)
        if budgets.allocate(project_id=judge.project_id, labels=0, money=missing) is not budgets.Room.YES:
            break
        if call.slot is None or call.slot.state == Slot.State.VOID:
            call.slot = open_slots(item=call.item, humans=0, judges=1)[0]
        call.state, call.attempt, call.not_before, call.error = JudgeCall.State.QUEUED, 0, None, ""
        call.follow_up_due, call.finished_at = False, None
        call.save()
        asked += 1
    return asked
