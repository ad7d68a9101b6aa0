"""Making a project and changing how it works."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.crypto import get_random_string
from django.utils.text import slugify
from django.utils.translation import gettext

from accounts.models import User
from accounts.services import audit
from common.errors import Forbidden, Invalid
from projects.models import Membership, Project, Role

RESERVED = {"new"}  # /projects/new/ is a page
SETTINGS = (
    "name",
    "description",
    "overlap",
    "lease_seconds_min",
    "lease_seconds_max",
    "price_per_label",
    "raters_see_statistics",
    "state",
    "deadline_at",
)


def subject(project: Project) -> str:
    """How the audit log names a project."""
    return f"project:{project.slug}"


def _checked(project: Project) -> None:
    try:
        project.full_clean(exclude=["created_by", "slug"], validate_unique=False)
    except ValidationError as fault:
        fields = {name: list(reasons) for name, reasons in fault.message_dict.items()}
        raise Invalid(gettext("Some values are not valid."), fields=_named(fields)) from fault


def _named(fields: dict[str, list[str]]) -> dict[str, list[str]]:
    """A broken constraint speaks of no field; the only one that people can break is the pair of bounds."""
    broken = fields.pop("__all__", None)
    if broken:
        fields["lease_seconds_max"] = ["At least 10 seconds, and not less than the shortest lease."]
    return fields


def _free_slug(name: str) -> str:
    """A slug made of `name`, with an ending drawn at random where it is taken or reserved."""
    plain = slugify(name)[:48].strip("-") or "project"
    if plain not in RESERVED and not Project.objects.filter(slug=plain).exists():
        return plain
    return f"{plain}-{get_random_string(6, 'abcdefghjkmnpqrstuvwxyz23456789')}"


def create_project(*, actor: User, name: str, description: str = "", **settings: Any) -> Project:
    """A new project with `actor` as its admin. Raises Forbidden for whoever may not, Invalid naming the field."""
    if not actor.may_create_projects:
        raise Forbidden(gettext("You may not create projects; an operator can allow it."))
    project = Project(name=name, description=description, created_by=actor, **settings)
    _checked(project)
    with transaction.atomic():
        _save_under_free_slug(project)
        Membership.objects.create(project=project, user=actor, role=Role.ADMIN)
        audit(actor=actor, kind="project-made", subject=subject(project), name=name)
    return project


def _save_under_free_slug(project: Project) -> None:
    for _ in range(5):
        project.slug = _free_slug(project.name)
        try:
            with transaction.atomic():
                return project.save()
        except IntegrityError:
            continue  # somebody took the same name between the question and the answer
    raise Invalid(
        gettext("No free address was found for this name."), fields={"name": [gettext("Choose another name.")]}
    )


@transaction.atomic
def change_settings(*, project: Project, actor: User, **values: Any) -> Project:
    """Changes those of SETTINGS that are given. Raises Invalid naming the field; then nothing has changed."""
    fresh = Project.objects.select_for_update().get(pk=project.pk)
    before = {name: getattr(fresh, name) for name in values}
    if unknown := set(values) - set(SETTINGS):
        raise Invalid(gettext("No such setting."), fields={name: ["There is no such setting."] for name in unknown})
    for name, value in values.items():
        setattr(fresh, name, value)
    _checked(fresh)
    changed = [name for name in values if getattr(fresh, name) != before[name]]
    if changed:
        fresh.save(update_fields=changed)
        changes = {name: [str(before[name])[:200], str(getattr(fresh, name))[:200]] for name in changed}
        audit(actor=actor, kind="project-changed", subject=subject(fresh), changes=changes)
    return fresh
