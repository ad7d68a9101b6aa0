"""A model with places for few tokens, as GPT-2 has: whatever is read of texts that are longer fits into them."""

from pathlib import Path
from typing import Any

import pytest
from transformers import GPT2Config, GPT2LMHeadModel

from common.plugs import load
from lm.loading import Loaded, load_causal, save
from tests.methods import lessons, small
from training_bridge.methods import METHODS

PLACES = 64
LONG = small.GOOD * 9


@pytest.fixture(scope="module")
def short_sighted(policy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, tokenizer = tmp_path_factory.mktemp("gpt2"), load_causal(str(policy)).tokenizer
    shape = GPT2Config(
        n_embd=16, n_layer=1, n_head=2, n_positions=PLACES, vocab_size=len(tokenizer), pad_token_id=0,
        eos_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    save(Loaded(GPT2LMHeadModel(shape), tokenizer), folder)
    return folder


def judged(folder: Path) -> Path:
    """Every second prompt is long, and every response to the others."""
    for name in ("preferences.jsonl", "lessons.jsonl"):
        rows = lessons.lines(lessons.snapshot(folder) / name)
        for row in rows:
            messages = [one["messages"] for one in row.get("responses", ())] or [row["chosen"], row["rejected"]]
            for message in row["prompt"] if row["item_id"] % 2 else [one for each in messages for one in each]:
                message["content"] += LONG
        small.write_lines(folder / f"long-{name}", rows)
    for name in ("preferences.jsonl", "lessons.jsonl"):
        (folder / f"long-{name}").rename(folder / name)
    return folder


@pytest.mark.parametrize("key", ["kto", "dpo", "sft", "chain_of_hindsight"])
def test_what_a_policy_reads_fits_into_its_places(key: str, short_sighted: Path, tmp_path: Path) -> None:
    method, reports = load(METHODS, key, "method"), list[Any]()
    given = {"base": small.base(str(short_sighted)), "snapshot": judged(tmp_path / "judged"), "reports": reports}
    config = method.Config(max_length=512, batch_size=8, epochs=0.5)
    assert method.train(small.context(tmp_path / "out", **given), config).model is not None
    assert {"kl", "log_ratio"} & next(value[1] for kind, value in reports if kind == "metrics").keys()
