"""The real files, where they lie beside the checkout: all of them import, with the counts their descriptions give."""

from collections import Counter
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from corpus import selectors
from corpus.models import Candidate, Import, Prompt
from projects.models import Project

SharedData = Callable[[str], Path]
HH_PAIRS = 2_312


def test_hh(project: Project, shared_data: SharedData) -> None:
    out = StringIO()
    files = sorted(shared_data("hh_rlhf_harmless").glob("*/*.jsonl.gz"))
    call_command("import_data", *files, format="hh", project=project.slug, stdout=out)
    run = Import.objects.get()
    assert (run.state, run.bad_lines, run.known_items, run.lines) == ("stored", 0, 0, run.new_items)
    warned = Counter(entry["reason"].split(" (")[0].split(":")[0] for entry in selectors.report_entries(run))
    if run.lines == HH_PAIRS:
        assert warned["the two sides differ before the last turn"] == 5
        assert warned["two turns in a row by the same speaker"] <= 13
    else:  # a part of the file
        assert run.lines > 1_000
        assert 0 < warned["the two sides differ before the last turn"] <= 5
    assert f"{run.lines:,} new" in out.getvalue()
    assert all(message["content"] is not None for prompt in Prompt.objects.all() for message in prompt.messages)


def test_pandalm(project: Project, shared_data: SharedData) -> None:
    files = sorted(shared_data("pandalm").glob("*.json.gz"))
    call_command("import_data", *files, format="pandalm", stdout=StringIO())
    run = Import.objects.get()
    assert (run.state, run.lines, run.new_items, run.bad_lines) == ("stored", 999, 999, 0)
    assert Prompt.objects.values("group").distinct().count() == 170
    said = Counter((entry["annotator"], entry["choice"]) for one in Candidate.objects.all() for entry in one.feedback)
    assert sum(said.values()) == 5 * 999
    assert said["gpt-3.5-turbo", "unsure"] == 25
    assert (said["annotator1", "left"], said["annotator1", "right"], said["annotator1", "tie"]) == (427, 475, 97)
    assert (said["pandalm-7b", "tie"], said["gpt-3.5-turbo", "tie"]) == (107, 38)
    # A second time, by a worker that knows nothing of the first: nothing is added.
    call_command("import_data", *files, format="pandalm", stdout=StringIO())
    assert Candidate.objects.count() == 999


def test_the_command_says_no_with_an_exit_code(project: Project, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("{}\n")
    errors = StringIO()
    with pytest.raises(CommandError, match="nothing was imported"):
        call_command("import_data", tmp_path / "bad.jsonl", format="native", stdout=StringIO(), stderr=errors)
    assert "bad.jsonl line 1 /prompt: missing" in errors.getvalue()
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_data", tmp_path / "absent", format="native")
    with pytest.raises(CommandError, match="Say which project"):
        call_command("import_data", tmp_path / "bad.jsonl", format="native", project="nowhere")
