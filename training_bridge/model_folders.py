"""Where weights may come from: a hub id in its one form, or a folder in an allowed place. What it holds: lm.safety."""

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from common.errors import Invalid
from common.words import gettext_noop
from training_bridge.files import sha256_of, var_path
from training_bridge.model_cards import RESOLVED

WEIGHTS = ".safetensors"
TOLD = {".json", ".txt", ".jinja", ".model"}
"""What says how weights and text are read: configurations, vocabularies, templates of chats."""
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


def model_sha256(folder: Path, alive: Callable[[], None] = lambda: None) -> str:
    """The SHA-256 of what sha256sum prints of a model's files, in order of their names: weights, configuration and
    tokenizer, those of its parts among them. `alive` is called for every MiB: a large model takes longer than a worker
    may be silent. Raises Invalid where there are no weights, OSError where a file cannot be read.
    """
    return _listed(_hashes(folder, alive))


def is_unchanged(folder: Path, sha256: str, alive: Callable[[], None] = lambda: None) -> bool:
    """Whether that hash is still the model's. One of an earlier version of the product, of the weights alone (of the
    one file, or of what sha256sum prints of several), holds for them. `alive` and errors as `model_sha256`."""
    hashes = _hashes(folder, alive)
    weights = {name: digest for name, digest in hashes.items() if name.endswith(WEIGHTS)}
    before = next(iter(weights.values())) if len(weights) == 1 else _listed(weights)
    return sha256 in (_listed(hashes), before)


def _hashes(folder: Path, alive: Callable[[], None]) -> dict[str, str]:
    """By name, in order of the paths."""
    paths = [path for path in sorted(folder.rglob("*")) if _is_read(path.relative_to(folder)) and path.is_file()]
    if not any(path.suffix == WEIGHTS for path in paths):
        raise Invalid(gettext_noop("The folder is gone, or holds no weights in safetensors form."), code="no-weights")
    return {path.relative_to(folder).as_posix(): sha256_of(path, alive) for path in paths}


def _is_read(path: Path) -> bool:
    """Whether loading reads a file, by its path in the folder. Weights of an adapter beside the merged model count, as
    they always have."""
    told = path.suffix in TOLD and path.name != RESOLVED and "adapter" not in path.parts[:-1]
    return path.suffix == WEIGHTS or told


def _listed(hashes: Mapping[str, str]) -> str:
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in hashes.items()).encode()).hexdigest()
