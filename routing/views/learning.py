"""What the router has learnt: researchers look, admins have it learn again."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from common.errors import Conflict
from common.http import page_of
from projects.access import ADMIN, RESEARCH, ProjectRequest, project_view
from routing import tasks
from routing.selectors.learning import learning, mixes
from routing.services import performance, risk


@require_safe
@project_view(RESEARCH)
def learning_page(request: ProjectRequest) -> HttpResponse:
    models = request.project.risk_models.select_related("judge").order_by("-number")
    report = performance.latest(request.project)
    context = {
        "learnt": learning(request.project),
        "page": page_of(request, models),
        "report": report,
        "mixes": mixes(report) if report else None,
    }
    return render(request, "routing/learning.html", context)


@require_POST
@project_view(ADMIN)
def learn_again(request: ProjectRequest) -> HttpResponse:
    try:
        made = risk.begin(project=request.project, by=request.user)
    except Conflict as fault:
        messages.error(request, _(fault.detail))
    else:
        tasks.ring_fitting(made.pk)
        messages.success(request, _("Risk model %(number)s is being fitted.") % {"number": made.number})
    return redirect("routing:learning", request.project.slug)


@require_POST
@project_view(ADMIN)
def performance_begin(request: ProjectRequest) -> HttpResponse:
    try:
        made = performance.begin(project=request.project, by=request.user)
    except Conflict as fault:
        messages.error(request, _(fault.detail))
    else:
        tasks.ring_performance(made.pk)
        messages.success(request, _("The report is being computed."))
    return redirect("routing:learning", request.project.slug)
