"""Pages for those who run a project: its items, the whole story of one, and the form that raters see."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation import forms, selectors
from annotation.consensus import rule
from annotation.item_filters import ItemFilters
from annotation.models import Annotation, Flag, FormVersion, Label
from annotation.protocols import LETTERS, Content, protocol
from annotation.services import flags, leases
from annotation.services import forms as form_service
from annotation.services import items as item_service
from common.errors import BadRequest
from common.http import status_of
from projects.access import ADMIN, REVIEW, ProjectRequest, project_view

IMPORTS = 100
"""The latest ones can be chosen in the list's filter."""


def _show(
    request: ProjectRequest, template: str, context: dict[str, Any], status: int = 200, *, part: str = ""
) -> HttpResponse:
    shared = {"project": request.project, "membership": request.membership}
    return render(request, template + (f"#{part}" if part else ""), shared | context, status=status)


@require_safe
@project_view(REVIEW)
def items(request: ProjectRequest) -> HttpResponse:
    """The list as its form of filters asks for it; what is no filter is passed over, and the form shows what is."""
    asked = ItemFilters(request.GET, list(request.project.imports.order_by("-pk")[:IMPORTS]))
    filters, ordering = asked.chosen()
    given: dict[str, Any] = {"project": request.project, "filters": filters, "ordering": ordering}
    key: dict[str, Any] = {name: request.GET[name] for name in ("after", "before") if request.GET.get(name)}
    try:
        page = selectors.item_page(**given, **key)
    except BadRequest:  # a key of another order, or none at all
        key, page = {}, selectors.item_page(**given)
    context = {
        "rows": [
            {"row": row, "item": row.item, "excerpt": selectors.excerpt(row.item.prompt.messages)} for row in page.rows
        ],
        "page": page,
        "progress": selectors.progress(project=request.project),
        "form": asked,
        "filtered": filters.any,
        "begun": bool(key),
    }
    return _show(request, "annotation/items.html", context)


@dataclass(frozen=True)
class Verdict:
    """One annotation as a reader of the item's story sees it. Responses go by letter, in the order of the item."""

    annotation: Annotation
    shown: list[str]
    said: list[str]
    stands: bool


def _verdict(annotation: Annotation, content: Content, replaced: set[int]) -> Verdict:
    form = annotation.form_version or FormVersion(fields=form_service.default_fields())
    fields = selectors.form_fields(form)
    values = form_service.display_values(form.fields, annotation.values, content)
    letters = {one.id: one.letter for one in content.responses}
    shown = [letters[pk] for pk in annotation.display_order or [] if pk in letters]
    stands = annotation.retracted_at is None and annotation.pk not in replaced
    return Verdict(annotation, shown, forms.in_words([one for one in fields if one.name in values], values), stands)


def _settled(label: Label, content: Content, fields: dict[str, selectors.FormField]) -> dict[str, Any]:
    field = fields.get(label.field)
    if field is None:
        return {"label": label, "said": [], "soft": {}}
    plug = protocol(field.protocol)
    shown, split = plug.display_form(label.value, content), label.value.get("split") or ()
    said = plug.in_words(shown, field.config) if shown or not split else []
    if split:
        said.append(ngettext("votes split on %d point", "votes split on %d points", len(split)) % len(split))
    soft = {plug.outcome_in_words(outcome, content): share for outcome, share in label.soft.items()}
    return {"label": label, "field": field, "said": said, "soft": soft, "rule": rule(label.rule).title}


@require_safe
@project_view(REVIEW)
def item(request: ProjectRequest, item_id: int) -> HttpResponse:
    return _story(request, item_id, forms.Withdrawal())


def _story(request: ProjectRequest, item_id: int, withdrawal: forms.Withdrawal) -> HttpResponse:
    story = selectors.item_story(project=request.project, item_id=item_id)
    ids = [response.id for response in story.responses]
    content = Content.of_ids(ids, ids)
    asked = [one.form_version for one in story.annotations if one.form_version]
    form = asked[-1] if asked else FormVersion(fields=form_service.default_fields())
    fields = {field.name: field for field in selectors.form_fields(form)}
    replaced = {one.revises_id for one in story.annotations if one.revises_id}
    context = {
        "story": story,
        "item": story.item,
        "lettered": list(zip(LETTERS, story.responses, strict=False)),
        "verdicts": [_verdict(one, content, replaced) for one in story.annotations],
        "labels": [_settled(label, content, fields) for label in story.labels],
        "open_flags": [_flag(one) for one in story.flags if one.resolved_at is None],
        "closed_flags": [_flag(one) for one in story.flags if one.resolved_at],
        "skips": [{"skip": one, "reason": leases.SKIP_REASONS.get(one.reason, one.reason)} for one in story.skips],
        "withdrawal": withdrawal,
    }
    return _show(request, "annotation/item.html", context, status_of(withdrawal))


def _flag(flag: Flag) -> dict[str, Any]:
    return {"flag": flag, "reason": flags.FLAG_REASONS.get(flag.reason, flag.reason)}


@require_POST
@project_view(REVIEW)
def resolve_flag(request: ProjectRequest, item_id: int, flag_id: int) -> HttpResponse:
    flag = selectors.flag_of(project=request.project, item_id=item_id, flag_id=flag_id)
    flags.resolve_flag(flag=flag, by=request.user)
    messages.success(request, _("The flag is dealt with."))
    return redirect("annotation:item", slug=request.project.slug, item_id=item_id)


@require_POST
@project_view(ADMIN)
def withdraw_item(request: ProjectRequest, item_id: int) -> HttpResponse:
    found = selectors.item_of(project=request.project, item_id=item_id)
    withdrawal = forms.Withdrawal(request.POST)
    if not withdrawal.is_valid():
        return _story(request, item_id, withdrawal)
    item_service.withdraw_item(item=found, by=request.user, reason=withdrawal.cleaned_data["reason"])
    messages.success(request, _("The item is withdrawn."))
    return redirect("annotation:item", slug=request.project.slug, item_id=item_id)
