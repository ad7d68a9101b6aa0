"""Reward expressions: what can be written, what it is worth by response and by token, and a folder that holds one."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid
from lm.expressions import parsed
from lm.loading import Loaded, load_causal, load_reward, load_reward_base, save, save_combined
from lm.safety import UnsafeModel
from lm.scoring import rewards_by_token, score
from tests.lm.tiny import TEXTS, assistant, user
from training_bridge.trainer.pretraining import learn_tokenizer

MEMBERS = dict(zip("abcde", (1.0, 1.5, 0.5, 2.0, 1.0), strict=True))
ALL = ", ".join(f'"{name}"' for name in MEMBERS)


def worth(text: str, words: float = 3.0, **scale: tuple[float, float]) -> float:
    parts = {name: np.array([[value]]) for name, value in MEMBERS.items()}
    return float(parsed(text).rewards(parts, np.array([words]), scale)[0, 0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"mean({ALL})", 1.2),
        (f"min({ALL})", 0.5),
        (f"max({ALL})", 2.0),
        (f"mean({ALL}) - 0.5 * var({ALL})", 1.07),  # Coste et al. 2023 with the population's variance
        ('0.3 * "a" + 0.5 * "d" - "b" / 3', 0.8),
        ('"a" * "b" - -2', 3.5),
        ('"d" if "c" > 0 else -1', 2.0),
        ('"d" if "c" > min("a", "b") else -1', -1.0),
        ('"a" - 0.1 * words()', 0.7),
        ('0.3 * z("b")', 0.3),
    ],
)
def test_an_expression_is_worth_what_it_says(text: str, expected: float) -> None:
    assert worth(text, b=(1.0, 0.5)) == pytest.approx(expected, abs=1e-9)


def test_the_constants_of_fine_grained_rlhf() -> None:
    scale = {"complete": (-0.44677690555995353, 8.301160619054132)}
    parts = {"relevant": np.array([[0.3]]), "factual": np.array([[-0.5]]), "complete": np.array([[1.5]])}
    read = parsed('"relevant" + "factual" + 0.3 * z("complete")')
    assert read.names == ("relevant", "factual", "complete") and read.scaled == ("complete",)
    assert float(read.rewards(parts, np.array([1.0]), scale).sum()) == pytest.approx(0.3 - 0.5 + 0.070356, abs=1e-6)


DENSE = np.array([[0.3, 0.0, -0.3, 0.3]])
LAST = np.array([[0.0, 0.0, 0.0, 2.0]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('2 * "dense" + "last"', [0.6, 0, -0.6, 2.6]),
        ('mean("dense", "last")', [0.15, 0, -0.15, 1.15]),
        ('min("dense", "last")', [0, 0, 0, 0.3]),
        ('"dense" - 1', [0.3, 0, -0.3, -0.7]),
        ('"dense" if "last" > 1 else 0', [0.3, 0, -0.3, 0.3]),
        ('(1 + 1) * "dense" * "last"', [0, 0, 0, 1.2]),
    ],
)
def test_by_token_sums_stay_where_they_are_and_the_rest_stands_at_the_end(text: str, expected: list[float]) -> None:
    found = parsed(text).rewards({"dense": DENSE, "last": LAST}, np.array([4.0]), {})
    assert found[0].tolist() == pytest.approx(expected)
    totals = {"dense": DENSE.sum(1, keepdims=True), "last": LAST.sum(1, keepdims=True)}
    assert found.sum() == pytest.approx(parsed(text).rewards(totals, np.array([4.0]), {}).sum())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 + 2", "names no reward model"),
        ('"a" +', "cannot be read"),
        ("a + b", "“a” cannot be part"),
        ('"a" ** 2', "cannot be part"),
        ('"a" / "b"', "cannot be part"),
        ('"a" / 0', "cannot be part"),
        ('__import__("os")', "cannot be part"),
        ('z("a" + "b")', "cannot be part"),
        ('min(*"ab")', "cannot be part"),
        ('"a" if "b" else "c"', "cannot be part"),
        ('"a" if 0 < "b" < 1 else "c"', "cannot be part"),
        ('"a" + 1e9', "cannot be part"),
        ('"a" * True', "cannot be part"),
        ('[one for one in "a"]', "cannot be part"),
        ("-" * 60 + '"a"', "too deeply"),
        ("(" * 300 + '"a"' + ")" * 300, "cannot be read"),
        ("not " * 490 + '"a"', "cannot be"),
        ('"a"' + ".b" * 900, "cannot be"),
        (r'"\x00"', "cannot be read"),
        (r'"a" + "\ud800"', "cannot be read"),
        ('"a" + ' * 400 + '"a"', "longer than"),
        (" + ".join(f'"{n}"' for n in range(33)), "more than 32"),
    ],
)
def test_anything_else_is_refused_and_nothing_is_ever_run(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        parsed(text)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(Invalid):
        assert parsed(text).names


def spans(folder: Path, causal: Path, segments: str | None) -> Path:
    """A model of spans with a tokenizer of its own words."""
    tokenizer = learn_tokenizer([*TEXTS, "The train leaves at nine, or so."], 300)
    torch.manual_seed(3)
    base = load_reward_base(str(causal), heads=2, by_token=True)
    base.model.config.reward = {"kind": "spans", "classes": ["fine", "x"], "rewards": [0.3, -0.3]} | (
        {"segments": segments} if segments else {}
    )
    save(Loaded(base.model, tokenizer), folder)
    return folder


@pytest.mark.parametrize("segments", [None, "sentence", "clause"])
def test_a_folder_stands_by_itself_and_its_tokens_add_up_to_its_score(
    segments: str | None, causal: Path, reward: Path, tmp_path: Path
) -> None:
    sources = {"whole": str(reward), "marks": str(spans(tmp_path / "marks", causal, segments))}
    read = parsed('0.5 * z("whole") + 2 * "marks" - 0.01 * words()')
    save_combined(tmp_path / "made", read, sources, {"whole": (0.2, 1.5)})
    loaded = load_reward(str(tmp_path / "made"))
    asked = [(user("When does the train leave?"), assistant(text)) for text in TEXTS]
    parts = {name: score(load_reward(source), asked) for name, source in sources.items()}
    expected = [
        0.5 * (whole - 0.2) / 1.5 + 2 * marks - 0.01 * len(text.split())
        for whole, marks, text in zip(parts["whole"], parts["marks"], TEXTS, strict=True)
    ]
    assert score(loaded, asked) == pytest.approx(expected, abs=1e-5)
    for one, total in zip(asked, score(loaded, asked), strict=True):
        dense = rewards_by_token(loaded, *one)
        assert len(dense) == len(rewards_by_token(load_reward(sources["whole"]), *one))
        assert sum(dense) == pytest.approx(total, abs=1e-5)
    standing = np.count_nonzero(rewards_by_token(loaded, *asked[1])[:-1])
    # Two sentences, the first too short to be a clause; the end token stands after both.
    assert standing > 5 if segments is None else standing == {"sentence": 2, "clause": 1}[segments]


def test_segments_of_a_model_have_their_reward_at_their_last_token(causal: Path, tmp_path: Path) -> None:
    loaded = load_reward(str(spans(tmp_path / "marks", causal, "sentence")))
    dense = rewards_by_token(loaded, user("When?"), assistant("Thank you for asking! The train leaves at nine."))
    assert np.count_nonzero(dense) == 2 and all(abs(value) <= 0.3 for value in dense)
    total = score(loaded, [(user("When?"), assistant("Thank you for asking! The train leaves at nine."))])
    assert sum(dense) == pytest.approx(total[0], abs=1e-6)


def test_an_expression_cannot_be_trained_from_or_hold_what_runs_code(reward: Path, tmp_path: Path) -> None:
    save_combined(tmp_path / "made", parsed('"a"'), {"a": str(reward)}, {})
    with pytest.raises(UnsafeModel, match="nothing can be trained"):
        load_reward_base(str(tmp_path / "made"))
    with pytest.raises(UnsafeModel, match="nothing can be trained"):
        load_causal(str(tmp_path / "made"))
    (tmp_path / "made" / "parts" / "0" / "more.bin").write_bytes(b"")
    with pytest.raises(UnsafeModel, match="pickled"):
        load_reward(str(tmp_path / "made"))
