"""Uploaded files on disk: named by the server, private, bounded; what they were called is kept beside them."""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.translation import gettext as _

from common.errors import Invalid, TooLarge
from common.words import gettext_noop
from corpus.importers.archives import Unreadable
from corpus.importers.documents import Document, Limits, documents
from corpus.models import Import

MAX_FILES = 10
NAMES = "files.json"


class Upload(Protocol):
    """What Django's UploadedFile, File and ContentFile have in common."""

    name: str | None

    def chunks(self) -> Iterable[bytes]: ...


@dataclass(frozen=True)
class Stored:
    """One uploaded file. `name`: what it was called, for people to read; `stored`: what it is called on disk."""

    name: str
    stored: str
    size: int
    sha256: str


class SizeCap(FileUploadHandler):
    """First of Django's upload handlers: refuses a body larger than an import may be, before any of it is read."""

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:
        if content_length > settings.IMPORT_MAX_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig(_("The request body is larger than an import may be."))

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


def shown_name(name: str | None) -> str:
    """A file's name as text: no folders, no signs that do not show, at most 120 characters."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(sign for sign in last if sign.isprintable())[:120] or "file"


def folder(run: Import) -> Path:
    return Path(settings.VAR_DIR) / run.path


def store(files: Sequence[Upload]) -> tuple[str, list[Stored]]:
    """Writes the files into a new folder; (the folder relative to VAR_DIR, what is in it). Raises Invalid, TooLarge."""
    if not files:
        raise Invalid(_("Choose at least one file."), fields={"files": [_("Choose at least one file.")]})
    if len(files) > MAX_FILES:
        too_many = _("At most %(most)s files at once.") % {"most": MAX_FILES}
        raise Invalid(too_many, fields={"files": [too_many]})
    relative = f"imports/{uuid.uuid4().hex}"
    target = Path(settings.VAR_DIR) / relative
    target.mkdir(mode=0o700, parents=True)
    try:
        found = list(_write(target, files))
        (target / NAMES).write_text(json.dumps([asdict(one) for one in found]))
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return relative, found


def _write(target: Path, files: Sequence[Upload]) -> Iterator[Stored]:
    left = settings.IMPORT_MAX_BYTES
    for number, file in enumerate(files):
        size, sha = 0, hashlib.sha256()
        descriptor = os.open(target / f"upload-{number}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            for chunk in file.chunks():
                size += len(chunk)
                if size > left:
                    raise TooLarge(
                        _("An import takes at most %(most)s MB.") % {"most": settings.IMPORT_MAX_BYTES // 1_000_000}
                    )
                sha.update(chunk)
                handle.write(chunk)
        left -= size
        yield Stored(shown_name(file.name), f"upload-{number}", size, sha.hexdigest())


def names(run: Import) -> list[Stored]:
    path = folder(run) / NAMES
    return [Stored(**one) for one in json.loads(path.read_text())] if path.is_file() else []


def opened(run: Import) -> list[Document]:
    """The documents of an import, members of zip archives included. Raises Unreadable."""
    limits = Limits(settings.IMPORT_MAX_BYTES, settings.IMPORT_MAX_RECORD_BYTES)
    found: list[Document] = []
    for one in names(run):
        try:
            found += documents(folder(run) / one.stored, one.name, limits)
        except Unreadable as fault:
            raise Unreadable(gettext_noop("the file %(name)s: %(why)s") % {"name": one.name, "why": fault}) from fault
    if len(found) > MAX_FILES:
        raise Unreadable(gettext_noop("more than %(max_files)s files in one import") % {"max_files": MAX_FILES})
    return found


def discard(run: Import) -> bool:
    """Removes the uploads and staging of an import, never its report; whether there was anything to remove.

    What the files were (names, sizes, sha256) is forgotten last: `names` is empty once they are gone.
    """
    kept = Path(run.report_path).name
    found = [path for path in folder(run).glob("*") if path.name != kept]
    for path in sorted(found, key=lambda path: path.name == NAMES):
        path.unlink(missing_ok=True)
    return bool(found)
