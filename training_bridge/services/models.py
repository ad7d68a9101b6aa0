"""Model versions brought in from outside; those that a run makes are registered in results.py."""

from pathlib import Path

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common.errors import Invalid
from corpus.models import ModelVersion
from lm.safety import UnsafeModel, check_model_folder
from projects.models import Project
from training_bridge.model_folders import allowed_folder, is_hub_id
from training_bridge.models import Hashing


def register_model(*, project: Project, name: str, kind: str, source: str, user: User | None = None) -> ModelVersion:
    """Registers a hub model (owner/name) or a local folder in an allowed place as a model version.

    Raises Invalid with field errors: unknown kind, name taken or empty, a folder elsewhere, one that could run code.
    The files of a folder are hashed later (hashing.py): that takes long for large ones.
    """
    name, source = name.strip(), source.strip()
    if kind not in ModelVersion.Kind.values:
        raise Invalid(
            _("Unknown kind of model."),
            fields={"kind": [_("One of %(values)s.") % {"values": ", ".join(ModelVersion.Kind.values)}]},
        )
    if not name or len(name) > 120:
        raise Invalid(_("The name is not valid."), fields={"name": [_("Give a name of at most 120 characters.")]})
    if len(source) > 300:
        raise Invalid(_("The source is not valid."), fields={"source": [_("At most 300 characters.")]})
    path = ""
    if not is_hub_id(source) or _is_folder(source, project):
        folder = allowed_folder(source, project_id=project.pk)
        _check(folder)
        path = str(folder)
    try:
        with transaction.atomic():
            version = ModelVersion.objects.create(project=project, name=name, kind=kind, source=source, path=path)
            if path:
                Hashing.objects.create(version=version)
            audit(
                actor=user, kind="model.registered", subject=f"project:{project.slug}", model=version.pk, source=source
            )
    except IntegrityError as fault:
        raise Invalid(
            _("The name is taken."), fields={"name": [_("Another model of this project has this name.")]}
        ) from fault
    return version


def _check(folder: Path) -> None:
    try:
        check_model_folder(folder)
    except UnsafeModel as fault:
        raise UnsafeModel(fault.detail, fields={"source": [fault.detail]}) from fault


def _is_folder(source: str, project: Project) -> bool:
    """Whether a source that reads like a hub id names a folder in an allowed place: the folder at hand wins."""
    try:
        allowed_folder(source, project_id=project.pk)
    except Invalid:
        return False
    return True
