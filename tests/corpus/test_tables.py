"""CSV and TSV: how a file is written and which column is what is told from the file, or by a person in the preview."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from annotation.models import Item
from annotation.services import items
from common.errors import Conflict, Invalid
from corpus import services
from corpus.importers import importer
from corpus.importers.csv_table import shape_of
from corpus.importers.documents import Limits, documents
from corpus.importers.rows import Fault, Options, Row
from corpus.models import Candidate, Import, Prompt
from projects.models import Project
from tests.corpus.conftest import Bring, item, lines

State = Import.State
TABLE = 'id,prompt,response_a,response_b,hue\nq1,"Sky, or sea?",Blue.,"Green,\nat times.",1\nq2,Two?,Yes.,,\n'


def read(tmp_path: Path, data: str | bytes, **options: Any) -> list[Row | Fault]:
    path = tmp_path / "table"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(importer("csv").rows(documents(path, "t.csv", Limits(10**6, 10**5)), Options(**options)))


def texts(row: Row | Fault) -> list[str]:
    assert isinstance(row, Row), row
    return [answer.messages[0]["content"] for answer in row.answers]


def test_a_table_is_read_by_the_names_of_its_columns(tmp_path: Path) -> None:
    first, second = read(tmp_path, TABLE)
    assert isinstance(first, Row) and isinstance(second, Row)
    assert first.messages == [{"role": "user", "content": "Sky, or sea?"}]
    assert (texts(first), texts(second)) == (["Blue.", "Green,\nat times."], ["Yes."])
    assert (first.external_id, first.raw, first.names) == ("q1", {"hue": "1"}, ["response_a", "response_b"])
    assert (first.line, second.line) == (2, 4)


@pytest.mark.parametrize(
    ("data", "answers"),
    [
        ("prompt\tanswer 1\tanswer 2\nsay \"hi\"\ta \"b\tc\n", ['a "b', "c"]),  # unquoted, with literal quotes
        ('prompt;answer_1;answer_2\n"a; b";"c ""d""";e\n', ['c "d"', "e"]),
        ("﻿prompt|output_1|output_2\r\na|b|c\r\n", ["b", "c"]),
        ("question,completion\na,👍🏽 日本\n", ["👍🏽 日本"]),
    ],
)  # fmt: skip
def test_how_it_is_written_is_told_from_it(tmp_path: Path, data: str, answers: list[str]) -> None:
    [row] = read(tmp_path, data)
    assert texts(row) == answers


@pytest.mark.parametrize(
    ("data", "options", "reason"),
    [
        ("a,b\n1,2\n", {}, "say which column is the prompt"),
        ("prompt,prompt\n1,2\n", {}, "same name"),
        ("prompt,answer\n,2\n", {}, "empty prompt"),
        ("prompt,answer\n1,2,3\n", {}, "3 cells, but only 2 columns"),
        ("prompt,answer\n1,2\n", {"columns": {"prompt": ["nope"]}}, "no column nope for prompt"),
        ("prompt,answer\n" + "x" * 200_000 + ",2\n", {}, "field larger"),
        ('prompt,answer\na,"b\n', {}, "not a row"),
        ("prompt,answer\n" + 'a,"b, c"\n' * 60 + 'a,"b\n', {}, "not a row"),
        (b"prompt,answer\n\xff,2\n", {}, "not UTF-8"),
        ("", {}, "no header"),
    ],
)
def test_what_is_no_row_is_named(tmp_path: Path, data: str | bytes, options: Any, reason: str) -> None:
    found = read(tmp_path, data, **options)
    assert isinstance(found[-1], Fault) and reason in found[-1].reason, found


def test_guards_of_spreadsheets_are_taken_off_only_where_that_is_said(tmp_path: Path) -> None:
    data = "prompt,answer\na,'=1+1\nb,'quoted'\n"
    assert [texts(row) for row in read(tmp_path, data)] == [["'=1+1"], ["'quoted'"]]
    assert [texts(row) for row in read(tmp_path, data, spreadsheet=True)] == [["=1+1"], ["'quoted'"]]


def test_the_shape_is_that_which_gives_every_row_as_many_cells() -> None:
    assert shape_of(["a,b;c\n", "1,2;3\n"]).delimiter == ","
    assert shape_of(["a;b\n", "1,5;2,5\n"]).delimiter == ";"


# The preview: nothing is made until it is confirmed.


def test_a_preview_makes_nothing_until_it_is_confirmed(bring: Bring) -> None:
    run = bring(lines(item(1), item(2), {"oops": 1}), preview=True)
    assert (run.state, run.lines, run.bad_lines, run.rows_total) == (State.CHECKED, 3, 1, 2)
    assert (run.finished_at, run.owner, Candidate.objects.count(), Prompt.objects.count()) == (None, None, 0, 0)
    assert run.found["shapes"] == [{"responses": 2, "steps": False, "context": False, "rows": 2}]
    services.run_import(import_id=run.pk)  # a bell that rings by mistake
    assert Candidate.objects.count() == 0
    with pytest.raises(Conflict):
        services.confirm_import(run=run)
    services.confirm_import(run=run, skip_bad_lines=True)
    services.run_import(import_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.new_items, Candidate.objects.count()) == (State.STORED, 2, 2)
    for again in (services.confirm_import, services.discard_import):
        with pytest.raises(Conflict):
            again(run=run)


def test_a_worker_that_died_at_the_end_of_the_check_makes_nothing_either(bring: Bring) -> None:
    run = bring(lines(item(1)), preview=True)
    Import.objects.filter(pk=run.pk).update(state=State.QUEUED)
    services.run_import(import_id=run.pk)
    run.refresh_from_db()
    assert (run.state, Candidate.objects.count()) == (State.CHECKED, 0)


def test_what_was_looked_at_can_be_given_up(bring: Bring) -> None:
    run = bring(lines(item(1)), preview=True)
    services.discard_import(run=run)
    run.refresh_from_db()
    assert (run.state, bool(run.error), Candidate.objects.count()) == (State.REJECTED, True, 0)
    with pytest.raises(Conflict):
        services.retry_import(run=run)


def test_columns_are_said_in_the_preview(browse: Callable[..., Client], noor: User, project: Project) -> None:
    data = ContentFile(b"frage,eins,zwei\nWas?,Ja.,Nein.\n", name="fragen.csv")
    client = browse(noor)
    start = client.post("/projects/bicycles/imports/new/", {"format": "csv", "file": data, "preview": "on"})
    run = Import.objects.get()
    services.run_import(import_id=run.pk)
    page = client.get(start["Location"]).text
    assert "say which column is the prompt" in page and 'name="responses"' in page
    at = f"/projects/bicycles/imports/{run.pk}/"
    assert client.post(f"{at}columns/", {"prompt": "nope"}).status_code == 422
    client.post(f"{at}columns/", {"prompt": "frage", "responses": ["eins", "zwei"]})
    services.run_import(import_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.bad_lines, run.rows_total) == (State.CHECKED, 0, 1)

    seen = client.get(f"{at}preview/").text
    assert "Was?" in seen and "Ja." in seen and "Fits" in seen
    client.post(f"{at}confirm/")
    services.run_import(import_id=run.pk)
    items.take_candidates(project_id=project.pk)
    assert [one.response.messages[0]["content"] for one in Item.objects.get().item_responses.all()] == ["Ja.", "Nein."]


def test_the_preview_over_the_api(api: Callable[..., APIClient], noor: User, project: Project) -> None:
    """Two responses fit the form, three do not; of two kinds of judgment one is taken."""
    feedback = [
        {"kind": "comparison", "left": "a", "right": "b", "choice": "left"},
        {"kind": "critique", "text": "Too short."},
    ]
    three = item(2, responses=[{"text": "1"}, {"text": "2"}, {"text": "3"}])
    client, at = api(noor), "/api/v1/projects/bicycles/imports/"
    body = {"format": "native", "lines": [item(1, feedback=feedback), three], "preview": True}
    run = client.post(at, body, format="json").json()
    services.run_import(import_id=run["id"])
    assert client.get(f"{at}{run['id']}/").json()["state"] == "checked"
    found = client.get(f"{at}{run['id']}/preview/").json()
    assert [bool(one["fault"]) for one in found["rows"]] == [False, True]
    assert [one["text"] for one in found["rows"][0]["responses"]] == ["Answer 1.", "No idea."]
    assert {one["shape"]: (one["rows"], bool(one["fault"])) for one in found["fits"]} == {
        "2 responses": (1, False), "3 responses": (1, True)
    }  # fmt: skip
    assert {one["kind"]: (one["count"], bool(one["field"])) for one in found["judgments"]} == {
        "comparison": (1, True), "critique": (1, False)
    }  # fmt: skip
    assert client.post(f"{at}{run['id']}/check/", {"options": {"language": "en"}}, format="json").status_code == 202
    assert client.post(f"{at}{run['id']}/confirm/", {}, format="json").status_code == 409
    services.run_import(import_id=run["id"])
    assert client.post(f"{at}{run['id']}/confirm/", {}, format="json").json()["state"] == "queued"
    services.run_import(import_id=run["id"])
    items.take_candidates(project_id=project.pk)
    ended = client.get(f"{at}{run['id']}/").json()
    assert (ended["state"], ended["kept_feedback"]) == ("succeeded", {"critique": 1})
    assert client.post(f"{at}{run['id']}/discard/").status_code == 409


def test_columns_that_are_none_are_refused(bring: Bring) -> None:
    for columns in ({"nope": ["a"]}, {"prompt": "a"}, {"prompt": [1]}):
        with pytest.raises(Invalid):
            bring(b"a\n1\n", format="csv", options={"columns": columns})
