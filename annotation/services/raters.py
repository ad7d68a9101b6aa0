"""Who annotates: people of the project and judges, and the desk a rater sits down at."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from accounts.models import User
from annotation.models import FormVersion, Pace, Rater, Slot
from annotation.services import forms
from annotation.services.turns import Look, Standing, midnight_of
from annotation.watch import watch_of
from common.compiled import compiled, first
from common.errors import NotFound
from projects.models import Guideline, Membership, Project

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Of pseudonyms: no letter that reads like a digit."""


@dataclass(frozen=True)
class Desk:
    """What a rater's next lease is made of, read in one query: the item in hand, the form and guideline in force."""

    rater: Rater
    live_slot_id: int | None
    form: FormVersion
    guideline_id: int | None
    guideline_number: int | None
    median_active_ms: int | None
    standing: Standing
    ahead_slot_id: int | None = None
    """The item held ready for after the one in hand."""
    ahead: bool = False
    """It is the item after the one in hand that is asked for."""
    membership: Membership | None = None
    """None: a judge, or somebody who is no member any more."""

    @property
    def paused(self) -> bool:
        """An admin has paused this person here: they are given nothing, not even what they had begun."""
        return self.membership is not None and self.membership.paused_at is not None

    @property
    def welcome_due(self) -> bool:
        """There is a consent to agree to, or a survey to be asked, before anything is given."""
        return self.membership is not None and self.membership.welcome_due


def pseudonym(prefix: str = "R") -> str:
    return f"{prefix}-{''.join(secrets.choice(ALPHABET) for _ in range(8))}"


def _found_or_made(look: Callable[[], Rater | None], make: dict[str, Any]) -> Rater:
    """One row however many ask at once: the constraints of Rater decide who made it."""
    while (rater := look()) is None:
        try:
            with transaction.atomic():
                return Rater.objects.create(**make)
        except IntegrityError:
            continue
    return rater


def known_rater(*, project: Project, user: Any) -> Rater | None:
    """`user` as a rater of `project`; None where they have not begun."""
    return first(_known(project=project.pk, user=user.pk))


@compiled
def _known(*, project: int, user: int) -> QuerySet[Rater]:
    return Rater.objects.filter(project=project, user=user)


def rater_for(*, project: Project, user: User) -> Rater:
    """The person `user` as a rater of `project`, made on first use under a random pseudonym."""
    return _found_or_made(
        lambda: known_rater(project=project, user=user),
        {"project": project, "user": user, "kind": Rater.Kind.PERSON, "pseudonym": pseudonym()},
    )


def judge_rater(*, project: Project, identity_hash: str, name: str) -> Rater:
    """The judge whose model, prompt, parser and sampling hash to `identity_hash`; `name` begins its pseudonym."""
    kind = Rater.Kind.JUDGE
    return _found_or_made(
        lambda: Rater.objects.filter(project=project, kind=kind, external_id=identity_hash).first(),
        {"project": project, "kind": kind, "external_id": identity_hash, "pseudonym": pseudonym(name[:30])},
    )


def recorded_rater(*, project_id: int, human: bool, external_id: str) -> Rater:
    """An annotator known only from an import."""
    kind = Rater.Kind.RECORDED_PERSON if human else Rater.Kind.RECORDED_JUDGE
    return _found_or_made(
        lambda: Rater.objects.filter(project_id=project_id, kind=kind, external_id=external_id).first(),
        {"project_id": project_id, "kind": kind, "external_id": external_id, "pseudonym": pseudonym("X")},
    )


@compiled
def _desk(
    *, look: Look, now: datetime, midnight: datetime, repeat_before: datetime, **rater_filter: int
) -> QuerySet[Rater]:
    form = FormVersion.objects.filter(project=OuterRef("project")).order_by("-number")
    guideline = Guideline.objects.filter(project=OuterRef("project")).order_by("-number")
    live = Slot.objects.filter(
        project=OuterRef("project"), rater=OuterRef("pk"), state=Slot.State.LEASED, audience=Slot.Audience.HUMAN
    )
    return Rater.objects.filter(**rater_filter).annotate(
        live_slot_id=Subquery(live.filter(ahead=False).values("pk")[:1]),
        ahead_slot_id=Subquery(live.filter(ahead=True).values("pk")[:1]),
        form_id=Subquery(form.values("pk")[:1]),
        form_number=Subquery(form.values("number")[:1]),
        form_fields=Subquery(form.values("fields")[:1]),
        guideline_id=Subquery(guideline.values("pk")[:1]),
        guideline_number=Subquery(guideline.values("number")[:1]),
        median_active_ms=Subquery(Pace.objects.filter(project=OuterRef("project")).values("median_active_ms")[:1]),
        **look.columns(now=now, midnight=midnight, repeat_before=repeat_before),
    )


def desk(
    *, project: Project, rater: Rater | None = None, user: Any = None, membership: Membership | None = None
) -> Desk:
    """The desk of `rater`, or of `user` as a rater of `project`, made on first use.

    One query where both exist and `membership` is given, else one more.
    """
    where: dict[str, Any] = {"pk": rater.pk} if rater else {"project": project.pk, "user": user.pk}
    person = rater.user_id if rater else user.pk
    if membership is None and person is not None:
        membership = Membership.objects.filter(project=project, user=person).first()
        if membership is not None:
            membership.project = project
    now, watch = timezone.now(), watch_of(project)
    look = Look.of(watch, membership)
    where |= {"look": look, "now": now, "midnight": midnight_of(now), "repeat_before": now - watch.repeat_after}
    found = first(_desk(**where))
    if found is None:
        if user is None:
            raise NotFound
        rater_for(project=project, user=user)
        found = first(_desk(**where))
    assert found is not None
    seen: Any = found
    if seen.form_id is None:
        form = forms.current_form(project=project)
    else:
        form = FormVersion(pk=seen.form_id, project_id=project.pk, number=seen.form_number, fields=seen.form_fields)
    return Desk(
        rater=found,
        live_slot_id=seen.live_slot_id,
        ahead_slot_id=seen.ahead_slot_id,
        form=form,
        guideline_id=seen.guideline_id,
        guideline_number=seen.guideline_number,
        median_active_ms=seen.median_active_ms,
        standing=look.standing(seen),
        membership=membership,
    )
