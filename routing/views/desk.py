"""The routing desk: researchers see where items go and why; admins say how."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from common.configs import described
from common.errors import DomainError
from common.http import add_errors, sent, show_or_send, status_of
from projects.access import ADMIN, RESEARCH, ProjectRequest, project_view
from routing import tasks
from routing.charts import band_bars, budget_bars, ledger_bars, ledger_rows, route_bars
from routing.forms import BudgetForm, PlanForm
from routing.policies import POLICIES, policy
from routing.sampling import Sampling
from routing.selectors import desk as selectors
from routing.selectors.decisions import decisions
from routing.selectors.judges import judges
from routing.services.budgets import set_limits
from routing.services.plans import current_plan, set_plan
from routing.views.outlook import shown as outlook


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
        "decisions": decisions(request.project)[:5],
        "suspended": [one for one in judges(request.project) if one.suspended_at and not one.retired_at],
    }
    return render(request, "routing/desk.html", context)


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
