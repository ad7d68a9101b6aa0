"""Models of a few thousand random weights, saved to folders."""

from pathlib import Path

import pytest

from tests.lm.tiny import make_causal, make_reward


@pytest.fixture(scope="session")
def causal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_causal(tmp_path_factory.mktemp("causal"))


@pytest.fixture(scope="session")
def reward(tmp_path_factory: pytest.TempPathFactory, causal: Path) -> Path:
    return make_reward(tmp_path_factory.mktemp("reward"), causal)
