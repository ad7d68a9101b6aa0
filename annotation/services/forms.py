"""What raters are asked: versions of a project's form, and the check that makes stored values of what was posted."""

import re
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import FormVersion, Item, ItemResponse
from annotation.protocols import (
    LETTERS,
    Content,
    Shape,
    Value,
    check_config,
    check_text,
    default_config,
    fault,
    full_config,
    protocol,
)
from common.errors import Conflict, Invalid
from projects.models import Project

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
DEFAULT_FIELD = "preference"
FIELDS_LIMIT = 20
LABEL_LIMIT, HELP_LIMIT = 200, 2000


def default_fields() -> list[Value]:
    """The form of a project that nobody configured: one comparison."""
    config = dict(default_config("pairwise"))
    texts = {"label": "", "help": ""}
    return [{"name": DEFAULT_FIELD, "protocol": "pairwise", "config": config, "required": True} | texts]


def current_form(*, project: Project) -> FormVersion:
    """The form in force; a project without one gets the default as number 1."""
    found = FormVersion.objects.filter(project=project).order_by("-number").first()
    if found is None:
        found, _ = FormVersion.objects.get_or_create(project=project, number=1, defaults={"fields": default_fields()})
    return found


def check_fields(fields: object) -> list[Value]:
    """The complete form that `fields` stands for. Raises Invalid, faults named "<position>.<key>"."""
    if not isinstance(fields, list) or not 1 <= len(fields) <= FIELDS_LIMIT:
        raise Invalid(
            _("A form is a list of 1 to %(fields_limit)s fields.") % {"fields_limit": FIELDS_LIMIT},
            fields={"fields": [_("Must be such a list.")]},
        )
    checked: list[Value] = []
    for position, field in enumerate(fields):
        try:
            checked.append(_check_field(field, taken={other["name"] for other in checked}))
        except Invalid as fault:
            named = {f"{position}.{key}": texts for key, texts in fault.fields.items()} or {
                str(position): [fault.detail]
            }
            raise Invalid(fault.detail, fields=named) from fault
    return checked


def _check_field(field: object, *, taken: set[str]) -> Value:
    if not isinstance(field, dict) or set(field) - {"name", "label", "help", "protocol", "config", "required"}:
        raise Invalid(_("A field has a name, a label, a help, a protocol, a config, and whether it is required."))
    name, required = field.get("name"), field.get("required", True)
    if not isinstance(name, str) or not NAME.fullmatch(name) or name in taken:
        raise fault("name", _("A name is lower case, starts with a letter, and is used once."))
    if not isinstance(required, bool):
        raise Invalid(_("required must be true or false."), fields={"required": [_("Must be true or false.")]})
    plug = protocol(str(field.get("protocol")))
    return {
        "name": name,
        "label": check_text(field.get("label"), "label", limit=LABEL_LIMIT),
        "help": check_text(field.get("help"), "help", limit=HELP_LIMIT),
        "protocol": plug.key,
        "config": check_config(plug.key, field.get("config", {})),
        "required": required,
    }


def set_form(*, project: Project, fields: object) -> FormVersion:
    """Puts a new version of the form in force; the same fields again change nothing.

    Raises Invalid for wrong fields, and where items that wait for answers could not be judged by it.
    """
    checked = check_fields(fields)
    last = FormVersion.objects.filter(project=project).order_by("-number").first()
    if last is not None and last.fields == checked:
        return last
    _check_waiting(project, checked)
    try:
        with transaction.atomic():
            return FormVersion.objects.create(project=project, number=last.number + 1 if last else 1, fields=checked)
    except IntegrityError as fault:
        raise Conflict(_("Somebody else has just changed the form. Look at it, then change it again.")) from fault


def _check_waiting(project: Project, fields: Sequence[Value]) -> None:
    """Raises Invalid where an item that is still to be judged has too few or too many responses for these fields."""
    count = (
        ItemResponse.objects.filter(item=OuterRef("pk")).order_by().values("item").annotate(n=Count("pk")).values("n")
    )
    waiting = Item.objects.filter(project=project, state__in=[Item.State.NEW, Item.State.OPEN])
    by_count = waiting.annotate(responses=Coalesce(Subquery(count), 0)).values_list("responses").annotate(n=Count("pk"))
    for responses, items in by_count.order_by("responses"):
        if fault := check_item(fields, Shape(responses, steps=True, passages=1)):
            told = ngettext(
                "%(count)d item that waits for answers cannot be judged by this form: %(fault)s.",
                "%(count)d items that wait for answers cannot be judged by this form: %(fault)s.",
                items,
            ) % {"count": items, "fault": fault}
            raise Invalid(told, fields={"fields": [told]})


def check_item(fields: Sequence[Value], shape: Shape) -> str:
    """Why an item of such a shape cannot be judged by a form; empty where it can."""
    if shape.responses > len(LETTERS):
        return _("more than %d responses cannot be shown together") % len(LETTERS)
    faults = (protocol(field["protocol"]).check_item(shape, full_config(field)) for field in fields)
    return next((fault for fault in faults if fault), "")


def reads_text(fields: Sequence[Value]) -> bool:
    """Whether answers to a form can only be checked and stored beside the texts they speak of."""
    return any(protocol(field["protocol"]).reads_text for field in fields)


def normal_values(fields: Sequence[Value], values: object, content: Content) -> Value:
    """The values to store: {field name: normal form}. Raises Invalid with all faults, named "<field>" or
    "<field>.<part>"."""
    if not isinstance(values, dict):
        raise Invalid(_("values must be an object of field names."), fields={"values": [_("Must be an object.")]})
    unknown = set(values) - {field["name"] for field in fields}
    faults = {str(name): [_("This form has no such field.")] for name in unknown}
    stored: Value = {}
    for field in fields:
        name, raw = field["name"], values.get(field["name"])
        if raw is None:
            if field.get("required", True):
                faults[name] = [_("Needs an answer.")]
            continue
        try:
            stored[name] = protocol(field["protocol"]).normal_form(raw, full_config(field), content)
        except Invalid as fault:
            faults |= {f"{name}.{part}": texts for part, texts in fault.fields.items()} or {name: [fault.detail]}
    if not stored and not faults:
        faults["values"] = [_("There is no answer.")]
    if faults:
        raise Invalid("; ".join(f"{name}: {texts[0]}" for name, texts in faults.items())[:500], fields=faults)
    return stored


def display_values(fields: Sequence[Value], values: Value, content: Content) -> dict[str, Any]:
    """Stored values in the terms of what was displayed."""
    plugs = {field["name"]: protocol(field["protocol"]) for field in fields}
    return {name: plugs[name].display_form(value, content) for name, value in values.items() if name in plugs}
