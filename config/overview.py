"""Two pages that show all floors at once, so they stand on the roof: a person's projects, and one project's loop."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import User
from annotation.selectors import today
from annotation.services.completion import part_of
from annotation.services.queue import free_slots, unseen
from annotation.services.raters import known_rater
from annotation.services.submissions import current
from common.http import page_of
from config import loop
from projects import selectors
from projects.access import EVERYONE, ProjectRequest, project_view
from projects.models import Membership, Role


@dataclass(frozen=True)
class Progress:
    """One person's own work in a project: items they could be given now, and what they answered."""

    waiting: int
    answered: int
    today: int


def waiting_by_project(user: User, members: Iterable[Membership]) -> dict[int, int]:
    """Project's key → how many items `user` could be given there now; where project or member rests, none."""
    now = timezone.now()
    active = [member.project_id for member in members if member.project.gives_out(now) and not member.paused_at]
    wanted = unseen(free_slots(now).filter(project__in=active), rater__user=user)
    rows = wanted.values("project").annotate(items=Count("item", distinct=True))
    return {row["project"]: row["items"] for row in rows}


def progress_of(user: User, member: Membership) -> Progress:
    project = member.project
    rater = known_rater(project=project, user=user)
    return Progress(
        waiting=waiting_by_project(user, [member]).get(project.pk, 0),
        answered=current().filter(rater=rater).count() if rater else 0,
        today=today(rater=rater) if rater else 0,
    )


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The projects of whoever asks, with their role and what waits for them."""
    user = request.user
    assert isinstance(user, User)
    page = page_of(request, selectors.memberships_of(user))
    members: list[Membership] = list(page)
    waiting = waiting_by_project(user, members)
    rows = [{"member": member, "waiting": waiting.get(member.project_id, 0)} for member in members]
    return render(request, "projects/home.html", {"page": page, "rows": rows})


@require_safe
@project_view(EVERYONE)
def overview(request: ProjectRequest) -> HttpResponse:
    """A rater sees their own work; everybody else the loop with live counts and what to do next."""
    project, role = request.project, request.membership.role
    context: dict[str, Any] = {
        "progress": progress_of(request.user, request.membership),
        "guideline": selectors.newest_guideline(project),
    }
    if role == Role.RATER:
        rater = known_rater(project=project, user=request.user)
        context["part"] = part_of(member=request.membership, rater=rater)
        return render(request, "projects/overview_rater.html", context)
    stations = loop.stations(project, role)
    context |= {"stations": stations, "steps": loop.next_steps(project, role, stations)}
    return render(request, "projects/overview.html", context)
