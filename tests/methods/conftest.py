"""A tiny policy, pretrained once for all tests of methods and models."""

from pathlib import Path

import pytest

from tests.methods import small


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a causal model of a few thousand weights that has read two kinds of answers."""
    from training_bridge.methods.pretrain import METHOD, PretrainConfig

    room = tmp_path_factory.mktemp("policy")
    context = small.context(room / "output", input={"text": str(small.text(room / "text.jsonl"))})
    result = METHOD.train(context, PretrainConfig(**small.SHAPE, epochs=6, learning_rate=0.01))
    assert result.model is not None
    return Path(result.model.path)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return small.snapshot(tmp_path / "snapshot")
