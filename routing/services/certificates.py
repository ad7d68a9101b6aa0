"""Which certificates hold, of what, and until when. A certificate that has become stale can never be used: what it
speaks of is compared whenever it is read, whether or not its row says yet that it has ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from annotation.models import FormVersion, Item
from annotation.services.forms import current_form
from common.words import gettext_noop as _
from projects.models import Guideline, Project
from routing.models import Alarm, Certificate, Decision, Judge, RiskModel, RoutingPlan, Terms
from routing.sampling import Sampling
from routing.services import risk

SLICES = "slices"
"""In the details: the slices that were given certificates of their own with it, which the one of the rest does not
speak of."""


@dataclass(frozen=True)
class Ground:
    """What a promise is made on; it falls with any of them. `risk_model`: None where the judge's own confidence ranks
    items."""

    judge: Judge
    form_version: FormVersion
    guideline: Guideline | None
    risk_model: RiskModel | None

    @property
    def since(self) -> datetime:
        """Answers that speak of this ground are not older."""
        begun = [self.judge.created_at, self.form_version.created_at]
        return max([*begun, self.guideline.created_at] if self.guideline else begun)

    def of_answers(self) -> dict[str, object]:
        """Conditions on an annotation that was made under this form and this guideline."""
        return {"form_version": self.form_version, "guideline": self.guideline}


def terms_of(project: Project) -> Terms:
    return Terms.objects.filter(project=project).first() or Terms(project=project)


def ground_of(judge: Judge) -> Ground:
    """As it is now."""
    form = current_form(project=judge.project)
    guideline = Guideline.objects.filter(project=judge.project_id).order_by("-number").first()
    return Ground(judge, form, guideline, risk.in_force(judge, form))


def begun(ground: Ground) -> datetime:
    """Samples that promises are made of and watched with are drawn after this: since the ground is what it is, and
    since audits last spoke against the judge."""
    alarms = Alarm.objects.filter(
        project=ground.judge.project_id, kind=Alarm.Kind.AUDIT, details__judge=ground.judge.pk
    )
    last = alarms.order_by("-created_at").values_list("created_at", flat=True).first()
    return max(ground.since, last) if last else ground.since


def in_force(ground: Ground, terms: Terms) -> QuerySet[Certificate]:
    """Certificates of this ground that promise at least what is wanted and have not ended."""
    young = Q(until=None) | Q(until__gt=timezone.now())
    return Certificate.objects.filter(
        young,
        judge=ground.judge,
        form_version=ground.form_version,
        guideline=ground.guideline,
        risk_model=ground.risk_model,
        alpha__lte=terms.alpha,
        delta__lte=terms.delta,
        ended_at=None,
    )


def thresholds(plan: RoutingPlan) -> Mapping[str, float | None]:
    """Tag ("key=value"; "": whatever has no tag here) → the confidence, 1 - risk, from which the plan's judge may keep
    an item; None where nothing could be promised. Empty: no certificate is in force.

    A slice whose certificate has ended by itself is None: the certificate of the rest does not speak of it.
    """
    if plan.judge is None:
        return {}
    rows = list(in_force(ground_of(plan.judge), terms_of(plan.project)))
    carved = {tag for row in rows for tag in row.details.get(SLICES, [])}
    return dict.fromkeys(carved) | {row.tag: row.threshold for row in rows}


def calibrating(plan: RoutingPlan) -> bool:
    """Whether a first certificate is on its way: the plan's calibration sample is being drawn or answered."""
    size = Sampling.model_validate(plan.sampling).calibration if plan.sampling else 0
    if plan.judge is None or not size or thresholds(plan):
        return False
    drawn = Decision.objects.filter(
        plan__judge=plan.judge, purpose=Decision.Purpose.CALIBRATION, created_at__gte=begun(ground_of(plan.judge))
    ).exclude(item__state=Item.State.VOID)
    if drawn.exclude(item__state=Item.State.DONE).exists():
        return True
    count = drawn.count()
    return count >= size or Item.objects.filter(project=plan.project_id, state=Item.State.NEW).exists()


def end(certificates: QuerySet[Certificate], why: str) -> int:
    """They hold no longer, for a reason that an admin can read; how many have."""
    return certificates.filter(ended_at=None).update(ended_at=timezone.now(), ended_why=why)


@transaction.atomic
def end_stale(*, project: Project) -> int:
    """Writes down that certificates have ended, and by what; how many have."""
    ended = 0
    grounds: dict[int, Ground] = {}
    open_ones = Certificate.objects.filter(project=project, ended_at=None).select_related("judge__project")
    for row in open_ones.select_for_update(of=("self",)):
        ground = grounds.get(row.judge_id) or grounds.setdefault(row.judge_id, ground_of(row.judge))
        if why := why_stale(row, ground, timezone.now()):
            ended += end(Certificate.objects.filter(pk=row.pk), why)
    return ended


def why_stale(certificate: Certificate, ground: Ground, now: datetime) -> str:
    """Why a certificate does not speak of `ground`; empty where it does."""
    if ground.judge.retired_at is not None:
        return _("The judge is retired.")
    if certificate.form_version_id != ground.form_version.pk:
        return _("The form has changed.")
    if certificate.guideline_id != (ground.guideline and ground.guideline.pk):
        return _("The guideline has changed.")
    if certificate.risk_model_id != (ground.risk_model and ground.risk_model.pk):
        return _("Another risk model ranks the items.")
    if certificate.until is not None and certificate.until <= now:
        return _("Its time is over.")
    return ""
