"""What a project lacks for a method, said before anybody fills in its form."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from corpus.models import ModelVersion, Prompt, Response
from projects.models import Project
from training_bridge.methods.interface import Method
from training_bridge.models import Snapshot
from training_bridge.needs import lacking

LOOKED_AT = 20
"""The newest snapshots; who wants an older one still finds it in the form."""


@dataclass(frozen=True)
class Holdings:
    """What a project has to start runs with. `kinds`: kinds of its model versions."""

    snapshots: list[Snapshot]
    kinds: set[str]
    open_prompts: bool
    responses: bool


def holdings_of(project: Project) -> Holdings:
    """A handful of queries, however many methods there are."""
    return Holdings(
        snapshots=list(project.snapshots.filter(state=Snapshot.State.READY).order_by("-number")[:LOOKED_AT]),
        kinds=set(project.model_versions.order_by().values_list("kind", flat=True).distinct()),
        open_prompts=Prompt.objects.filter(project=project, open=True).exists(),
        responses=Response.objects.filter(prompt__project=project).exists(),
    )


def lacks(method: Method, held: Holdings) -> list[str]:
    """In words, what must be there first; empty for a method that can be started."""
    needs, found = method.needs, []
    reward = {ModelVersion.Kind.REWARD.value}
    if needs.snapshot == "required":
        found += _snapshot_lacks(method, held.snapshots)
    if needs.base == "required" and not (held.kinds if needs.base_kind == "any" else held.kinds - reward):
        found.append(_("There is no base model yet: register one, or make a tiny one."))
    if needs.reference == "required" and not held.kinds - reward:
        found.append(_("There is no reference model yet."))
    if needs.reward == "required" and not held.kinds & reward:
        found.append(_("There is no reward model yet: train one first."))
    if "prompts" in needs.input and not held.open_prompts:
        found.append(_("No prompt of this project is open: import prompts that want responses."))
    if "text" in needs.input and not held.responses:
        found.append(_("The project has no responses to read yet: import some first."))
    return found


def _snapshot_lacks(method: Method, snapshots: list[Snapshot]) -> list[str]:
    """Nothing where one of them teaches the method; else what the newest lacks."""
    if not snapshots:
        return [_("There is no snapshot yet: freeze some labels first.")]
    complaints = [lacking(method, snapshot) for snapshot in snapshots]
    return [complaints[0]] if all(complaints) else []
