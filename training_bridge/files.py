"""Files that are written once: hashed, put in place whole, and never changed afterwards."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from common.errors import Conflict, NotFound

BLOCK = 1 << 20


def var_path(*parts: str | int) -> Path:
    """A path under VAR_DIR; the parts are the product's own (ids, numbers), never a person's text."""
    return Path(settings.VAR_DIR).joinpath(*(str(part) for part in parts))


def sha256_of(path: Path, alive: Callable[[], None] = lambda: None) -> str:
    """The SHA-256 of a file's bytes, read in blocks of 1 MiB; `alive` is called before each."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(BLOCK):
            alive()
            digest.update(block)
    return digest.hexdigest()


def canonical_json(value: Any) -> bytes:
    """The one spelling of a JSON value: sorted keys, no spaces, UTF-8. Equal values have equal bytes and hashes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def digest_of(value: Any) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()


def write_synced(path: Path, data: bytes) -> None:
    """Writes a file and waits until the disk has it, under a temporary name first: a reader sees all of it or none."""
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_read_only(folder: Path) -> None:
    """Takes the right to write from every file of a folder, at any depth; the folders stay removable."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o400)


def put_in_place(draft: Path, final: Path) -> None:
    """Renames a finished folder to its final name, in one step.

    A folder already there is what a worker left that died between renaming and telling the database: nothing points
    at it, so it goes. The caller holds the row that `final` belongs to.
    """
    if final.exists():
        shutil.rmtree(final)
    final.parent.mkdir(parents=True, exist_ok=True)
    draft.rename(final)
    sync_folder(final.parent)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file that the product itself wrote, one at a time."""
    with path.open("rb") as handle:
        for line in handle:
            if line.strip():
                yield json.loads(line)


def verified(path: Path, sha256: str) -> Path:
    """`path`, if its bytes still have the hash they were stored under. Raises NotFound or Conflict otherwise."""
    if not path.is_file():
        raise NotFound(_("The file is no longer on disk."))
    if sha256_of(path) != sha256:
        raise Conflict(
            _("%(name)s is not what was stored: its SHA-256 has changed, so it is not handed out.")
            % {"name": path.name},
            code="file-changed",
        )
    return path
