"""How a project routes: one plan in force, each change a new version."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from annotation.services.forms import current_form
from common.configs import checked
from common.errors import Conflict, Invalid
from projects.models import Project
from routing.judges import judge as judge_plug
from routing.models import Budget, Judge, RoutingPlan
from routing.policies import Policy
from routing.policies import policy as policy_plug
from routing.policies.selection import Ranked
from routing.sampling import Sampling


def current_plan(*, project: Project) -> RoutingPlan | None:
    """The plan in force: the highest number; None: nothing is routed yet."""
    return RoutingPlan.objects.filter(project=project).select_related("judge__rater").order_by("-number").first()


def set_plan(
    *,
    project: Project,
    policy: str,
    config: object,
    judge: Judge | None = None,
    sampling: object = None,
    created_by: User | None = None,
) -> RoutingPlan:
    """Puts a new version of the plan in force; the same plan again changes nothing. `sampling`: None for the policy's.

    Raises Invalid (unknown policy, faulty configuration, no judge where one is needed, a judge that cannot fill in the
    form), Conflict where somebody else was faster.
    """
    plug = policy_plug(policy)
    full = checked(plug.Config, config)
    drawn = plug.sampling if sampling is None else checked(Sampling, sampling)
    if judge is None and plug.needs_judge(full):
        raise Invalid(
            _("“%(title)s” needs a judge.") % {"title": _(plug.title)},
            code="judge-missing",
            fields={"judge": [_("Choose a judge.")]},
        )
    if judge is not None:
        _check_judge(project, judge)
    last = current_plan(project=project)
    given: dict[str, Any] = {
        "policy": policy,
        "config": full.model_dump(mode="json"),
        "sampling": drawn.model_dump(mode="json"),
        "judge_id": judge and judge.pk,
    }
    if last and all(getattr(last, name) == value for name, value in given.items()):
        return last
    number = last.number + 1 if last else 1
    try:
        with transaction.atomic():
            Budget.objects.get_or_create(project=project)
            return RoutingPlan.objects.create(project=project, number=number, created_by=created_by, **given)
    except IntegrityError as fault:
        raise Conflict(_("Somebody else has just changed the plan. Look at it, then change it again.")) from fault


def _check_judge(project: Project, judge: Judge) -> None:
    fault = ""
    if judge.project_id != project.pk or judge.retired_at is not None:
        fault = _("This judge is not available.")
    else:
        plug = judge_plug(judge.kind)
        asked = [field for field in current_form(project=project).fields if field.get("required", True)]
        beyond = [field["name"] for field in asked if field["protocol"] not in plug.protocols]
        if beyond or not asked:
            fault = _("The form asks nothing.")
        if beyond:
            fault = _("This judge cannot fill in the form's field “%(name)s”.") % {"name": beyond[0]}
    if fault:
        raise Invalid(fault, code="judge-unfit", fields={"judge": [fault]})


def takes_share(plug: Policy) -> bool:
    """Whether plans of this policy may send a set share of the items to people, the riskiest first."""
    return issubclass(plug.Config, Ranked)


def set_share(*, project: Project, share: float, by: User | None = None) -> RoutingPlan:
    """Puts a plan in force that sends `share` of each batch to people, the riskiest first: the policy in force where it
    ranks items, else `learned`. Raises Invalid (a share not in (0, 1], no plan with a judge)."""
    plan = current_plan(project=project)
    if plan is None or plan.judge is None:
        raise Invalid(_("There is no plan with a judge, so there is no share to choose."), code="judge-missing")
    if takes_share(policy_plug(plan.policy)):
        key, config, sampling = plan.policy, dict(plan.config), plan.sampling
    else:
        key, config, sampling = "learned", {}, None
    config |= {"mode": "batch", "share": share}
    return set_plan(project=project, policy=key, config=config, judge=plan.judge, sampling=sampling, created_by=by)
