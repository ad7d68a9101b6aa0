"""How likely each draw is at the moment: what a plan's sampling asks for, less what was drawn already."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Count, Q
from django.utils import timezone

from common.configs import checked
from routing import words
from routing.models import Decision, Judge, RoutingPlan
from routing.policies import JUDGE, Verdict, policy
from routing.sampling import Sampling
from routing.services.certificates import begun, ground_of
from routing.words import WEEK, Chances

DRAWN = [Decision.Purpose.PILOT, Decision.Purpose.CALIBRATION, Decision.Purpose.AUDIT]
"""As the index `decision_drawn` has them."""


def sampling_of(plan: RoutingPlan) -> Sampling:
    """What the plan does not say is as its policy has it."""
    return checked(Sampling, policy(plan.policy).sampling.model_dump() | plan.sampling)


def set_aside(plan: RoutingPlan, judge: Judge, *, waiting: int) -> Chances:
    """Of the new items, of which so many wait. A sample is of a judge and a form, whatever plan drew it: a new plan
    does not buy another pilot. Calibration begins anew with all that a promise speaks of."""
    sampling = sampling_of(plan)
    if not (sampling.pilot or sampling.calibration):
        return Chances()
    ground = ground_of(judge)
    own = Decision.objects.filter(plan__in=judge.plans.all(), purpose__in=DRAWN)
    since = {"pilot": ground.form_version.created_at, "calibration": begun(ground)}
    found = own.aggregate(
        piloted=Count("pk", filter=Q(purpose=Decision.Purpose.PILOT, created_at__gte=since["pilot"])),
        calibrated=Count("pk", filter=Q(purpose=Decision.Purpose.CALIBRATION, created_at__gte=since["calibration"])),
    )
    pilot, calibration = words.aside_chances(sampling, **found, waiting=waiting)
    return Chances(pilot=pilot, calibration=calibration)


def with_policy(
    chances: Chances, plan: RoutingPlan, judge: Judge | None, verdicts: Sequence[Verdict], *, waiting: int
) -> Chances:
    """`chances` with those of what comes after the policy. Without a judge there is nothing to compare people with.

    `waiting`: items of this turn, of which `verdicts` are some.
    """
    sampling = sampling_of(plan)
    if judge is None:
        return replace(chances, second=sampling.second_share)
    audit = _audit(plan, judge, sampling, verdicts, waiting) if verdicts else 0.0
    return replace(chances, audit=audit, hidden=sampling.hidden_share, second=sampling.second_share)


def _audit(plan: RoutingPlan, judge: Judge, sampling: Sampling, verdicts: Sequence[Verdict], waiting: int) -> float:
    """The same for all verdicts, and of none of their draws: they count by how likely they were."""
    if not sampling.audits_a_week:
        return sampling.audit_share
    now = timezone.now()
    monday = _monday(now)
    own = Decision.objects.filter(plan__in=judge.plans.all(), purpose__in=DRAWN)
    audited = own.filter(purpose=Decision.Purpose.AUDIT, created_at__gte=monday).count()
    if audited >= sampling.audits_a_week:
        return sampling.audit_share
    kept = [one.propensity if one.route == JUDGE else 1 - one.propensity for one in verdicts]
    here = sum(kept) / len(kept) * max(waiting, len(kept))
    usual = _kept_in_week(plan, monday - WEEK) * ((monday + WEEK - now) / WEEK)
    return words.audit_chance(sampling, audited=audited, expected=max(here, usual))


def _monday(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=now.weekday())


def _kept_in_week(plan: RoutingPlan, monday: datetime) -> int:
    """Items that the plan's policy left with the judge in a week that is over, which never changes."""
    key = f"routing/kept/{plan.pk}/{plan.created_at.timestamp()}/{monday:%Y-%m-%d}"
    found: int | None = cache.get(key)
    if found is None:
        plug = policy(plan.policy)
        ordinal = 2 if plug.judge_first(checked(plug.Config, plan.config)) else 1
        kept = Decision.objects.filter(plan__judge=plan.judge_id, plan__project=plan.project_id, ordinal=ordinal)
        week = {"created_at__gte": monday, "created_at__lt": monday + WEEK}
        found = kept.filter(route=Decision.Route.JUDGE, **week).count()
        cache.set(key, found, timeout=int(WEEK.total_seconds()))
    return found
