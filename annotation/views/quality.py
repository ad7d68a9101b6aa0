"""Pages of those who watch quality: settings, gold items, and the items that raters disagree on."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation import display, forms, selectors, shortcuts
from annotation.models import Annotation, FormVersion, Gold, Item
from annotation.protocols import LETTERS, Content
from annotation.quality_forms import GoldForm, WatchForm
from annotation.selectors import quality
from annotation.selectors.rater import sample_of
from annotation.services import forms as form_service
from annotation.services import golds, watching
from annotation.standings import current
from annotation.views import page
from annotation.watch import watch_of
from common.errors import Conflict, DomainError, Invalid
from common.http import add_errors, sent, show_or_send, status_of
from projects.access import ADMIN, REVIEW, ProjectRequest, project_view


def show(request: ProjectRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    shared = {"project": request.project, "membership": request.membership}
    return render(request, f"annotation/quality/{template}", shared | context, status=status)


@show_or_send
@project_view(ADMIN)
def settings(request: ProjectRequest) -> HttpResponse:
    form = WatchForm(sent(request), initial=watch_of(request.project).model_dump(mode="json"))
    if form.is_valid():
        try:
            watching.set_watch(project=request.project, by=request.user, values=form.cleaned_data)
        except Invalid as fault:
            add_errors(form, fault)
        else:
            messages.success(request, _("The settings are in force."))
            return redirect("annotation:quality", request.project.slug)
    return show(request, "settings.html", {"form": form}, status_of(form))


@require_safe
@project_view(REVIEW)
def gold_items(request: ProjectRequest) -> HttpResponse:
    retired = request.GET.get("retired") == "1"
    rows = quality.golds(project=request.project, retired=retired)
    shown = [{"row": row, "excerpt": selectors.excerpt(row.gold.item.prompt.messages)} for row in rows]
    marked = sum(row.gold.in_qualification for row in rows)
    watch = watch_of(request.project)
    return show(request, "golds.html", {"rows": shown, "retired": retired, "marked": marked, "watch": watch})


@require_safe
@project_view(REVIEW)
def review(request: ProjectRequest) -> HttpResponse:
    rows = quality.disputes(project=request.project)
    shown = [{"row": row, "excerpt": selectors.excerpt(row.item.prompt.messages)} for row in rows]
    return show(request, "review.html", {"rows": shown})


class Known:
    """An item beside the form that its answer is given in, and what others have said of it."""

    def __init__(self, request: ProjectRequest, item_id: int, *, optional: bool = False) -> None:
        """`optional`: no field has to be answered; those that are will be compared."""
        self.request = request
        self.item = selectors.item_of(project=request.project, item_id=item_id)
        self.form = form_service.current_form(project=request.project)
        asked = [field | {"required": False} if optional else field for field in self.form.fields]
        self.fields = selectors.form_fields(FormVersion(fields=asked))
        rows = self.item.item_responses.select_related("response")
        responses = [row.response for row in rows]
        self.order = [response.pk for response in responses]
        self.sample = sample_of(self.item.prompt, responses)
        self.word = current().filter(item=self.item, standing=Annotation.Standing.ADJUDICATED).first()

    @property
    def in_order(self) -> Content:
        return Content.of_ids(self.order, self.order)

    def own_values(self) -> dict[str, Any]:
        """The adjudication there is, to begin from."""
        if self.word is None or self.word.form_version is None:
            return {}
        return form_service.display_values(self.word.form_version.fields, self.word.values, self.in_order)

    def others(self) -> list[dict[str, Any]]:
        """What raters said, in the order of the item, by pseudonym."""
        given = current().filter(item=self.item, standing__in=["counted", "extra", "recorded"])
        return [self._said(one) for one in given.select_related("rater", "form_version").order_by("pk")]

    def _said(self, one: Annotation) -> dict[str, Any]:
        fields = one.form_version.fields if one.form_version else form_service.default_fields()
        known = [field for field in self.fields if field.name in one.values]
        words = forms.in_words(known, form_service.display_values(fields, one.values, self.in_order))
        places = [LETTERS[self.order.index(pk)] for pk in one.display_order or [] if pk in self.order]
        return {"annotation": one, "words": words, "shown": places}

    def read(self, posted: QueryDict) -> dict[str, Any]:
        return forms.read_answers(posted, self.fields)

    def show(
        self, values: dict[str, Any], fault: DomainError | None, place: display.Place, **more: Any
    ) -> HttpResponse:
        """The page that asks for the answer."""
        shown = display.Content.of(self.sample)
        errors = fault.fields if fault else None
        context = {
            "item": self.item,
            "shown": shown,
            "work": display.Work(shown, forms.questions(self.fields, values, shown.answerable, errors)),
            "keys": shortcuts.bindings(self.fields),
            "key_list": shortcuts.drawn(self.fields),
            "place": place,
            "others": self.others(),
            "word": self.word,
            "fault": fault,
            "count": None,
        }
        status = fault.status if fault else more.pop("status", 200)
        response = show(self.request, "known.html", context | more, status)
        response["Content-Location"] = self.request.get_full_path()
        return response

    def place(self, name: str) -> display.Place:
        address = reverse(f"annotation:{name}", args=[self.request.project.slug, self.item.pk])
        back = reverse("annotation:item", args=[self.request.project.slug, self.item.pk])
        return display.Place(token=f"{name}-{self.item.pk}", submit_url=address, cancel_url=back)


@show_or_send
@project_view(REVIEW)
def adjudicate(request: ProjectRequest, item_id: int) -> HttpResponse:
    """A reviewer's word on an item, the others' answers beside it."""
    known = Known(request, item_id)
    values, fault = known.own_values(), None
    if request.method == "POST":
        values = known.read(request.POST)
        try:
            golds.adjudicate(item=known.item, by=request.user, values=values)
        except (Invalid, Conflict) as found:
            fault = found
        else:
            messages.success(request, _("Your word settles this item. The others' answers are kept."))
            then_gold = request.POST.get("then") == "gold"
            name = "annotation:gold" if then_gold else "annotation:review"
            return _onward(request, name, *([item_id] if then_gold else []))
    more = {"heading": _("Adjudicate"), "submit": _("Settle it"), "adjudicating": True}
    return known.show(values, fault, known.place("adjudicate"), **more)


@show_or_send
@project_view(REVIEW)
def gold(request: ProjectRequest, item_id: int) -> HttpResponse:
    """Makes an item one whose answer is known, or changes one that is."""
    known = Known(request, item_id, optional=True)
    row: Gold | None = getattr(known.item, "gold", None)
    names = golds.GOLD_SETTINGS
    settings_form = GoldForm(sent(request), initial={name: getattr(row, name) for name in names} if row else None)
    values, fault = known.own_values(), None
    if request.method == "POST":
        values = known.read(request.POST)
        fault = _make_gold(request, known.item, values, settings_form, adjudicated=known.word is not None)
        if fault is None and settings_form.is_valid():
            messages.success(request, _("This is a gold item now. Raters cannot tell it from another."))
            return _onward(request, "annotation:golds")
    more = {"heading": _("The known answer"), "submit": _("Save the gold item"), "settings": settings_form, "gold": row}
    return known.show(values, fault, known.place("gold"), status=status_of(settings_form), **more)


def _onward(request: ProjectRequest, name: str, *args: int) -> HttpResponse:
    """To another page. The page's script follows no redirect: it goes where a page without work in it says it is."""
    address = reverse(name, args=[request.project.slug, *args])
    if not page.by_script(request):
        return redirect(address)
    return HttpResponse("<!doctype html><title></title>", headers={"Content-Location": address})


def _make_gold(
    request: ProjectRequest, item: Item, values: dict[str, Any], form: GoldForm, *, adjudicated: bool
) -> DomainError | None:
    if not form.is_valid():
        return None
    source = Gold.Source.ADJUDICATED if adjudicated else Gold.Source.HAND
    try:
        golds.make_gold(item=item, by=request.user, values=values, source=source, **form.cleaned_data)
    except Invalid as fault:
        _put(form, fault)
        return fault
    except Conflict as fault:
        return fault
    return None


def _put(form: GoldForm, fault: Invalid) -> None:
    """Faults of settings go to their fields; those of the answer are drawn with its questions."""
    for name in form.fields.keys() & fault.fields.keys():
        for reason in fault.fields[name]:
            form.add_error(name, reason)


@require_POST
@project_view(REVIEW)
def retire_gold(request: ProjectRequest, item_id: int) -> HttpResponse:
    found = quality.gold_of(project=request.project, item_id=item_id)
    golds.retire_gold(gold=found, by=request.user)
    messages.success(request, _("The gold item is out of use. How it was answered is kept."))
    return redirect("annotation:golds", request.project.slug)
