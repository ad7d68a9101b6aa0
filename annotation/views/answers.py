"""A rater's own answers: the recent ones, one of them as it was shown, its correction, and two that contradict."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotation import display, forms, selectors
from annotation.models import Rater
from annotation.services import raters, submissions
from annotation.views import page
from common.errors import Conflict, DomainError, Invalid, NotFound
from common.http import show_or_send
from projects.access import EVERYONE, ProjectRequest, project_view


@require_safe
@project_view(EVERYONE)
def history(request: ProjectRequest) -> HttpResponse:
    rater = raters.known_rater(project=request.project, user=request.user)
    text = request.GET.get("q", "").strip()
    entries = selectors.history(rater=rater, text=text) if rater else []
    here = reverse("annotation:history", args=[request.project.slug])
    return page.show(request, rater, "annotation/history.html", {"rows": rows_of(entries), "text": text}, at=here)


def rows_of(entries: Iterable[selectors.HistoryEntry]) -> list[dict[str, Any]]:
    return [{"entry": entry, "words": forms.in_words(entry.fields, entry.values)} for entry in entries]


def _address(request: ProjectRequest, annotation_id: int) -> str:
    return reverse("annotation:answer", args=[request.project.slug, annotation_id])


@show_or_send
@project_view(EVERYONE)
def answer(request: ProjectRequest, annotation_id: int) -> HttpResponse:
    """One answer as it was shown; `?edit=1` the form to correct it, which posts here."""
    rater = page.rater_of(request)
    if request.method == "POST":
        return _revise(request, rater, annotation_id)
    found = selectors.answered(rater=rater, annotation_id=annotation_id)
    if found.annotation_id != annotation_id:
        return redirect("annotation:answer", slug=request.project.slug, annotation_id=found.annotation_id)
    return _edit(request, rater, found) if request.GET.get("edit") else _saved(request, rater, found)


def _saved(request: ProjectRequest, rater: Rater, found: selectors.Answered) -> HttpResponse:
    context = {
        "title": _("Your answer"),
        "answered": found,
        "shown": display.Content.of(found),
        "words": forms.in_words(found.fields, found.values),
    }
    return page.show(request, rater, "annotation/saved.html", context, at=_address(request, found.annotation_id))


def _edit(
    request: ProjectRequest,
    rater: Rater,
    found: selectors.Answered,
    *,
    values: dict[str, Any] | None = None,
    fault: DomainError | None = None,
    conflict: dict[str, Any] | None = None,
) -> HttpResponse:
    address = _address(request, found.annotation_id)
    place = display.Place(token=f"answer-{found.annotation_id}", submit_url=address, cancel_url=address)
    context = display.work_context(
        found, place, found.values if values is None else values, fault.fields if fault else None
    )
    context |= {
        "heading": _("Correct your answer"),
        "title": _("Correct"),
        "submit": _("Replace") if conflict else _("Save"),
        "key": uuid.uuid4(),
        "guideline": found.guideline,
        "guideline_open": False,
        "conflict": conflict,
    }
    status = fault.status if fault else 200
    return page.show(request, rater, "annotation/work.html", context, at=f"{address}?edit=1", status=status)


def conflict_page(request: ProjectRequest, rater: Rater, fault: Conflict) -> HttpResponse:
    """Two answers of one rater to one item: both are shown, the second fills the form that can replace the first."""
    found = selectors.answered(rater=rater, annotation_id=fault.extra["annotation_id"])
    yours = fault.extra["yours"]
    conflict = {"saved": forms.in_words(found.fields, found.values), "yours": forms.in_words(found.fields, yours)}
    return _edit(request, rater, found, values=yours, fault=fault, conflict=conflict)


def _key(request: ProjectRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        return uuid.uuid4()


def _revise(request: ProjectRequest, rater: Rater, annotation_id: int) -> HttpResponse:
    old = rater.annotations.select_related("form_version").filter(pk=annotation_id).first()
    if old is None:
        raise NotFound
    fields = selectors.form_fields(old.form_version) if old.form_version else ()
    values = forms.read_answers(request.POST, fields)
    try:
        done = submissions.revise(rater=rater, annotation=old, values=values, idempotency_key=_key(request))
    except Invalid as fault:
        found = selectors.answered(rater=rater, annotation_id=annotation_id)
        return _edit(request, rater, found, values=values, fault=fault)
    except Conflict as fault:
        if "annotation_id" in fault.extra:
            return conflict_page(request, rater, fault)
        messages.warning(request, fault.detail)
        return redirect("annotation:history", slug=request.project.slug)
    messages.success(request, _("Corrected. Your earlier answer is kept beside it."))
    if page.by_script(request):
        return _saved(request, rater, selectors.answered(rater=rater, annotation_id=done.annotation.pk))
    return redirect("annotation:answer", slug=request.project.slug, annotation_id=done.annotation.pk)
