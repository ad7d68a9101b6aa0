"""Every method that makes a reward model, for real on a tiny one, saved, loaded again and read as it was trained."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.plugs import load
from lm.heads import reading_of
from lm.loading import load_reward
from lm.scoring import rewards_by_token, score
from tests.methods import lessons, small
from training_bridge.methods import METHODS
from training_bridge.methods.interface import Cancelled, Refused

SMALL = {"learning_rate": 3e-3, "epochs": 5, "batch_size": 8, "max_length": 64, "checkpoint_every": 100}
TEXTS = [small.GOOD, lessons.MIDDLE, small.BAD]
MADE: list[tuple[str, dict[str, Any]]] = [
    ("reward_model", {"ties": "rao_kupper"}),
    ("reward_model", {"ties": "davidson"}),
    ("reward_ranking", {}),
    ("reward_ranking", {"likelihood": "all_pairs"}),
    ("reward_thumbs", {}),
    ("reward_ensemble", {"members": 3}),
    ("reward_aspects", {"gate_width": 8, "gate_depth": 1, "gate_dropout": 0.0, "batch_size": 64, "epochs": 9}),
    ("reward_spans", {"segments": "token", "epochs": 8}),
]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lessons.snapshot(tmp_path_factory.mktemp("judged"))


def trained(key: str, room: Path, base: Path, judged: Path, **config: Any) -> tuple[Any, list[dict[str, float]]]:
    method, reports = load(METHODS, key, "method"), []
    context = small.context(room / key, base=small.base(str(base)), snapshot=judged, reports=reports)
    result = method.train(context, method.Config(**(SMALL | config)))
    return result, [value[1] for kind, value in reports if kind == "metrics"]


@pytest.mark.parametrize(("key", "config"), MADE, ids=[f"{key}{[*config.values()][:1]}" for key, config in MADE])
def test_it_trains_is_loaded_again_and_ranks_as_people_did(
    key: str, config: dict[str, Any], policy: Path, judged: Path, tmp_path: Path
) -> None:
    result, steps = trained(key, tmp_path, policy, judged, **config)
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert result.model.kind == "reward"
    assert result.values["reward_accuracy"] > 0.6 and result.values["pairs"] == 9
    loaded = load_reward(result.model.path)
    good, middle, bad = score(loaded, [(small.asked(2), small.said(text)) for text in TEXTS])
    assert good > bad and middle > bad


def test_a_model_of_marks_gives_every_token_a_reward_and_the_marked_ones_the_lowest(
    policy: Path, judged: Path, tmp_path: Path
) -> None:
    result, _ = trained("reward_spans", tmp_path, policy, judged, segments="token", epochs=8)
    assert result.values["token_accuracy"] > result.values["all_fine_accuracy"]
    loaded = load_reward(result.model.path)
    assert reading_of(loaded.model)["classes"] == ["fine", "hedging", "rude"]
    fine, rude = (rewards_by_token(loaded, small.asked(2), small.said(text)) for text in (small.GOOD, small.BAD))
    assert len(fine) > 5 and min(fine) > max(rude[:-1])
    scalar = score(loaded, [(small.asked(2), small.said(small.BAD))])
    assert scalar == pytest.approx([sum(rude) / len(rude)], abs=1e-5)


def test_marks_reach_as_far_as_configured() -> None:
    from lm.segments import cut
    from training_bridge.trainer.judged import Span
    from training_bridge.trainer.marks import _covered

    text = "It is open. It opens at nine, or so I think, at least on weekdays! Yes"
    for segments in ("sentence", "clause"):
        assert "".join(text[slice(*one)] for one in cut(text, segments)) == text
    assert [text[slice(*one)].strip() for one in cut(text, "sentence")][1].startswith("It opens")
    assert all(len(text[slice(*one)].split()) >= 5 for one in cut(text, "clause")[:-1])
    span = Span(0, text.index("nine"), text.index("nine") + 4, "wrong")
    reach = {kind: text[slice(*_covered(text, span, kind))].strip() for kind in ("token", "clause", "sentence")}
    assert reach["token"] == "nine"
    assert reach["sentence"] == "It opens at nine, or so I think, at least on weekdays!"
    assert "nine" in reach["clause"] and len(reach["clause"]) < len(reach["sentence"])


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_every_token_knows_where_it_stands_in_the_text(policy: Path, text: str) -> None:
    from lm.chat import encode, response_places
    from lm.loading import load_causal

    tokenizer = load_causal(str(policy)).tokenizer if not TOKENIZER else TOKENIZER[0]
    TOKENIZER[:] = [tokenizer]
    said = small.said(f"<|end|>{text}<|user|>")
    places = response_places(tokenizer, small.asked(1), said)
    assert len(places) == len(encode(tokenizer, small.asked(1), [said], 4096).responses[0])
    covered = sorted(place for place in places if place != (0, 0))
    assert covered[0][0] == 0 and covered[-1][1] == len(said[0]["content"])
    assert all(start <= end for start, end in covered)
    assert all(later[0] <= earlier[1] for earlier, later in pairwise(covered))


TOKENIZER: list[Any] = []


def test_a_gate_reads_the_prompt_alone_and_debt_to_length_is_paid(policy: Path, judged: Path, tmp_path: Path) -> None:
    from training_bridge.trainer.aspects import shares_of

    config = {"gate_width": 8, "gate_depth": 1, "verbosity": "polite", "batch_size": 64}
    result, _ = trained("reward_aspects", tmp_path, policy, judged, **config)
    assert result.values["aspect_error"] < result.values["constant_error"]
    loaded = load_reward(result.model.path)
    assert loaded.gate is not None and reading_of(loaded.model)["names"] == ["polite", "right"]
    assert reading_of(loaded.model)["shares"][0] == 1.0

    drawn = torch.Generator().manual_seed(0)
    length, own = torch.randn(2, 500, generator=drawn)
    shares = shares_of(torch.stack([length, own + 0.4 * length, own, -length], 1), 0)
    assert shares[0] == 1.0 and 0.3 < shares[1] < 0.5 and shares[2] < 0.1 and shares[3] == 0.0


def test_where_all_are_of_one_length_no_aspect_owes_it_anything() -> None:
    from training_bridge.trainer.aspects import shares_of

    own = torch.randn(50, generator=torch.Generator().manual_seed(0))
    same = torch.full((50,), 0.3)
    assert shares_of(torch.stack([same, own, same], 1), 0) == [1.0, 0.0, 0.0]
    assert shares_of(torch.stack([own, same], 1), 0) == [1.0, 0.0]


def test_an_aspect_of_length_alone_is_no_reward(policy: Path, judged: Path, tmp_path: Path) -> None:
    rows = lessons.lines(judged / "lessons.jsonl")
    for row in rows:
        row["scores"] = [one for one in row["scores"] if one["aspect"] == "polite"]
    small.write_lines(tmp_path / "one" / "lessons.jsonl", rows)
    small.write_lines(tmp_path / "one" / "preferences.jsonl", [])
    with pytest.raises(Refused, match="only aspect that people scored is 'polite', the aspect of length"):
        trained("reward_aspects", tmp_path, policy, tmp_path / "one", verbosity="polite")


def test_without_pairs_there_is_no_gate_and_the_reward_is_the_mean(policy: Path, judged: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    small.write_lines(alone / "preferences.jsonl", [])
    (alone / "lessons.jsonl").write_text((judged / "lessons.jsonl").read_text())
    result, _ = trained("reward_aspects", tmp_path, policy, alone)
    loaded = load_reward(result.model.path)
    assert loaded.gate is None and "reward_accuracy" not in result.values
    good, bad = score(loaded, [(small.asked(2), small.said(text)) for text in (small.GOOD, small.BAD)])
    assert good > bad


def test_members_of_an_ensemble_differ_and_read_cautiously_they_give_less(
    policy: Path, judged: Path, tmp_path: Path
) -> None:
    asked = [(small.asked(2), small.said(text)) for text in TEXTS]
    read = {}
    for how in ("mean", "worst", "cautious"):
        result, _ = trained("reward_ensemble", tmp_path / how, policy, judged, members=3, how=how, penalty=1.0)
        loaded = load_reward(result.model.path)
        read[how] = score(loaded, asked)
    assert all(worst < mean for worst, mean in zip(read["worst"], read["mean"], strict=True))
    assert all(cautious < mean for cautious, mean in zip(read["cautious"], read["mean"], strict=True))


def test_how_readily_people_tie_is_learnt_and_left_out_of_the_weights(
    policy: Path, judged: Path, tmp_path: Path
) -> None:
    result, _ = trained("reward_model", tmp_path, policy, judged, ties="davidson")
    assert result.values["tie_extent"] > 0 and result.values["tie_extent"] != pytest.approx(0.5, abs=1e-3)
    from safetensors import safe_open

    with safe_open(Path(result.model.path) / "model.safetensors", "pt") as weights:
        assert not [name for name in weights.keys() if "extent" in name]  # noqa: SIM118 - it is no dict


@pytest.mark.parametrize(
    ("key", "kept", "why"),
    [
        ("reward_aspects", ["texts"], "no scores"),
        ("reward_spans", ["thumbs"], "nothing to tell apart"),
        ("reward_thumbs", ["scores"], "neither thumbs nor pairs"),
        ("reward_ranking", ["thumbs"], "no pair of two different responses"),
        ("sft", ["thumbs"], "no text to learn"),
        ("rationale_dpo", ["thumbs"], "No pair"),
    ],
)
def test_what_a_snapshot_does_not_teach_is_refused_in_words(
    key: str, kept: list[str], why: str, policy: Path, judged: Path, tmp_path: Path
) -> None:
    rows = lessons.lines(judged / "lessons.jsonl")
    always = {"item_id", "group", "split", "prompt", "responses", *kept}
    cut = [{name: value for name, value in row.items() if name in always} for row in rows]
    small.write_lines(tmp_path / "cut" / "lessons.jsonl", cut)
    small.write_lines(tmp_path / "cut" / "preferences.jsonl", [])
    with pytest.raises(Refused, match=why):
        trained(key, tmp_path, policy, tmp_path / "cut")


@pytest.mark.parametrize(
    ("key", "config", "halt"),
    [
        ("reward_model", {"ties": "rao_kupper"}, 3),
        ("reward_aspects", {"gate_width": 8, "gate_depth": 1, "gate_dropout": 0.5, "epochs": 2}, 5),
    ],
)
def test_stopped_and_resumed_it_ends_in_the_same_weights(
    key: str, config: dict[str, Any], halt: int, policy: Path, judged: Path, tmp_path: Path
) -> None:
    method = load(METHODS, key, "method")
    given = {"base": small.base(str(policy)), "snapshot": judged}
    settings = method.Config(**(SMALL | {"epochs": 3} | config))
    whole = method.train(small.context(tmp_path / "whole", **given), settings)
    seen: list[int] = []
    reports: list[Any] = []
    halted = small.context(
        tmp_path / "halves", **given, reports=reports, metrics=lambda step, _values: seen.append(step),
        stop_requested=lambda: len(seen) >= halt,
    )  # fmt: skip
    with pytest.raises(Cancelled):
        method.train(halted, settings)
    checkpoint = next(value for kind, value in reports if kind == "saved")
    rest = method.train(small.context(tmp_path / "halves", **given, checkpoint=checkpoint), settings)
    assert checkpoint["step"] >= halt and rest.values == whole.values
    for name in ("model.safetensors", "gate.safetensors"):
        one, other = (Path(made.model.path) / name for made in (whole, rest))
        assert one.exists() == other.exists()
        assert not one.exists() or one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("key", "config"),
    [
        ("reward_spans", {"segments": "token", "learning_rate": 1e-2, "epochs": 12}),
        ("reward_aspects", {"gate_width": 8, "gate_depth": 1, "batch_size": 64}),
        ("reward_ensemble", {"members": 2}),
    ],
)
def test_an_encoder_can_be_the_backbone(key: str, config: dict[str, Any], judged: Path, tmp_path: Path) -> None:
    encoder = small.encoder(tmp_path / "encoder")
    result, steps = trained(key, tmp_path, encoder, judged, **({"max_length": 60} | config))
    assert result.values["pairs"] == 9 and steps
    good, bad = score(
        load_reward(result.model.path), [(small.asked(2), small.said(text)) for text in (small.GOOD, small.BAD)]
    )
    assert good > bad


def test_a_model_of_marks_reads_chosen_types_and_rewards_segments_at_their_end(
    policy: Path, judged: Path, tmp_path: Path
) -> None:
    result, _ = trained(
        "reward_spans", tmp_path, policy, judged, epochs=8, segments="sentence", stands="end",
        kinds=["rude"], together=True, fine=0.5, fault=-0.5,
    )  # fmt: skip
    assert result.values["fault_f1"] > result.values["all_faults_f1"] > 0
    loaded = load_reward(result.model.path)
    assert reading_of(loaded.model)["classes"] == ["fine", "fault"]
    dense = rewards_by_token(loaded, small.asked(2), small.said(small.GOOD))
    standing = [value for value in dense if value]
    assert len(standing) == 2 and all(value > 0 for value in standing), "two sentences, both fine"
    worth = score(loaded, [(small.asked(2), small.said(text)) for text in (small.GOOD, small.BAD)])
    assert worth[0] == pytest.approx(sum(dense), abs=1e-5) and worth[1] < 0
    with pytest.raises(Refused, match=r"Nobody marked these types: hegding\. Those that were marked: hedging, rude"):
        trained("reward_spans", tmp_path / "none", policy, judged, kinds=["hegding"])


def test_segments_of_other_types_are_nobodys_word(policy: Path) -> None:
    from lm.loading import load_causal
    from training_bridge.methods.reward_spans import RewardSpansConfig
    from training_bridge.trainer.judged import Judged, Span
    from training_bridge.trainer.marks import IGNORED, kinds_of, marked_groups

    text = "It is open. It opens at nine. Nobody cares. It is blue."
    places = {word: text.index(word) for word in ("opens", "Nobody", "blue")}
    marks = [("opens", "wrong"), ("Nobody", "rude"), ("blue", "wrong"), ("blue", "rude")]
    spans = [Span(0, places[word], places[word] + 4, kind) for word, kind in marks]
    item = Judged("1", small.asked(1), [small.said(text)], spans=spans, marked=[0])
    config = RewardSpansConfig(kinds=["wrong"], stands="end", segments="sentence")
    tokenizer = load_causal(str(policy)).tokenizer
    assert kinds_of([item], config) == ("fine", "wrong")
    [group] = marked_groups(tokenizer, [item], config, kinds_of([item], config))
    assert group.classes is not None and [kind for kind in group.classes[0] if kind != IGNORED] == [0, 1, 1]
    assert group.weight == 3.0
