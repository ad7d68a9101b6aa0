"""Reads of snapshots: their rows, their files, what they can be made of."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from annotation.models import Label
from common import plugs
from common.errors import Conflict, NotFound
from projects.models import Project
from training_bridge.derivations import DERIVATIONS, Derivation
from training_bridge.exporters import EXPORTERS, Exporter, Source
from training_bridge.files import read_lines, var_path, verified
from training_bridge.models import Snapshot
from training_bridge.snapshots import MANIFEST, RATERS, STRENGTHS


def snapshots_of(project: Project) -> "QuerySet[Snapshot]":
    return project.snapshots.select_related("created_by").order_by("-number")


def snapshot_of(project: Project, number: int) -> Snapshot:
    """Raises NotFound."""
    found = snapshots_of(project).filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def exporters() -> list[Exporter]:
    return [plugs.load(EXPORTERS, key, "export format") for key in EXPORTERS]


def label_fields(project: Project) -> list[str]:
    """Fields of the project's forms that have labels, for a derivation to choose from."""
    found = Label.objects.filter(item__project=project).order_by("field").values_list("field", flat=True).distinct()
    return list(found) or ["preference"]


def source_of(snapshot: Snapshot) -> Source:
    """A ready snapshot's files, the manifest verified. Raises Conflict where it is not ready or has changed."""
    if snapshot.state != Snapshot.State.READY:
        raise Conflict(_("The snapshot is not ready yet."), code="not-ready")
    folder = var_path(snapshot.path)
    manifest = json.loads(verified(folder / MANIFEST, snapshot.manifest_sha256).read_bytes())

    def verify(name: str) -> Any:
        is_manifest = name == MANIFEST
        if not is_manifest and name not in manifest["files"]:
            raise NotFound(_("This snapshot has no such file."))
        return verified(folder / name, snapshot.manifest_sha256 if is_manifest else manifest["files"][name]["sha256"])

    return Source(manifest=manifest, manifest_sha256=snapshot.manifest_sha256, verify=verify)


@dataclass(frozen=True)
class Reliability:
    """Who voted, how reliable they are, and, where models were compared, how strong these are: rows of the snapshot's
    files. `facts`: by question, how the soft labels were computed. `empty`: files of the snapshot that hold nothing."""

    raters: list[dict[str, Any]]
    strengths: list[dict[str, Any]]
    facts: dict[str, dict[str, Any]]
    empty: set[str]


def reliability_of(snapshot: Snapshot) -> Reliability:
    """Raises Conflict where the snapshot is not ready or its files have changed, NotFound where they are gone."""
    source = source_of(snapshot)
    known = [name for name in (RATERS, STRENGTHS) if name in source.manifest["files"]]
    rows = {name: list(read_lines(source.verify(name))) for name in known}
    empty = {name for name, file in source.manifest["files"].items() if not file["rows"]}
    return Reliability(rows.get(RATERS, []), rows.get(STRENGTHS, []), source.manifest.get("soft_labels", {}), empty)


def derivations() -> list[Derivation]:
    return [plugs.load(DERIVATIONS, key, "derivation") for key in DERIVATIONS]


def export(snapshot: Snapshot, exporter: str, name: str) -> Iterator[bytes]:
    """The bytes of one file of one export format. Raises NotFound for an unknown file, Conflict for a changed one."""
    if exporter not in EXPORTERS:
        raise NotFound
    plug: Exporter = plugs.load(EXPORTERS, exporter, "export format")
    if name not in plug.files:
        raise NotFound
    pieces = plug.read(source_of(snapshot), name)
    # The first piece is taken now, so that a file that has changed is an error and not half a download.
    first = next(pieces, b"")
    return _chained(first, pieces)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
