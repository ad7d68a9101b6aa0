"""What every page of a rater shares: who they are, what they did, what can be undone, how a script is answered."""

import uuid
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from annotation import selectors, shortcuts
from annotation.models import Rater
from annotation.services import habits, holds, leases, raters, submissions
from annotation.standings import current
from common.errors import DomainError, NotFound
from projects.access import ProjectRequest

TONES = {messages.SUCCESS: "good", messages.WARNING: "warn", messages.ERROR: "bad"}


def newcomer(request: ProjectRequest) -> Rater:
    """The sender as a rater, made on first use: for the page that people begin at."""
    return raters.rater_for(project=request.project, user=request.user)


def rater_of(request: ProjectRequest, token: uuid.UUID | None = None) -> Rater:
    """The sender as a rater who has begun. Raises NotFound for others, and where `token` is no lease of theirs."""
    rater = raters.known_rater(project=request.project, user=request.user)
    if rater is None or (token and not holds.is_own(rater=rater, token=token)):
        raise NotFound
    return rater


def by_script(request: HttpRequest) -> bool:
    """Whether the page's own script posts, which swaps in what it is answered (static/annotation/net.js)."""
    return request.headers.get("X-Requested-With") == "fetch"


def fault(error: DomainError, **extra: Any) -> JsonResponse:
    """A fault as the page's script reads it."""
    return JsonResponse({"code": error.code, "detail": error.detail} | extra, status=error.status)


def _counter(request: ProjectRequest) -> str:
    return f"answers-{request.project.pk}"


def count(request: ProjectRequest, step: int) -> None:
    """Counts the answers since this person signed in."""
    request.session[_counter(request)] = max(0, request.session.get(_counter(request), 0) + step)


def show(
    request: ProjectRequest,
    rater: Rater | None,
    template: str,
    context: dict[str, Any],
    *,
    at: str,
    status: int = 200,
    ahead: bool = False,
) -> HttpResponse:
    """A page of a rater. `at`: its own address; the script that swaps the page in sets the address bar by it.

    `ahead`: it is shown later, so it says nothing of now: what came of the last answer comes with the next one.
    """
    shared = {
        "project": request.project,
        "membership": request.membership,
        "rater_key": rater.pseudonym if rater else "",
        "ahead_seconds": leases.AHEAD_SECONDS,
    }
    if not ahead:
        shared |= _news(request, rater)
    response = render(request, template, shared | context | _own_keys(request, context), status=status)
    response["Content-Location"] = at
    return response


def _own_keys(request: ProjectRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The keys as this person has bound them, of the page and of the questions on it."""
    own = habits.habits_of(request.user)
    asked = [question.asked for question in context["work"].questions] if "work" in context else []
    return {
        "keys": shortcuts.bindings(asked, own.keys),
        "key_list": shortcuts.drawn(asked, own.keys),
        "hints_breaks": own.hints_breaks,
    }


def _news(request: ProjectRequest, rater: Rater | None) -> dict[str, Any]:
    """How far the rater is, and what came of what they did last."""
    return {
        "count": {
            "session": request.session.get(_counter(request), 0),
            "today": selectors.today(rater=rater) if rater else 0,
        },
        "undo": _undo_address(request, rater) if rater else "",
        "notes": [{"text": str(note), "tone": TONES.get(note.level, "")} for note in messages.get_messages(request)],
    }


def _undo_address(request: ProjectRequest, rater: Rater) -> str:
    """Where the rater's last answer can be taken back, as long as it can; else nothing."""
    since = timezone.now() - timedelta(seconds=submissions.UNDO_SECONDS)
    last = current().filter(rater=rater, submitted_at__gte=since).order_by("-submitted_at").first()
    if last is None or not submissions.can_undo(last):
        return ""
    return reverse("annotation:undo", args=[request.project.slug, last.pk])
