"""Two pages that show all floors at once, so they stand on the roof: a person's projects, and one project's loop."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from annotation.models import Annotation, Rater
from annotation.selectors import at_work, today
from annotation.selectors import progress as annotation_progress
from annotation.selectors.queue import queue
from annotation.services.completion import part_of
from annotation.services.habits import habits_of
from annotation.services.raters import known_rater
from annotation.shortcuts import bound
from common.http import page_of
from config import loop
from config.checklist import checklist
from projects import selectors
from projects.access import EVERYONE, REVIEW, ProjectRequest, project_view
from projects.models import Membership, Role


@dataclass(frozen=True)
class Progress:
    """One person's own work in a project: items they could be given now (`more`: at least), and what they answered."""

    waiting: int
    more: bool
    answered: int
    today: int


def answered_by(rater: Rater) -> int:
    """Items that a rater has answered in all, by the index of their answers; a correction answers none anew."""
    mine = Annotation.objects.filter(rater=rater, retracted_at=None, revises=None)
    return mine.exclude(standing=Annotation.Standing.RECORDED).count()


def progress_of(user: User, member: Membership) -> Progress:
    rater = known_rater(project=member.project, user=user)
    (found,) = queue(user=user, members=[member])
    return Progress(
        waiting=found.waiting.items,
        more=found.waiting.more,
        answered=answered_by(rater) if rater else 0,
        today=today(rater=rater) if rater else 0,
    )


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The queue of whoever asks: their projects, what waits for them there, the most urgent first."""
    user = request.user
    assert isinstance(user, User)
    page = page_of(request, selectors.memberships_of(user))
    rows = queue(user=user, members=list(page))
    first = next((row for row in rows if row.has_work), None)
    key = bound(habits_of(user).keys)["go"]
    context = {"page": page, "rows": rows, "first": first, "keys": {"go": key}}
    return render(request, "projects/home.html", context)


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
    whole = annotation_progress(project=project)
    stations = loop.stations(project, role, whole)
    points = checklist(project) if role == Role.ADMIN else []
    steps = [] if points else loop.next_steps(project, role, stations)
    context |= {"stations": stations, "steps": steps, "points": points, "whole": whole}
    context["at_work"] = at_work(project=project) if role in REVIEW else []
    return render(request, "projects/overview.html", context)
