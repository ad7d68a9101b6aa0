"""The rubric: its lines added, changed, ordered and removed, and taken over into the form that asks about them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _
from pydantic import BaseModel

from accounts.models import User
from accounts.services import audit
from annotation.models import FormVersion
from annotation.protocols import Value, protocol
from annotation.services.forms import current_form, set_form
from common.errors import Conflict, Invalid, NotFound
from projects.models import Aspect, Project
from projects.services.projects import subject

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST = 30


def _parts(fields: Sequence[Value]) -> Iterator[tuple[Value, type[BaseModel]]]:
    """The fields of a form that ask about aspects, each with the shape of one aspect in its settings."""
    for field in fields:
        known = protocol(field["protocol"]).Config.model_fields.get("aspects")
        if known is not None:
            yield field, get_args(known.annotation)[0]


def asked_aspects(project: Project) -> dict[str, list[str]]:
    """Key of an aspect → names of the fields of the form in force that ask about it."""
    form = FormVersion.objects.filter(project=project).order_by("-number").first()
    found: dict[str, list[str]] = {}
    for field, _shape in _parts(form.fields if form else []):
        for aspect in field["config"].get("aspects", []):
            found.setdefault(aspect["key"], []).append(field["name"])
    return found


def _saved(aspect: Aspect) -> Aspect:
    try:
        aspect.full_clean(exclude=["project"], validate_unique=False)
        with transaction.atomic():
            aspect.save()
    except ValidationError as fault:
        raise Invalid(fields={name: list(said) for name, said in fault.message_dict.items()}) from fault
    except IntegrityError as fault:
        raise Invalid(fields={"key": [_("The rubric has an aspect of this key already.")]}) from fault
    return aspect


@transaction.atomic
def add_aspect(*, project: Project, actor: User, name: str, key: str = "", description: str = "") -> Aspect:
    """One more line at the end; without a key one is made of the name. Raises Invalid naming the field."""
    Project.objects.select_for_update().get(pk=project.pk)
    ordinals = list(project.aspects.values_list("ordinal", flat=True))
    if len(ordinals) >= MOST:
        raise Invalid(fields={"name": [_("A rubric has at most %(most)s aspects.") % {"most": MOST}]})
    made = key or slugify(name).replace("-", "_")[:40].strip("_")
    if not KEY.fullmatch(made):
        raise Invalid(fields={"key": [_("Lower case letters, digits and _; a letter first.")]})
    last = max(ordinals, default=-1)
    aspect = _saved(Aspect(project=project, key=made, name=name.strip(), description=description, ordinal=last + 1))
    audit(actor=actor, kind="aspect-added", subject=subject(project), aspect=made)
    return aspect


def find_aspect(*, project: Project, aspect_id: int) -> Aspect:
    """Raises NotFound."""
    found = project.aspects.filter(pk=aspect_id).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def change_aspect(*, project: Project, aspect_id: int, actor: User, **values: str) -> Aspect:
    """Another `name` or `description`; its key stays, for answers name it. The form keeps its wording until told."""
    aspect = find_aspect(project=project, aspect_id=aspect_id)
    for field in ("name", "description"):
        setattr(aspect, field, values.get(field, getattr(aspect, field)))
    _saved(aspect)
    audit(actor=actor, kind="aspect-changed", subject=subject(project), aspect=aspect.key)
    return aspect


@transaction.atomic
def move_aspect(*, project: Project, aspect_id: int, place: int) -> None:
    """Puts a line at `place` of the rubric, counted from 0; beyond its ends, at the end. Raises NotFound."""
    Project.objects.select_for_update().get(pk=project.pk)
    moved = find_aspect(project=project, aspect_id=aspect_id)
    rest = [aspect for aspect in project.aspects.all() if aspect.pk != moved.pk]
    rest.insert(max(0, place), moved)
    for ordinal, aspect in enumerate(rest):
        if aspect.ordinal != ordinal:
            Aspect.objects.filter(pk=aspect.pk).update(ordinal=ordinal)


@transaction.atomic
def remove_aspect(*, project: Project, aspect_id: int, actor: User) -> None:
    """Takes a line out. Raises NotFound, or Conflict where the form in force asks about it."""
    aspect = find_aspect(project=project, aspect_id=aspect_id)
    if fields := asked_aspects(project).get(aspect.key):
        said = _("The form asks about it (%(fields)s). Take it out of the form first.")
        raise Conflict(said % {"fields": ", ".join(fields)}, code="aspect-in-use")
    aspect.delete()
    audit(actor=actor, kind="aspect-removed", subject=subject(project), aspect=aspect.key)


def _taken_over(rubric: Sequence[Aspect], former: Sequence[Value], shape: type[BaseModel]) -> list[Value]:
    """The rubric as one field's setting; what the setting says beside (a scale, the words of its ends) stays."""
    kept: dict[str, Value] = {aspect["key"]: aspect for aspect in former}
    made = []
    for line in rubric:
        words = {"key": line.key, "name": line.name, "description": line.description[:500]}
        made.append(kept.get(line.key, {}) | {name: text for name, text in words.items() if name in shape.model_fields})
    return made


@transaction.atomic
def bring_into_form(*, project: Project, actor: User) -> FormVersion:
    """A form that asks about the rubric as it is now. Raises Invalid, or Conflict where no question asks."""
    rubric = list(project.aspects.all())
    fields: list[dict[str, Any]] = [dict(field) for field in current_form(project=project).fields]
    asking = list(_parts(fields))
    if not asking:
        raise Conflict(_("No question of the form asks about aspects."), code="no-aspects-asked")
    for field, shape in asking:
        former = field["config"].get("aspects", [])
        field["config"] = field["config"] | {"aspects": _taken_over(rubric, former, shape)}
    made = set_form(project=project, fields=fields)
    audit(actor=actor, kind="form-made", subject=subject(project), number=made.number)
    return made
