"""The rater's pages. A post of the page's script is answered in place by the next page, any other by a redirect."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation import display, forms, reasons, selectors
from annotation.models import EndedLease, Rater, Slot
from annotation.services import completion, drafts, flags, leases, submissions
from annotation.standings import current
from annotation.views import page
from annotation.views.answers import conflict_page
from common.errors import Conflict, DomainError, Invalid, NotFound
from common.text import natural
from projects.access import EVERYONE, ProjectRequest, project_view


@require_safe
@project_view(EVERYONE)
def annotate(request: ProjectRequest) -> HttpResponse:
    """Leads to the rater's item: each has an address of its own, so that Back finds the answer that was given."""
    rater = page.newcomer(request)
    if (finished := _finished(request, rater)) is not None:
        return finished
    lease = leases.claim(project=request.project, rater=rater)
    if lease is None:
        return _nothing(request, rater)
    return redirect("annotation:assignment", slug=request.project.slug, token=lease.token)


def _nothing(request: ProjectRequest, rater: Rater) -> HttpResponse:
    if request.membership.welcome_due and not page.by_script(request):
        return redirect(display.welcome_address(request.project))
    own = request.membership
    part = completion.part_of(member=own, rater=rater, nothing_left=not (own.paused_at or own.welcome_due))
    return _rest(request, rater, _why_nothing(request, rater), part)


def _why_nothing(request: ProjectRequest, rater: Rater) -> dict[str, Any]:
    """Why there is nothing now: what holds for everybody, then what holds for this rater, then what is left."""
    project, own = request.project, request.membership
    if not display.rests(project, own):
        found = reasons.barred(project=project, membership=own, rater=rater)
        found = found or reasons.for_others(project=project, membership=own)
        if found is not None:
            return found.drawn
    return display.nothing_left(project, own)


def _finished(request: ProjectRequest, rater: Rater) -> HttpResponse | None:
    """Shown once, when the rater has answered as many as were wanted; they may go on afterwards."""
    part = completion.part_of(member=request.membership, rater=rater)
    return _rest(request, rater, display.part_done(), part) if part and part.newly else None


def _rest(request: ProjectRequest, rater: Rater, reason: dict[str, Any], part: completion.Part | None) -> HttpResponse:
    context = {"title": reason["title"], "reason": reason, "part": part}
    here = reverse("annotation:annotate", args=[request.project.slug])
    return page.show(request, rater, "annotation/nothing.html", context, at=here)


def _next(request: ProjectRequest, rater: Rater) -> HttpResponse:
    if not page.by_script(request):
        return redirect("annotation:annotate", slug=request.project.slug)
    if (finished := _finished(request, rater)) is not None:
        return finished
    lease = leases.claim(project=request.project, rater=rater)
    if lease is None:
        return _nothing(request, rater)
    if request.POST.get("ahead") == str(lease.token):
        return _taken_up(request, rater, lease)
    return _work(request, rater, lease)


def _taken_up(request: ProjectRequest, rater: Rater, lease: leases.Lease) -> HttpResponse:
    """The page holds the item ready and has shown it by now: only what is new beside it."""
    here = reverse("annotation:assignment", args=[request.project.slug, lease.token])
    return page.show(request, rater, "annotation/taken_up.html", {}, at=here)


def _work(
    request: ProjectRequest,
    rater: Rater,
    lease: leases.Lease,
    *,
    held: bool = True,
    values: dict[str, Any] | None = None,
    fault: DomainError | None = None,
    withdrawn: bool = False,
    after: Slot | None = None,
) -> HttpResponse:
    """The form of a lease. `values`: what was posted, else the draft; not `held`: can be handed in as extra only.

    `after`: it is held ready for after that one.
    """
    shown = selectors.assignment(lease)
    place = display.place_of(request.project, lease, shown, held=held)
    filled = shown.draft_values if values is None else values
    context = display.work_context(shown, place, filled, fault.fields if fault else None)
    context |= display.guideline_context(rater, shown.guideline, after.guideline_id if after else None)
    if held and (step := reasons.step(project=request.project, membership=request.membership, rater=rater)):
        context["heading"] = _("Qualification, %(n)d of %(of)d") % {"n": step[0], "of": step[1]}
    context |= {"lost": not held, "withdrawn": withdrawn}
    here = reverse("annotation:assignment", args=[request.project.slug, shown.token])
    status = fault.status if fault else 200
    return page.show(request, rater, "annotation/work.html", context, at=here, status=status, ahead=after is not None)


@require_safe
@project_view(EVERYONE)
def assignment(request: ProjectRequest, token: uuid.UUID) -> HttpResponse:
    """One assignment: the form while it is the rater's, their answer once it is given, a way on where it was lost."""
    rater = page.rater_of(request, token)
    answered = current().filter(rater=rater, slot__token=token).first()
    answered = answered or current().filter(rater=rater, idempotency_key=token).first()
    if answered is not None:
        return redirect("annotation:answer", slug=request.project.slug, annotation_id=answered.pk)
    return _by_token(request, rater, token)


def _by_token(
    request: ProjectRequest,
    rater: Rater,
    token: uuid.UUID,
    values: dict[str, Any] | None = None,
    fault: DomainError | None = None,
) -> HttpResponse:
    """The page of a token that no answer has been given to. Raises NotFound for nobody's or another's."""
    lease = leases.claim(project=request.project, rater=rater)
    if lease is not None and lease.token == token:
        return _work(request, rater, lease, values=values, fault=fault)
    ended = display.ended_lease(rater, token)
    if ended is None:
        own = request.membership
        resting = own.paused_at or own.welcome_due or not request.project.lets_finish
        if resting and rater.slots.filter(token=token).exists():
            return _nothing(request, rater)
        raise NotFound
    if lease is not None and lease.item.pk == ended.item.pk:
        # The same item in the same hands under a new lease.
        return _work(request, rater, lease, values=values, fault=fault)
    why = EndedLease.objects.get(token=token).why
    if fault is None and why not in {EndedLease.Why.TAKEN, EndedLease.Why.VOID}:
        return redirect("annotation:annotate", slug=request.project.slug)
    withdrawn = why == EndedLease.Why.VOID
    return _work(request, rater, ended, held=False, values=values, fault=fault, withdrawn=withdrawn)


def _active_ms(request: HttpRequest) -> int | None:
    return natural(request.POST.get("active_ms", ""), 11)


@require_POST
@project_view(EVERYONE)
def submit(request: ProjectRequest, token: uuid.UUID) -> HttpResponse:
    rater = page.rater_of(request, token)
    values = forms.read_answers(request.POST, display.fields_asked(rater, token))
    as_extra = request.POST.get("extra") == "1"
    try:
        done = submissions.submit(
            rater=rater, token=token, values=values, active_ms=_active_ms(request), as_extra=as_extra
        )
    except Invalid as fault:
        return _by_token(request, rater, token, values, fault)
    except Conflict as fault:
        if "annotation_id" in fault.extra:
            return conflict_page(request, rater, fault)
        return _by_token(request, rater, token, values, fault)
    if not done.replayed:
        page.count(request, 1)
    if (told := reasons.feedback(project=request.project, annotation=done.annotation)) is not None:
        (messages.success if told.passed else messages.warning)(request, told.words)
    if done.standing == "extra":
        messages.success(request, _("Handed in as an extra."))
    if done.guideline_changed:
        messages.warning(request, _("The guidelines have changed while you worked on that item. Your answer is kept."))
    return _next(request, rater)


@require_POST
@project_view(EVERYONE)
def ahead(request: ProjectRequest, token: uuid.UUID) -> HttpResponse:
    """The page of the item that comes after the one in hand, held ready for the script; JSON where there is none."""
    rater = page.rater_of(request, token)
    # Read before the claim: an answer or an undo on its way from the same page may end it at any moment.
    at_hand = rater.slots.filter(token=token).first()
    lease = leases.claim(project=request.project, rater=rater, after=token) if at_hand else None
    if lease is None:
        return JsonResponse({"ahead": False})
    return _work(request, rater, lease, after=at_hand)


@require_POST
@project_view(EVERYONE)
def draft(request: ProjectRequest, token: uuid.UUID) -> HttpResponse:
    """Keeps unfinished work; answers JSON {version}, or the fault: draft-stale has the other tab's `fields`."""
    rater = page.rater_of(request, token)
    fields = display.fields_asked(rater, token)
    values = forms.read_answers(request.POST, fields)
    version = natural(request.POST.get("version", ""), 11) or 0
    try:
        version = drafts.save(rater=rater, token=token, values=values, version=version)
    except Conflict as fault:
        theirs = forms.as_posted(fields, fault.extra["values"])
        return page.fault(fault, version=fault.extra["version"], fields=theirs)
    except DomainError as fault:
        return page.fault(fault)
    return JsonResponse({"version": version})


@require_POST
@project_view(EVERYONE)
def renew(request: ProjectRequest, token: uuid.UUID) -> HttpResponse:
    """The heartbeat of a page that is being looked at."""
    try:
        until = leases.renew(rater=page.rater_of(request, token), token=token)
    except DomainError as fault:
        return page.fault(fault)
    return JsonResponse({"leased_until": until})


@require_POST
@project_view(EVERYONE)
def skip(request: ProjectRequest, token: uuid.UUID) -> HttpResponse:
    rater = page.rater_of(request, token)
    reason, note = request.POST.get("reason", ""), request.POST.get("note", "")
    try:
        leases.skip(rater=rater, token=token, reason=reason, note=note)
    except Conflict as fault:
        messages.warning(request, fault.detail)
    else:
        messages.success(request, _("Skipped. It will not come back to you."))
    return _next(request, rater)


@require_POST
@project_view(EVERYONE)
def flag(request: ProjectRequest, token: uuid.UUID) -> HttpResponse:
    """Reports something wrong with the item; the work on it goes on."""
    reason, note = request.POST.get("reason", ""), request.POST.get("note", "")
    flags.raise_flag(rater=page.rater_of(request, token), token=token, reason=reason, note=note)
    if page.by_script(request):
        return JsonResponse({"says": "Flagged. Thank you."})
    messages.success(request, _("Flagged. Thank you."))
    return redirect("annotation:assignment", slug=request.project.slug, token=token)


@require_POST
@project_view(EVERYONE)
def undo(request: ProjectRequest, annotation_id: int) -> HttpResponse:
    """Takes the last answer back and leads to its item again, with the answer as a draft."""
    rater = page.rater_of(request)
    answer = rater.annotations.filter(pk=annotation_id).first()
    if answer is None:
        raise NotFound
    try:
        lease = submissions.retract(rater=rater, annotation=answer)
    except Conflict as fault:
        if page.by_script(request):
            return page.fault(fault)
        messages.warning(request, fault.detail)
        return redirect("annotation:annotate", slug=request.project.slug)
    page.count(request, -1)
    if page.by_script(request):
        return _work(request, rater, lease)
    return redirect("annotation:assignment", slug=request.project.slug, token=lease.token)
