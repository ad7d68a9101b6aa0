"""Pages about raters: how each works, what is decided about them, and what a rater may see of it themselves."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from annotation.figures import Share
from annotation.models import PauseDecision, Rater
from annotation.quality_forms import DecisionForm
from annotation.selectors import crowd
from annotation.services import qualification, raters, scoring
from annotation.views.quality import show
from annotation.watch import watch_of
from common.charts import Bar, Series
from common.errors import Conflict, NotFound
from projects.access import EVERYONE, REVIEW, ProjectRequest, project_view
from projects.models import Role

FIGURES = (
    ("gold", gettext_lazy("Gold items passed"), gettext_lazy("Items whose answer we know, answered as known.")),
    ("checks", gettext_lazy("Attention checks passed"), gettext_lazy("Items that only ask whether one reads.")),
    (
        "agreement",
        gettext_lazy("Agreement with others"),
        gettext_lazy("Of all pairs of an answer of theirs and another rater's to the same item: those that agree."),
    ),
    (
        "consistency",
        gettext_lazy("Same answer again"),
        gettext_lazy("Own earlier items that came again, the responses in the opposite order, answered the same."),
    ),
    (
        "position",
        gettext_lazy("First one preferred"),
        gettext_lazy("How often the response shown first was preferred. The order is random: about half is expected."),
    ),
    (
        "length",
        gettext_lazy("Longer one preferred"),
        gettext_lazy(
            "How often the longer response was preferred. Longer may be better: compare raters with each other."
        ),
    ),
    ("ties", gettext_lazy("Ties"), gettext_lazy("Answers that prefer neither.")),
    (
        "fast",
        gettext_lazy("Very fast"),
        gettext_lazy("Answers in less than a quarter of the active time that is usual in the project."),
    ),
)
OWN = ("agreement", "consistency", "position", "length", "ties")
"""Nothing that tells which items were tests."""

FLAGS = {
    "paused": gettext_lazy("Paused: somebody has to decide."),
    "fast": gettext_lazy("Many very fast answers."),
    "position": gettext_lazy("Prefers one place on the page more than chance explains."),
    "consistency": gettext_lazy("Often says something else of the same item."),
}


SHORT = {
    "paused": gettext_lazy("paused"),
    "fast": gettext_lazy("very fast"),
    "position": gettext_lazy("one-sided"),
    "consistency": gettext_lazy("inconsistent"),
}


@require_safe
@project_view(REVIEW)
def rater_list(request: ProjectRequest) -> HttpResponse:
    rows = crowd.raters(project=request.project)
    context = {
        "rows": [{"row": row, "flags": [(SHORT[key], FLAGS[key]) for key in row.flags]} for row in rows],
        "names": request.membership.role == Role.ADMIN,
        "watch": watch_of(request.project),
        "waiting": sum(row.pause is not None for row in rows),
        "figures": FIGURES,
    }
    return show(request, "raters.html", context)


def _bars(row: crowd.RaterRow, keys: tuple[str, ...]) -> list[Bar]:
    """What is known, each share with its interval."""
    found = []
    for key, title, _explanation in FIGURES:
        share: Share = getattr(row, key)
        if key in keys and share.share is not None:
            found.append(Bar(f"{title} ({share.hits}/{share.of})", share.share, share.low, share.high, "bar-human"))
    return found


def _work(rater: Rater) -> dict[str, Any]:
    days = crowd.by_day(rater=rater)
    return {
        "per_day": [Series(_("answers"), [(ago, n) for ago, n, _time in days])],
        "per_answer": [Series(_("seconds"), [(ago, time) for ago, _n, time in days if time is not None])],
        "explained": FIGURES,
    }


@require_safe
@project_view(REVIEW)
def rater_page(request: ProjectRequest, pseudonym: str) -> HttpResponse:
    return _rater(request, crowd.rater_row(project=request.project, pseudonym=pseudonym))


def _rater(request: ProjectRequest, row: crowd.RaterRow) -> HttpResponse:
    every = tuple(key for key, *_rest in FIGURES)
    entry = row.qualification
    context = {
        "row": row,
        "bars": _bars(row, every),
        "flags": [FLAGS[key] for key in row.flags],
        "pauses": row.rater.pauses.prefetch_related("decisions__by").order_by("-pk"),
        "attempts": [
            (number, *qualification.result_of(rater=row.rater, attempt=number))
            for number in range(1, entry.attempt + 1 if entry else 1)
        ],
        "form": DecisionForm(),
        "watch": watch_of(request.project),
        "names": request.membership.role == Role.ADMIN,
    } | _work(row.rater)
    return show(request, "rater.html", context)


def _person(request: ProjectRequest, pseudonym: str) -> Rater:
    found = Rater.objects.filter(project=request.project, pseudonym=pseudonym, kind=Rater.Kind.PERSON).first()
    if found is None:
        raise NotFound
    return found


def _told(request: ProjectRequest, pseudonym: str, said: str, fault: Conflict | None = None) -> HttpResponse:
    if fault is None:
        messages.success(request, said)
    else:
        messages.warning(request, fault.detail)
    return redirect("annotation:rater", request.project.slug, pseudonym)


@require_POST
@project_view(REVIEW)
def decide(request: ProjectRequest, pseudonym: str) -> HttpResponse:
    """A person's word on a pause."""
    rater, decision = _person(request, pseudonym), request.POST.get("decision", "")
    try:
        scoring.decide_pause(rater=rater, by=request.user, decision=decision, note=request.POST.get("note", ""))
    except Conflict as fault:
        return _told(request, pseudonym, "", fault)
    resumed = decision == PauseDecision.Decision.RESUME
    return _told(request, pseudonym, _("They can go on.") if resumed else _("They stay paused."))


@require_POST
@project_view(REVIEW)
def qualify(request: ProjectRequest, pseudonym: str) -> HttpResponse:
    """Lets a rater in without qualification, or allows one more attempt."""
    rater = _person(request, pseudonym)
    try:
        if request.POST.get("do") == "allow":
            qualification.allow_again(rater=rater, by=request.user)
            return _told(request, pseudonym, _("They have one more attempt."))
        qualification.waive(rater=rater, by=request.user)
    except Conflict as fault:
        return _told(request, pseudonym, "", fault)
    return _told(request, pseudonym, _("They can begin without the qualification."))


@require_POST
@project_view(EVERYONE)
def try_again(request: ProjectRequest) -> HttpResponse:
    """The sender's own next attempt at the qualification."""
    rater = raters.known_rater(project=request.project, user=request.user)
    if rater is None:
        raise NotFound
    try:
        qualification.try_again(rater=rater)
    except Conflict as fault:
        messages.warning(request, fault.detail)
    return redirect("annotation:annotate", request.project.slug)


@require_safe
@project_view(EVERYONE)
def statistics(request: ProjectRequest) -> HttpResponse:
    """What a rater may see of their own work, where the project lets them."""
    if not request.project.raters_see_statistics:
        raise NotFound
    rater = raters.known_rater(project=request.project, user=request.user)
    row = crowd.own_row(rater=rater) if rater else None
    context: dict[str, Any] = {"row": row, "bars": _bars(row, OWN) if row else []}
    context |= _work(row.rater) if row else {}
    context["explained"] = [one for one in FIGURES if one[0] in OWN]
    return show(request, "statistics.html", context)
