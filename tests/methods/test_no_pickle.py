"""A checkpoint is resumed from safetensors and JSON; what else lies in its folder is never opened."""

import pickle
from pathlib import Path

from tests.lm.test_loading import CANARY, Bomb
from tests.methods import small
from training_bridge.methods.dpo import METHOD, DPOConfig
from training_bridge.trainer.checkpoints import digest_of

# What transformers' own trainer would look for.
NAMES = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "pytorch_model.bin", "training_args.bin", "scaler.pt")


def test_pickles_in_a_checkpoint_are_left_alone(policy: Path, pairs: Path, tmp_path: Path) -> None:
    CANARY.unlink(missing_ok=True)
    reports: list[tuple[str, object]] = []
    config = DPOConfig(learning_rate=1e-3, epochs=2, batch_size=4, checkpoint_every=5, max_length=64)
    given = {"base": small.base(str(policy)), "snapshot": pairs, "reports": reports}
    METHOD.train(small.context(tmp_path / "out", **given), config)
    checkpoint = next(value for kind, value in reports if kind == "saved")
    assert isinstance(checkpoint, dict)
    folder = Path(checkpoint["path"])
    for name in NAMES:
        (folder / name).write_bytes(pickle.dumps(Bomb()))
    reports.clear()
    METHOD.train(
        small.context(tmp_path / "out", **given, checkpoint=checkpoint | {"sha256": digest_of(folder)}), config
    )
    assert ("log", "Resuming after step 5.") in reports
    assert not CANARY.exists()
