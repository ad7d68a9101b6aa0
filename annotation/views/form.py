"""The form builder: what raters are asked, as an admin sets it up, with what raters will see of it."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from annotation import builder, display, forms, selectors, shortcuts, tasks
from annotation.models import FormVersion
from annotation.protocols import Shape
from annotation.selectors import MessageText
from annotation.services import forms as form_service
from common.bells import ring
from common.errors import Invalid
from common.http import show_or_send
from projects.access import ADMIN, ProjectRequest, project_view
from projects.models import Project

VERSIONS_SHOWN = 20

EXAMPLE_PROMPT = MessageText("user", "How do I take a bicycle tyre off without a lever?")
EXAMPLE_PASSAGE = {
    "kind": "passage",
    "title": "From a repair manual",
    "text": "The bead of a deflated tyre fits into the middle of the rim. Pushed in there all the way round, it leaves "
    "enough slack to lift one side over the edge by hand.",
}
EXAMPLE_RESPONSES = (
    selectors.Shown(
        "A",
        "Let all the air out, then push the bead into the **middle of the rim** all the way round.\n\n"
        "With that slack you can lift one side over the rim by hand.",
        (
            "Let all the air out, then push the bead into the **middle of the rim** all the way round.",
            "With that slack you can lift one side over the rim by hand.",
        ),
    ),
    selectors.Shown("B", "You need a lever. Without one it cannot be done.", ("You need a lever.",)),
    selectors.Shown("C", "Cut the tyre open with strong scissors.", ("Cut the tyre open with strong scissors.",)),
)


def _example(project: Project, fields: list[dict[str, Any]]) -> dict[str, Any]:
    """What raters see of a form with these fields: on the project's newest item that it fits, else on our own."""
    sample = selectors.sample(project=project, fields=fields)
    shown = display.Content.of(sample) if sample else _own_example(fields)
    fields_drawn = selectors.form_fields(FormVersion(fields=fields))
    questions = forms.questions(fields_drawn, {}, shown.answerable)
    return {"shown": shown, "work": display.Work(shown, questions), "keys": shortcuts.bindings(fields_drawn)}


def _own_example(fields: list[dict[str, Any]]) -> display.Content:
    """An example with as many responses as the form can be put to."""
    counts = (len(EXAMPLE_RESPONSES), 2, 1)
    fits = (count for count in counts if not form_service.check_item(fields, Shape(count, steps=True, passages=1)))
    responses = EXAMPLE_RESPONSES[: next(fits, 2)]
    return display.Content((), (EXAMPLE_PROMPT,), (EXAMPLE_PASSAGE,), responses, "en")


def _show(request: ProjectRequest, context: dict[str, Any], status: int = 200, *, part: str = "") -> HttpResponse:
    shared = {"project": request.project, "membership": request.membership}
    return render(request, "annotation/form.html" + part, shared | context, status=status)


def _page(
    request: ProjectRequest,
    current: FormVersion,
    made: builder.Builder,
    *,
    faults: Sequence[str] = (),
    unsaved: bool = False,
) -> HttpResponse:
    versions = FormVersion.objects.filter(project=request.project)[:VERSIONS_SHOWN]
    context = {
        "current": current,
        "builder": made,
        "offered": builder.offered(),
        "faults": faults,
        "unsaved": unsaved,
        "versions": [(version, builder.described(version.fields)) for version in versions],
    }
    wrong = bool(faults) or any(one.errors for one in made.questions if one.is_bound)
    return _show(request, context | _preview(request.project, made), 422 if wrong else 200)


def _preview(project: Project, made: builder.Builder) -> dict[str, Any]:
    """What raters see of the form as it stands, or why they cannot."""
    try:
        return _example(project, form_service.check_fields(made.fields))
    except Invalid as fault:
        return {"wrong": fault}


@show_or_send
@project_view(ADMIN)
def edit(request: ProjectRequest) -> HttpResponse:
    """The form in force, how to change it, and what raters see of it. A change is a new version."""
    current = form_service.current_form(project=request.project)
    if request.method != "POST":
        return _page(request, current, builder.Builder.of(current.fields))
    made = builder.Builder.posted(request.POST)
    if request.POST.get("do") or not made.is_valid():
        return _page(request, current, made, unsaved=True)
    try:
        version = form_service.set_form(project=request.project, fields=made.fields)
    except Invalid as fault:
        return _page(request, current, made, faults=made.add_faults(fault), unsaved=True)
    if version.pk == current.pk:
        messages.success(request, gettext("Nothing has changed."))
    else:
        ring(tasks.refit_items)
        messages.success(request, gettext("Version %d is in force.") % version.number)
    return redirect("annotation:form", slug=request.project.slug)


@require_POST
@project_view(ADMIN)
def preview(request: ProjectRequest) -> HttpResponse:
    """What raters would see with the settings as they stand on the page; nothing is stored."""
    return _show(request, _preview(request.project, builder.Builder.posted(request.POST)), part="#preview")
