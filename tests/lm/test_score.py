"""`python -m lm.score --tokens`: where each token of a response stands, and its reward."""

import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lm.expressions import parsed
from lm.loading import load_reward, save, save_combined
from lm.score import main
from lm.scoring import rewards_by_token
from tests.lm.test_expressions import spans
from tests.lm.tiny import TEXTS, assistant, user

ASKED = user("When does the train leave?")


def served(arguments: list[str], lines: Sequence[object], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    output = io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(json.dumps(line) + "\n" for line in lines)))
    monkeypatch.setattr("sys.stdout", output)
    assert main(arguments) == 0
    return [json.loads(line) for line in output.getvalue().splitlines()]


@pytest.mark.parametrize("segments", [None, "sentence"])
def test_rewards_by_token_name_the_text_that_they_stand_on(
    segments: str | None, causal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(spans(tmp_path / "marks", causal, segments))
    said = "Thank you 👍🏽! The train leaves at nine."
    lines = [{"id": 7, "messages": [*ASKED, *assistant(said)]}, {"id": 8, "messages": []}]
    good, bad = served([folder, "--tokens"], lines, monkeypatch)
    assert bad["id"] == 8 and "tokens" not in bad and "error" in bad
    tokens = good["tokens"]
    assert [one["reward"] for one in tokens] == rewards_by_token(load_reward(folder), ASKED, assistant(said))
    covered = {place for one in tokens if one["start"] is not None for place in range(one["start"], one["end"])}
    assert {place for place, char in enumerate(said) if not char.isspace()} <= covered <= set(range(len(said)))
    assert tokens[-1]["start"] is None and tokens[-1]["end"] is None, "the end token is none of the text"
    total = math.fsum(one["reward"] for one in tokens)
    assert good["score"] == pytest.approx(total if segments else total / len(tokens), abs=1e-5)


def test_of_an_expression_the_tokens_add_up_also_where_a_response_is_cut(
    causal: Path, reward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {"marks": str(spans(tmp_path / "marks", causal, None)), "whole": str(reward)}
    save_combined(tmp_path / "made", parsed('"marks" + 2 * "whole"'), sources, {})
    lines = [{"id": at, "messages": [*ASKED, *assistant(text)]} for at, text in enumerate(TEXTS)]
    whole = served([str(tmp_path / "made"), "--tokens"], lines, monkeypatch)
    cut = served([str(tmp_path / "made"), "--tokens", "--max-length", "12"], lines, monkeypatch)
    for one in [*whole, *cut]:
        tokens = one["tokens"]
        assert math.fsum(token["reward"] for token in tokens) == pytest.approx(one["score"], abs=1e-5)
    assert max(len(one["tokens"]) for one in cut) < max(len(one["tokens"]) for one in whole)


def test_without_the_option_an_answer_is_its_score_alone(reward: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [{"id": 1, "messages": [*ASKED, *assistant("At nine.")]}]
    assert [set(one) for one in served([str(reward)], lines, monkeypatch)] == [{"id", "score"}]


def test_what_the_template_refuses_is_named_and_the_other_lines_are_answered(
    reward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = load_reward(str(reward))
    refusal = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turns') }}{% endif %}"
    strict.tokenizer.chat_template = refusal + strict.tokenizer.chat_template
    save(strict, tmp_path / "strict")
    turns = [*ASKED, *assistant("At nine.")]
    lines = [{"id": 1, "messages": [{"role": "system", "content": "Be kind."}, *turns]}, {"id": 2, "messages": turns}]
    refused, scored = served([str(tmp_path / "strict")], lines, monkeypatch)
    assert "no system turns" in refused["error"] and "score" in scored


@pytest.mark.parametrize("arguments", [[], ["folder", "--max-length", "1"], ["folder", "--max-length", "few"]])
def test_what_cannot_be_asked_for_is_said_at_once(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2 and "usage: python -m lm.score" in capsys.readouterr().err
