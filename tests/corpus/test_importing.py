"""The two phases: nothing half-imported, nothing twice, and on from where it was killed."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from common.claims import Fenced
from common.errors import Conflict, Invalid, TooLarge
from corpus import importing, selectors, services, uploads
from corpus.models import Candidate, Import, Prompt, Response
from projects.models import Project
from tests.corpus.conftest import Bring, item, lines, packed, zipped

State = Import.State


def counts() -> tuple[int, int, int]:
    return Prompt.objects.count(), Response.objects.count(), Candidate.objects.count()


def numbers(run: Import) -> tuple[int, int, int, int]:
    return run.lines, run.bad_lines, run.new_items, run.known_items


def reasons(run: Import) -> list[tuple[int, str, str]]:
    return [(entry["line"], entry["level"], entry["reason"]) for entry in selectors.report_entries(run)]


def test_rows_are_stored_with_everything_annotation_needs(bring: Bring) -> None:
    feedback = [
        {"kind": "comparison", "annotator": "p1", "annotator_kind": "human", "left": "b", "right": "a", "choice": "tie"}
    ]
    run = bring(lines(item(1, feedback=feedback, lang="en")), options={"licence": "CC0-1.0"})
    assert (run.state, run.owner, run.heartbeat_at, run.finished_at) == (State.STORED, None, None, None)
    assert numbers(run) == (1, 0, 1, 0)
    candidate = Candidate.objects.get()
    responses = [Response.objects.get(pk=pk) for pk in candidate.response_ids]
    assert [response.messages[0]["content"] for response in responses] == ["Answer 1.", "No idea."]
    assert {response.prompt_id for response in responses} == {candidate.prompt_id}
    assert (candidate.feedback[0]["left"], candidate.feedback[0]["right"]) == ("b", "a")
    assert candidate.meta["response_ids"] == ["a", "b"]
    assert candidate.meta["licence"] == "CC0-1.0"
    assert candidate.prompt.messages == [{"role": "user", "content": "Question 1?"}]
    assert (candidate.taken_at, candidate.source, candidate.prompt.language) == (None, run, "en")
    assert uploads.names(run) == []  # the upload is not kept once its rows are
    assert not importing.staging_path(run).exists()


def test_one_bad_line_of_many_and_nothing_is_written(bring: Bring) -> None:
    data = lines(*(item(number) for number in range(1, 500))) + b"{oops\n" + lines(item(501))
    run = bring(data)
    assert (run.state, numbers(run), counts()) == (State.REJECTED, (501, 1, 0, 0), (0, 0, 0))
    [(line, level, reason)] = reasons(run)
    assert (line, level) == (500, "error")
    assert "not JSON" in reason

    services.retry_import(run=run, skip_bad_lines=True)
    services.run_import(import_id=run.pk)
    run.refresh_from_db()
    assert (run.state, numbers(run)) == (State.STORED, (501, 1, 500, 0))


def test_skipping_bad_lines_from_the_start(bring: Bring) -> None:
    run = bring(lines(item(1), {}, item(2)), skip_bad_lines=True)
    assert (run.state, numbers(run)) == (State.STORED, (3, 1, 2, 0))


@pytest.mark.parametrize(
    "again", [lines(item(1), item(2)), packed(lines(item(1), item(2))), zipped(a=lines(item(1), item(2)))]
)
def test_the_same_file_again_adds_nothing(bring: Bring, again: bytes) -> None:
    bring(lines(item(1), item(2)))
    before = counts()
    run = bring(again)
    assert (run.state, numbers(run)) == (State.SUCCEEDED, (2, 0, 0, 2))
    assert counts() == before


def test_rows_without_ids_are_known_by_their_content(bring: Bring) -> None:
    pair = {"prompt": "a", "chosen": "b", "rejected": "c"}
    run = bring(lines(pair, pair | {"chosen": "d"}, pair), format="trl_preference")
    assert (run.state, numbers(run)) == (State.STORED, (3, 0, 2, 1))
    assert reasons(run) == [(3, "warning", "the same as line 1 (taken once)")]
    assert counts() == (1, 3, 2)  # one prompt; the response both pairs share is one response
    assert numbers(bring(lines(pair), format="trl_preference")) == (1, 0, 0, 1)


def test_a_known_id_with_other_content_is_a_bad_line(bring: Bring) -> None:
    bring(lines(item(1)))
    other = item(1, prompt="Something else?")
    run = bring(lines(other, item(2), item(2, prompt="And else?")))
    assert (run.state, counts()) == (State.REJECTED, (1, 2, 1))
    assert [(line, reason) for line, _, reason in reasons(run)] == [
        (3, "the id of line 2, but other content"),
        (1, "already imported with other content"),
    ]


def test_prompts_alone_become_open(bring: Bring) -> None:
    prompts = lines({"external_id": "p1", "prompt": "One?"}, {"prompt": "Two?", "responses": [{"text": "Yes."}]})
    for expected in [(2, 0, 2, 0), (2, 0, 0, 2)]:
        run = bring(prompts, options={"open_prompts": True})
        assert (run.state, numbers(run)) == (State.SUCCEEDED, expected)
        assert Prompt.objects.filter(open=True).count() == 2
        Prompt.objects.update(open=False)  # imported again, they are opened again
    assert counts() == (2, 1, 0)
    changed = bring(lines({"external_id": "p1", "prompt": "Another?"}), options={"open_prompts": True})
    assert changed.state == State.REJECTED


def test_prompts_alone_can_be_items(bring: Bring) -> None:
    """To be labelled, or answered by a person; whether a form can be put to them is for annotation to say."""
    run = bring(lines({"external_id": "p1", "prompt": "One?"}, {"prompt": "Two?", "responses": [{"text": "Yes."}]}))
    assert (run.state, numbers(run), counts()) == (State.STORED, (2, 0, 2, 0), (2, 1, 2))
    assert [level for _, level, _ in reasons(run)] == ["warning", "warning"]
    assert not Prompt.objects.filter(open=True).exists()


def test_edits_are_stored_as_children(bring: Bring) -> None:
    refinement = {"kind": "refinement", "base_response_id": "a", "text": "Better."}
    bring(lines(item(feedback=[refinement])))
    child = Response.objects.get(parent__isnull=False)
    candidate = Candidate.objects.get()
    assert (child.messages, child.author_kind) == ([{"role": "assistant", "content": "Better."}], "human")
    assert child.parent_id == candidate.response_ids[0]
    assert child.pk not in candidate.response_ids
    assert candidate.meta["edit_ids"] == {candidate.feedback[0]["new_response_id"]: child.external_id}


@pytest.mark.parametrize(
    "data",
    [packed(lines(item()) * 1000)[:-20], '{"a": 1}'.encode("utf-16"), zipped(**{"../x": lines(item())}), b"", b"[{}"],
)
def test_what_cannot_be_read_is_rejected_whatever_was_asked_for(bring: Bring, data: bytes) -> None:
    run = bring(data, skip_bad_lines=True)
    assert (run.state, counts()) == (State.REJECTED, (0, 0, 0))
    assert run.error
    assert reasons(run)[-1][1:] == ("error", run.error)
    with pytest.raises(Conflict):
        services.retry_import(run=run, skip_bad_lines=True)


def test_a_line_over_the_limit_is_a_bad_line(bring: Bring) -> None:
    with override_settings(IMPORT_MAX_RECORD_BYTES=5_000):
        run = bring(lines(item(1), item(2, prompt="x" * 9_000), item(3)), skip_bad_lines=True)
    assert numbers(run) == (3, 1, 2, 0)
    assert reasons(run) == [(2, "error", "longer than 5,000 bytes")]


def test_meta_too_deep_to_store_is_a_bad_line_not_a_crash(bring: Bring) -> None:
    deep: Any = 1
    for _ in range(61):
        deep = [deep]
    run = bring(lines(item(1, unknown=deep)))
    assert (run.state, run.bad_lines) == (State.REJECTED, 1)
    assert "deeper" in reasons(run)[0][2]


def test_a_file_of_rubbish_is_not_reported_to_the_end(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MAX_FAULTS", 10)
    run = bring(b"rubbish\n" * 100, skip_bad_lines=True)
    assert (run.state, run.bad_lines) == (State.REJECTED, 11)
    assert "is this the right format?" in run.error


def test_killed_between_two_batches_it_goes_on_after_the_last(
    bring: Bring, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH_ROWS", 4)
    real, calls = importing.write_rows, []

    def dying(*args: Any) -> Any:
        calls.append(1)
        written = real(*args)
        if len(calls) == 3:
            raise SystemExit  # after the rows, before the commit: nothing is caught, nothing cleaned up
        return written

    monkeypatch.setattr(importing, "write_rows", dying)
    run = services.start_import(
        project=project, format="native", files=[ContentFile(lines(*map(item, range(10))), name="f")]
    )
    with pytest.raises(SystemExit):
        services.run_import(import_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.rows_stored, run.new_items, Candidate.objects.count()) == (State.RUNNING, 8, 8, 8)

    services.run_import(import_id=run.pk)  # its owner may be alive: hands off
    assert selectors.due_imports() == []
    Import.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=2))
    assert selectors.due_imports() == [run.pk]
    services.run_import(import_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.attempt, numbers(run)) == (State.STORED, 2, (10, 0, 10, 0))
    assert Candidate.objects.count() == 10


def test_killed_while_checking_it_starts_over_and_an_overtaken_worker_writes_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = services.start_import(project=project, format="native", files=[ContentFile(lines(item(1), {}), name="f")])
    slow = importing.claim(run.pk)
    assert slow is not None
    Import.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=2))
    services.run_import(import_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.bad_lines) == (State.REJECTED, 1)
    with pytest.raises(Fenced):
        importing._carry_through(slow)
    again = Import.objects.get()
    assert (again.state, again.report_path, counts()) == (State.REJECTED, run.report_path, (0, 0, 0))


def test_an_error_of_the_machine_fails_the_import_and_it_can_be_tried_again(
    bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "/secret/path")

    with monkeypatch.context() as patch:
        patch.setattr(importing, "write_rows", full)
        run = bring(lines(item()))
    assert (run.state, counts()) == (State.FAILED, (0, 0, 0))
    assert "No space left" in run.error
    assert "/secret" not in run.error
    assert selectors.retryable(run) == "again"
    services.retry_import(run=run)
    services.run_import(import_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.error, run.new_items) == (State.STORED, "", 1)
    with pytest.raises(Conflict):
        services.retry_import(run=run)


def test_an_import_that_kills_its_workers_is_given_up(project: Project) -> None:
    run = services.start_import(project=project, format="native", files=[ContentFile(lines(item()), name="f")])
    Import.objects.update(attempt=importing.MAX_ATTEMPTS)
    services.run_import(import_id=run.pk)
    run.refresh_from_db()
    assert (run.state, counts()) == (State.FAILED, (0, 0, 0))


def test_what_is_refused_before_it_begins_leaves_nothing_behind(project: Project, settings: Any) -> None:
    def start(**given: Any) -> Import:
        files = given.pop("files", [ContentFile(b"{}", name="f")])
        return services.start_import(project=project, files=files, **{"format": "native"} | given)

    folder = settings.VAR_DIR / "imports"
    before = set(folder.glob("*"))
    for refused in ({"format": "nope"}, {"options": {"nope": 1}}, {"options": {"open_prompts": "yes"}}, {"files": []}):
        with pytest.raises(Invalid):
            start(**refused)
    settings.IMPORT_MAX_BYTES = 1_000
    with pytest.raises(TooLarge):
        start(files=[ContentFile(b"x" * 600, name="a"), ContentFile(b"x" * 600, name="b")])
    project.state = Project.State.ARCHIVED
    with pytest.raises(Conflict):
        start()
    assert set(folder.glob("*")) == before
    assert not Import.objects.exists()


@pytest.mark.parametrize(
    "name",
    ["../../../etc/passwd", "C:\\x\\CON.txt", "a\x00b\u202e.html", "x" * 300, "", "<img src=x onerror=alert(1)>"],
)
def test_a_files_name_is_never_a_path(project: Project, settings: Any, name: str) -> None:
    file = ContentFile(lines(item()))
    file.name = name
    run = services.start_import(project=project, format="native", files=[file])
    folder = settings.VAR_DIR / run.path
    assert sorted(path.name for path in folder.iterdir()) == ["files.json", "upload-0"]
    assert (folder / "upload-0").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert run.filename.isprintable()
    assert 0 < len(run.filename) <= 200
    services.run_import(import_id=run.pk)
    assert Candidate.objects.count() == 1


def test_old_uploads_of_imports_that_ended_badly_go(bring: Bring) -> None:
    run = bring(lines({}))
    assert services.discard_old(before=timezone.now() - timedelta(days=1)) == 0
    assert services.discard_old(before=timezone.now()) == 1
    assert uploads.names(run) == []
    assert selectors.report_file(run).is_file()
    with pytest.raises(Conflict):
        services.retry_import(run=run, skip_bad_lines=True)


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
@pytest.mark.django_db(transaction=True)
def test_two_workers_and_two_imports_of_one_file_at_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_ROWS", 7)
    records = [item(number, prompt=f"Question {number % 10}?") for number in range(100)]
    runs = [
        services.start_import(project=project, format="native", files=[ContentFile(lines(*order), name="f")])
        for order in (records, records[::-1])
    ]
    failures: list[BaseException] = []

    def work(import_id: int) -> None:
        try:
            services.run_import(import_id=import_id)
        except BaseException as fault:
            failures.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(run.pk,)) for run in runs for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    found = [Import.objects.get(pk=run.pk) for run in runs]
    assert {run.attempt for run in found} == {1}
    assert all(run.state in {State.STORED, State.SUCCEEDED} for run in found)
    assert sum(run.new_items for run in found) == 100
    assert sum(run.known_items for run in found) == 100
    assert counts() == (10, 110, 100)
