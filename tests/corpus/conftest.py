"""Files as a person would upload them, and an import carried through in this process."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile

from corpus import services
from corpus.models import Import
from projects.models import Project

Bring = Callable[..., Import]


def lines(*records: Any) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def item(number: int = 1, **extra: Any) -> dict[str, Any]:
    """A line of native JSON with two responses."""
    return {
        "external_id": f"i{number}",
        "prompt": f"Question {number}?",
        "responses": [{"id": "a", "text": f"Answer {number}."}, {"id": "b", "text": "No idea."}],
    } | extra


@pytest.fixture
def bring(project: Project) -> Bring:
    """`bring(b"…", b"…", format="native", **more)`: uploads, runs, and gives the import as it ended."""

    def carry(*uploads: bytes, format: str = "native", **more: Any) -> Import:
        files = [ContentFile(data, name=f"file{number}") for number, data in enumerate(uploads)]
        run = services.start_import(project=project, format=format, files=files, **more)
        services.run_import(import_id=run.pk)
        run.refresh_from_db()
        return run

    return carry


def packed(data: bytes) -> bytes:
    return gzip.compress(data)
