"""Pages of model versions and where they come from."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from common.bells import ring
from common.errors import DomainError
from common.http import add_errors, page_of, sent, show_or_send, status_of
from projects.access import RESEARCH, ProjectRequest, project_view
from training_bridge import charts, selectors, services, tasks
from training_bridge.forms import ModelForm
from training_bridge.selectors.cards import has_card, headlines
from training_bridge.selectors.lineage import lineage_of

PER_PAGE = 25


@require_safe
@project_view(RESEARCH)
def models(request: ProjectRequest) -> HttpResponse:
    page = page_of(request, selectors.models_of(request.project), PER_PAGE)
    context = {"page": page, "headlines": headlines(page.object_list)}
    return render(request, "training_bridge/models.html", context)


@show_or_send
@project_view(RESEARCH)
def model_new(request: ProjectRequest) -> HttpResponse:
    form = ModelForm(sent(request))
    if form.is_valid():
        try:
            made = services.register_model(project=request.project, user=request.user, **form.cleaned_data)
        except DomainError as fault:
            add_errors(form, fault)
        else:
            ring(tasks.hash_model, made.pk)
            messages.success(request, _("%(name)s is registered.") % {"name": made.name})
            return redirect("training_bridge:model", request.project.slug, made.pk)
    return render(request, "training_bridge/model_new.html", {"form": form}, status=status_of(form))


@require_POST
@project_view(RESEARCH)
def model_hash_retry(request: ProjectRequest, model_id: int) -> HttpResponse:
    services.retry_hashing(version=selectors.model_of(request.project, model_id), user=request.user)
    ring(tasks.hash_model, model_id)
    return redirect("training_bridge:model", request.project.slug, model_id)


@require_safe
@project_view(RESEARCH)
def model(request: ProjectRequest, model_id: int) -> HttpResponse:
    shown = selectors.model_of(request.project, model_id)
    subject = selectors.subject_of(shown)
    context = {
        "version": shown,
        "is_reward": subject == "reward",
        "lineage": lineage_of(shown),
        "measured": [(done, charts.measures(done.result, subject)) for done in selectors.measured_by(shown)],
        "made_by": getattr(shown, "made_by", None),
        "has_card": has_card(shown),
        "used_by": selectors.runs_using(shown)[:20],
    }
    return render(request, "training_bridge/model.html", context)
