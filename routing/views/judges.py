"""Judges: researchers see what they said and how well; admins make, retire and ask them again."""

from decimal import Decimal

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from common.configs import described
from common.errors import DomainError
from common.http import add_errors, choice_of, page_of, sent, show_or_send, status_of
from projects.access import ADMIN, RESEARCH, ProjectRequest, project_view
from routing import tasks
from routing.forms import JudgeForm
from routing.judges import JUDGES
from routing.judges import judge as judge_plug
from routing.models import JudgeCall
from routing.selectors import judges as selectors
from routing.services.judges import ask_again, create_judge, retire_judge


@require_safe
@project_view(RESEARCH)
def judges(request: ProjectRequest) -> HttpResponse:
    found = [(judge, judge_plug(judge.kind).title) for judge in selectors.judges(request.project)]
    return render(request, "routing/judges.html", {"judges": found})


@show_or_send
@project_view(ADMIN)
def judge_new(request: ProjectRequest) -> HttpResponse:
    kinds = [judge_plug(one) for one in JUDGES]
    if "kind" not in request.GET:
        return render(request, "routing/judge_kinds.html", {"kinds": kinds})
    plug = judge_plug(request.GET["kind"])
    form = JudgeForm(sent(request), plug=plug)
    if form.is_valid():
        try:
            made = create_judge(
                project=request.project,
                name=form.cleaned_data["name"],
                kind=plug.key,
                config=form.config(),
                price_per_call=form.cleaned_data["price_per_call"] or Decimal(0),
                created_by=request.user,
            )
        except DomainError as fault:
            add_errors(form, fault)
        else:
            messages.success(request, _("“%(name)s” can be put into a plan now.") % {"name": made.name})
            return redirect("routing:judge", request.project.slug, made.pk)
    return render(request, "routing/judge_new.html", {"form": form, "plug": plug}, status=status_of(form))


@require_safe
@project_view(RESEARCH)
def judge(request: ProjectRequest, judge_id: int) -> HttpResponse:
    shown = selectors.judge_of(request.project, judge_id)
    state = choice_of(request, "state", JudgeCall.State.values)
    calls = selectors.judge_calls(request.project, judge=shown.pk, state=state)
    states = selectors.calls_by_state(selectors.judge_calls(request.project, judge=shown.pk))
    plug = judge_plug(shown.kind)
    context = {
        "judge": shown,
        "plug": plug,
        "settings": described(plug.Config, shown.config),
        "states": [(JudgeCall.State(key), count) for key, count in states.items()],
        "failed": states["failed"],
        "state": state,
        "agreement": selectors.judge_agreement(shown),
        "page": page_of(request, calls),
    }
    return render(request, "routing/judge.html", context)


@require_POST
@project_view(ADMIN)
def judge_retire(request: ProjectRequest, judge_id: int) -> HttpResponse:
    shown = selectors.judge_of(request.project, judge_id)
    try:
        retire_judge(judge=shown, by=request.user)
    except DomainError as fault:
        messages.error(request, fault.detail)
    else:
        messages.success(request, _("“%(name)s” is retired. What it said stays.") % {"name": shown.name})
    return redirect("routing:judge", request.project.slug, judge_id)


@require_POST
@project_view(ADMIN)
def judge_again(request: ProjectRequest, judge_id: int) -> HttpResponse:
    shown = selectors.judge_of(request.project, judge_id)
    try:
        count = ask_again(judge=shown)
    except DomainError as fault:
        messages.error(request, fault.detail)
    else:
        tasks.ring_judge(shown.pk)
        messages.success(
            request,
            ngettext("%(count)s failed call is made again.", "%(count)s failed calls are made again.", count)
            % {"count": count},
        )
    return redirect("routing:judge", request.project.slug, judge_id)
