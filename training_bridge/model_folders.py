"""Where weights may come from: a hub id in its one form, or a folder in an allowed place. What it holds: lm.safety."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from common.errors import Invalid
from training_bridge.files import sha256_of, var_path

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


def is_hub_id(source: str) -> bool:
    """Whether `source` has the form owner/name, with no part made to climb folders."""
    return bool(HUB_ID.fullmatch(source)) and not any(
        part.strip(".") == "" or ".." in part for part in source.split("/")
    )


def allowed_folder(source: str, *, project_id: int) -> Path:
    """The folder that `source` names: absolute, or beneath VAR_DIR/models or a folder of MODEL_FOLDERS.

    Raises Invalid where it lies elsewhere once links are followed, is no folder, or was made by a run of another
    project (VAR_DIR/models/<project id>/). The message never tells whether a path outside exists.
    """
    refusal = Invalid(
        _("Not allowed."), fields={"source": [_("Give owner/name of a hub model, or a folder in an allowed place.")]}
    )
    if "\x00" in source or ".." in Path(source).parts:
        raise refusal
    made = var_path("models").resolve()
    for root in (made, *settings.MODEL_FOLDERS):
        folder = (root / source).resolve()
        if folder.is_relative_to(root) and folder != root and _is_dir(folder):
            if folder.is_relative_to(made) and _is_of_another(folder.relative_to(made), project_id):
                raise refusal
            return folder
    raise refusal


def _is_dir(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:  # e.g. a name longer than a file system takes
        return False


def _is_of_another(inside: Path, project_id: int) -> bool:
    """Whether a path in VAR_DIR/models lies where the runs of another project put what they make."""
    first = inside.parts[0]
    return first.isdigit() and first != str(project_id)


def weights_sha256(folder: Path, alive: Callable[[], None] = lambda: None) -> str:
    """The SHA-256 of a model's weights, those of its parts among them: of the one file, or of what sha256sum prints for
    several.

    `alive` is called before each file: hashing a large model takes longer than a worker may be silent.
    """
    hashes = []
    for path in sorted(folder.rglob("*.safetensors")):
        alive()
        hashes.append((sha256_of(path), path.relative_to(folder).as_posix()))
    if len(hashes) == 1:
        return hashes[0][0]
    return hashlib.sha256("".join(f"{digest}  {name}\n" for digest, name in hashes).encode()).hexdigest()
