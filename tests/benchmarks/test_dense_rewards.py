"""Fine-Grained RLHF from its file to a dense reward, a slice of it on a tiny model, all of it through the product."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import dense_rewards
from lm.chat import text_of
from lm.loading import load_reward
from lm.scoring import rewards_by_token, score
from projects.models import Project
from tests.lm.tiny import make_causal
from training_bridge.trainer.judged import read_snapshot

RECORDS = 24
SMALL = {"max_length": 200, "learning_rate": 3e-3, "epochs": 1, "batch_size": 16, "token_budget": 4096}


def test_the_database_that_a_shell_names_is_not_written_to() -> None:
    environment = {"DATABASE_URL": "postgres://somebody:secret@localhost/prefloop", "VAR_DIR": "/srv/prefloop"}
    dense_rewards.apart(environment, "/tmp/own")
    assert environment == {"VAR_DIR": "/tmp/own", "DJANGO_SETTINGS_MODULE": "config.settings"}


@pytest.mark.timeout(900)
def test_three_models_of_a_slice_and_their_dense_reward(
    project: Project, settings: object, tmp_path: Path, shared_data: Callable[[str], Path]
) -> None:
    [published] = shared_data("fine_grained_rlhf").glob("*/*.json.gz")
    settings.VAR_DIR = tmp_path / "var"  # type: ignore[attr-defined]  # pytest-django's
    part = tmp_path / "part.json"
    part.write_text(json.dumps(json.loads(gzip.decompress(published.read_bytes()))[:RECORDS]))
    base = make_causal(tmp_path / "base")
    own = {"reward_spans": SMALL, "reward_model": SMALL}
    made = dense_rewards.through(project, part, base, own, print)

    snapshot = made["snapshot"]
    held = snapshot.counts["held_out_lessons"]["marked"] + snapshot.counts["lessons"]["marked"]
    assert held == RECORDS, "other answers than the first count as read for faults"
    relevance = made["versions"]["relevance"]
    reading = load_reward(relevance.path).model.config.reward
    assert reading["classes"] == ["fine", "fault"] and reading["segments"] == "clause"
    assert 0 <= made["runs"]["relevance"]["fault_f1"] <= 1 and made["runs"]["completeness"]["pairs"] > 0

    loaded = load_reward(made["versions"]["dense"].path)
    items = read_snapshot(dense_rewards._folder(snapshot), "test")
    item = next(one for one in items if len(text_of(one.responses[0][-1]).split(". ")) > 2)
    dense = rewards_by_token(loaded, item.prompt, item.responses[0])
    assert np.count_nonzero(dense[:-1]) >= 2, "no segment has a reward of its own"
    assert sum(dense) == pytest.approx(score(loaded, [(item.prompt, item.responses[0])])[0], abs=1e-4)

    found = dense_rewards.best_of_four(made, 200)
    assert found["best"][0] >= max(found[name][0] for name in ("dense", "any", "longest"))
    assert dense_rewards.shown(made)["relevance"].keys() >= {"fault_f1", "all_faults_f1"}
