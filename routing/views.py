"""The routing desk: researchers see where items go and why; admins say how."""

from collections.abc import Sequence
from decimal import Decimal

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from common.configs import described
from common.errors import DomainError
from common.http import add_errors, json_lines, page_of, sent, show_or_send, status_of
from projects.access import ADMIN, RESEARCH, ProjectRequest, project_view
from routing import selectors, tasks
from routing.charts import band_bars, budget_bars, ledger_bars, ledger_rows, route_bars
from routing.explain import decision_view
from routing.export import routed_lines
from routing.forms import BudgetForm, JudgeForm, PlanForm
from routing.judges import JUDGES
from routing.judges import judge as judge_plug
from routing.models import Decision, JudgeCall
from routing.outlook_views import shown as outlook
from routing.policies import POLICIES, policy
from routing.sampling import Sampling
from routing.services.budgets import set_limits
from routing.services.judges import ask_again, create_judge, retire_judge
from routing.services.plans import current_plan, set_plan


@require_safe
@project_view(RESEARCH)
def desk(request: ProjectRequest) -> HttpResponse:
    shown = selectors.desk(request.project)
    figures = shown.figures
    context = outlook(request.project, request.GET.get("share")) | {
        "desk": shown,
        "ledger": figures and figures.ledger,
        "ledger_rows": ledger_rows(figures.ledger) if figures else [],
        "ledger_bars": ledger_bars(figures.ledger) if figures else [],
        "settings": described(shown.policy.Config, shown.plan.config) if shown.policy and shown.plan else [],
        "sampling": described(Sampling, shown.plan.sampling) if shown.plan else [],
        "budget_bars": budget_bars(shown.budget),
        "route_bars": route_bars(figures.routes) if figures else [],
        "band_bars": band_bars(figures.bands) if figures else [],
        "decisions": selectors.decisions(request.project)[:5],
        "judges": selectors.judges(request.project),
    }
    return render(request, "routing/desk.html", context)


def _one_of(request: ProjectRequest, name: str, known: Sequence[str]) -> str | None:
    """A filter of the address; None where it is not one of `known`."""
    value = request.GET.get(name)
    return value if value in known else None


@show_or_send
@project_view(ADMIN)
def plan(request: ProjectRequest) -> HttpResponse:
    in_force = current_plan(project=request.project)
    key = request.GET.get("policy") or (in_force.policy if in_force else "random")
    plug = policy(key)
    form = PlanForm(sent(request), project=request.project, policy=plug, plan=in_force)
    if form.is_valid():
        judge = form.cleaned_data["judge"]
        try:
            made = set_plan(
                project=request.project,
                policy=key,
                config=form.config(),
                judge=judge,
                sampling=form.sampling(),
                created_by=request.user,
            )
        except DomainError as fault:
            add_errors(form, fault)
        else:
            tasks.ring_project(request.project.pk)
            messages.success(request, _("Plan %(number)s is in force.") % {"number": made.number})
            return redirect("routing:desk", request.project.slug)
    context = {"form": form, "plug": plug, "in_force": in_force, "policies": [policy(one) for one in POLICIES]}
    return render(request, "routing/plan.html", context, status=status_of(form))


@show_or_send
@project_view(ADMIN)
def budget(request: ProjectRequest) -> HttpResponse:
    view = selectors.budget_view(request.project)
    form = BudgetForm(sent(request), initial={name: getattr(view, name) for name in BudgetForm.base_fields})
    if form.is_valid():
        try:
            set_limits(project=request.project, **form.limits())
        except DomainError as fault:
            add_errors(form, fault)
        else:
            tasks.ring_project(request.project.pk)
            messages.success(request, _("The budget is set."))
            return redirect("routing:desk", request.project.slug)
    context = {"form": form, "budget": view, "price": request.project.price_per_label}
    return render(request, "routing/budget.html", context, status=status_of(form))


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
    state = _one_of(request, "state", JudgeCall.State.values)
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


@require_safe
@project_view(RESEARCH)
def decisions(request: ProjectRequest) -> HttpResponse:
    route = _one_of(request, "route", Decision.Route.values)
    found = selectors.decisions(request.project, route=route)
    context = {"page": page_of(request, found), "route": route, "routes": Decision.Route}
    return render(request, "routing/decisions.html", context)


@require_safe
@project_view(RESEARCH)
def decision(request: ProjectRequest, decision_id: int) -> HttpResponse:
    found = selectors.decision_of(request.project, decision_id)
    return render(request, "routing/decision.html", {"view": decision_view(found)})


@require_safe
@project_view(RESEARCH)  # type: ignore[arg-type]  # a streamed response is no HttpResponse by its class
def decisions_export(request: ProjectRequest) -> HttpResponseBase:
    """Every item that the router has seen: its words, what they bought, what was answered, as JSON lines."""
    return json_lines(routed_lines(project=request.project), f"{request.project.slug}-routing.jsonl")
