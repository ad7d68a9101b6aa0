"""A project made of a preset: its form, rubric and guideline in one go. It rests until its admin starts it."""

from django.db import transaction

from accounts.models import User
from annotation.presets import Preset, plain
from annotation.services.aspects import KEY
from annotation.services.forms import set_form
from projects.models import Aspect, Project
from projects.services.guidelines import add_guideline
from projects.services.projects import create_project


@transaction.atomic
def found_project(*, actor: User, preset: Preset, name: str, description: str = "") -> Project:
    """Raises Forbidden for whoever may not make projects, Invalid naming the field."""
    project = create_project(
        actor=actor, name=name, description=description, overlap=preset.overlap, state=Project.State.PAUSED
    )
    fields = plain(preset.fields)
    set_form(project=project, fields=fields)
    lines = {one["key"]: one for field in fields for one in field["config"].get("aspects", [])}
    Aspect.objects.bulk_create(
        Aspect(project=project, key=key, name=one["name"], description=one.get("description", ""), ordinal=ordinal)
        for ordinal, (key, one) in enumerate(lines.items())
        if KEY.fullmatch(key)
    )
    add_guideline(project=project, text=str(preset.guideline), actor=actor)
    return project
