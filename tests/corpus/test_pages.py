"""Imports from the browser and over the API: the same service behind both, and everything untrusted shown as text."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from corpus import services, tasks
from corpus.models import Candidate, Import, Prompt
from projects.models import Project
from tests import factories
from tests.corpus.conftest import Bring, item, lines

State = Import.State
NASTY = '<img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}<b hx-get="/x" hx-trigger="load">'


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Import ids that the entry points rang for."""
    found: list[int] = []
    monkeypatch.setattr(tasks, "ring", found.append)
    return found


def page(project: Project, name: str, *args: Any) -> str:
    return reverse(f"corpus:{name}", args=[project.slug, *args])


def api_path(project: Project, name: str, *args: Any) -> str:
    return reverse(f"corpus-api:{name}", args=[project.slug, *args])


def upload(data: bytes, name: str = "items.jsonl") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def test_a_file_from_the_browser(browse: Callable[..., Client], noor: User, project: Project, rung: list[int]) -> None:
    client = browse(noor)
    form = {"format": "native", "file": [upload(lines(item(1))), upload(lines(item(2)), "more.jsonl")]}
    answer = client.post(page(project, "import_new"), form | {"skip_bad_lines": "on", "use_recorded": "no"})
    run = Import.objects.get()
    assert answer.headers["Location"] == page(project, "import", run.pk)
    assert rung == [run.pk]
    assert (run.filename, run.created_by, run.skip_bad_lines) == ("items.jsonl, more.jsonl", noor, True)
    assert run.options["use_recorded"] is False
    waiting = client.get(page(project, "import", run.pk)).content.decode()
    assert 'hx-trigger="every 2s"' in waiting

    services.run_import(import_id=run.pk)
    Import.objects.update(state=State.SUCCEEDED)
    done = client.get(page(project, "import", run.pk)).content.decode()
    assert "every 2s" not in done
    assert "Question 1?" in done
    assert client.get(page(project, "import_progress", run.pk)).headers["HX-Refresh"] == "true"
    assert "items.jsonl" in client.get(page(project, "imports")).content.decode()


def test_pasted_lines_from_the_browser(
    browse: Callable[..., Client], noor: User, project: Project, rung: list[int]
) -> None:
    text = lines(item(1)).decode() + "\r\n" + lines(item(2)).decode()
    browse(noor).post(page(project, "import_new"), {"format": "native", "text": text})
    services.run_import(import_id=rung[0])
    assert Candidate.objects.count() == 2


@pytest.mark.parametrize(
    "form",
    [
        {"format": "native"},
        {"format": "nope", "text": "{}"},
        {"format": "native", "text": "{}", "file": [SimpleUploadedFile("a", b"{}")]},
        {"format": "native", "file": [SimpleUploadedFile(f"f{number}", b"{}") for number in range(11)]},
        {"format": "native", "file": [SimpleUploadedFile("empty", b"")]},
        {"format": "native", "text": "{}", "licence": "x" * 500},
        {"format": "native", "text": "a\x00b"},
    ],
)
def test_a_wrong_form_is_shown_again(
    browse: Callable[..., Client], noor: User, project: Project, rung: list[int], form: dict[str, Any]
) -> None:
    answer = browse(noor).post(page(project, "import_new"), form)
    assert answer.status_code == 422
    assert not Import.objects.exists()
    assert rung == []


def test_nothing_untrusted_becomes_markup(
    browse: Callable[..., Client], noor: User, project: Project, bring: Bring
) -> None:
    good = item(1, prompt=NASTY, responses=[{"text": NASTY + "\u202e"}, {"text": "b"}])
    run = bring(lines(good) + NASTY.encode() + b"\n" + lines(item(2, schema_version=NASTY)))
    Import.objects.update(filename=NASTY)
    bring(lines(item(3, prompt=NASTY)))
    client = browse(noor)
    for path in (page(project, "import", run.pk), page(project, "imports"), page(project, "prompts")):
        html = client.get(path).content.decode()
        assert "&lt;img src=x" in html
        assert not re.search(r"<img src=x|<script>|<b ", html)
        assert "\u202e" not in html


def test_the_report_as_csv_cannot_be_a_formula(
    browse: Callable[..., Client], noor: User, project: Project, bring: Bring
) -> None:
    run = bring(b'=HYPERLINK("http://evil")\n' + lines({}))
    client = browse(noor)
    csv = client.get(page(project, "import_report_csv", run.pk))
    text = b"".join(csv.streaming_content).decode()  # type: ignore[attr-defined]
    assert "\"'=HYPERLINK(" in text
    assert "attachment" in csv.headers["Content-Disposition"]
    raw = client.get(page(project, "import_report", run.pk))
    entries = [json.loads(line) for line in b"".join(raw.streaming_content).splitlines()]  # type: ignore[attr-defined]
    assert [(entry["line"], entry["pointer"]) for entry in entries] == [(1, ""), (2, "/prompt")]
    assert raw.headers["Content-Disposition"].startswith("attachment")


def test_taking_the_good_lines_of_a_rejected_import(
    browse: Callable[..., Client], noor: User, project: Project, bring: Bring, rung: list[int]
) -> None:
    run = bring(lines(item(1), {}))
    client = browse(noor)
    assert "Import the 1 good row" in client.get(page(project, "import", run.pk)).content.decode()
    client.post(page(project, "import_retry", run.pk), {"skip_bad_lines": "1"})
    services.run_import(import_id=rung[0])
    assert Candidate.objects.count() == 1
    assert client.post(page(project, "import_retry", run.pk)).status_code == 409


def test_prompts_are_opened_found_and_closed(
    browse: Callable[..., Client], noor: User, project: Project, other_project: Project
) -> None:
    mine = factories.PromptFactory(project=project, messages=[{"role": "user", "content": 'Größe of a "tyre"?'}])
    factories.PromptFactory(project=project)
    foreign = factories.PromptFactory(project=other_project)
    client = browse(noor)
    client.post(page(project, "prompts"), {"prompt": [mine.pk, foreign.pk, "x", "9" * 18], "open": "1"})
    assert list(Prompt.objects.filter(open=True)) == [mine]
    for query in ({"text": "größe"}, {"text": '"tyre"'}, {"show": "open"}):
        found = client.get(page(project, "prompts"), query).content.decode()
        assert f'value="{mine.pk}"' in found, query
        assert "1 prompt<" in found, query
    assert "No prompt is like that" in client.get(page(project, "prompts"), {"text": "zzz\x00"}).content.decode()
    client.post(page(project, "prompts"), {"prompt": mine.pk, "open": "0"})
    assert not Prompt.objects.filter(open=True).exists()


def test_lines_in_the_body_of_the_api(
    api: Callable[..., APIClient], noor: User, project: Project, rung: list[int]
) -> None:
    client = api(noor)
    body = {"format": "native", "lines": [item(1), {}], "options": {"licence": "CC0-1.0"}}
    answer = client.post(api_path(project, "imports"), body)
    assert answer.status_code == 202
    assert rung == [answer.json()["id"]]
    assert b"".join(client.get(api_path(project, "import_report", rung[0])).streaming_content) == b""
    services.run_import(import_id=rung[0])
    state = client.get(api_path(project, "import", rung[0])).json()
    assert (state["state"], state["lines"], state["bad_lines"]) == ("rejected", 2, 1)
    report = b"".join(client.get(api_path(project, "import_report", rung[0])).streaming_content)
    assert json.loads(report)["reason"] == "missing"
    again = client.post(api_path(project, "import_retry", rung[0]), {"skip_bad_lines": True})
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    services.run_import(import_id=rung[0])
    assert client.get(api_path(project, "imports")).json()["results"][0]["new_items"] == 1
    assert client.post(api_path(project, "import_retry", rung[0]), {}).status_code == 409


def test_files_over_the_api(api: Callable[..., APIClient], noor: User, project: Project, rung: list[int]) -> None:
    body = {
        "format": "native",
        "files": [upload(lines(item(1))), upload(lines(item(2)))],
        "options": '{"language": "en"}',
    }
    answer = api(noor).post(api_path(project, "imports"), body, format="multipart")
    assert answer.status_code == 202, answer.content
    services.run_import(import_id=rung[0])
    assert set(Candidate.objects.values_list("prompt__language", flat=True)) == {"en"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"format": "native", "lines": [NaN]}', 400),
        (b'{"format": "native", "lines": ["\\ud800"]}', 400),
        (b'{"format": "native", "lines": ' + b"[" * 100_000 + b"}", 400),
        (b'{"format": "native", "lines": [1' + b"0" * 10_000 + b"]}", 400),
        (b'{"format": "native", "lines": "x"}', 422),
        (b'{"format": "native", "lines": []}', 422),
        (b'{"format": "nope", "lines": [{}]}', 422),
        (b'{"format": ["native"], "lines": [{}]}', 422),
        (b'{"format": "native", "lines": [{}], "options": {"nope": 1}}', 422),
        (b'{"format": "native", "lines": [{}], "options": []}', 422),
        (b'{"format": "native", "lines": [{}], "options": {"language": ["x"]}}', 422),
        (b'{"format": "native", "lines": [{}], "skip_bad_lines": "perhaps"}', 422),
        (b"[]", 422),
        (b"", 422),
    ],
)
def test_a_wrong_body_is_refused_before_anything_is_stored(
    api: Callable[..., APIClient], noor: User, project: Project, rung: list[int], body: bytes, status: int
) -> None:
    answer = api(noor).post(api_path(project, "imports"), body, content_type="application/json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert not Import.objects.exists()
    assert rung == []


def test_a_body_larger_than_an_import_may_be_is_refused_unread(
    api: Callable[..., APIClient], browse: Callable[..., Client], noor: User, project: Project, settings: Any
) -> None:
    settings.IMPORT_MAX_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    body = {"format": "native", "files": [upload(b"x" * 5_000)]}
    assert api(noor).post(api_path(project, "imports"), body, format="multipart").status_code in {400, 413}
    form = {"format": "native", "file": [upload(b"x" * 5_000)]}
    assert browse(noor).post(page(project, "import_new"), form).status_code in {400, 413}
    assert not Import.objects.exists()


def test_prompts_over_the_api(api: Callable[..., APIClient], noor: User, project: Project) -> None:
    prompt = factories.PromptFactory(project=project)
    client = api(noor)
    path = api_path(project, "prompts")
    assert client.patch(path, {"ids": [prompt.pk, 10**9], "open": True}).json() == {"changed": 1}
    assert [one["id"] for one in client.get(path, {"open": "true"}).json()["results"]] == [prompt.pk]
    assert client.get(path, {"open": "false"}).json()["count"] == 0
    assert client.get(path, {"open": "maybe"}).status_code == 400
    assert client.get(path, {"project__slug": "x"}).status_code == 400
    assert client.patch(path, {"ids": [10**30], "open": True}).status_code == 400
