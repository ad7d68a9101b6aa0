"""Which model folders may be opened at all. Knows no torch, so a web process can ask before a run starts."""

import json
from pathlib import Path

from common.errors import Invalid

# Opening any of these runs code of whoever made it (pickle), whatever its name promises.
PICKLED = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy"}
CODE = {".py", ".pyc", ".so", ".dll"}
MAX_CONFIG_BYTES = 64 * 1024 * 1024


class UnsafeModel(Invalid):
    """The folder holds something that would run foreign code, or is not a model in safetensors form."""

    code, title = "unsafe-model", "This model is not accepted"


def check_model_folder(folder: Path) -> None:
    """Raises UnsafeModel unless `folder` is a Hugging Face model folder of plain weights: safetensors and JSON only."""
    if not (folder / "config.json").is_file():
        raise UnsafeModel(f"{folder.name} has no config.json: not a model folder in Hugging Face form.")
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICKLED:
            raise UnsafeModel(
                f"{path.name} is a pickled file, which can run code when it is opened. Save the model as safetensors."
            )
        if path.suffix.lower() in CODE:
            raise UnsafeModel(f"{path.name} is program code; only models that transformers knows itself are accepted.")
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise UnsafeModel(f"{path.name} is a link that leads out of the folder.")
    if not any(folder.glob("*.safetensors")):
        raise UnsafeModel(f"{folder.name} has no weights in safetensors form.")
    for name in ("config.json", "tokenizer_config.json"):
        _check_config(folder / name)


def _check_config(path: Path) -> None:
    if not path.exists():
        return
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise UnsafeModel(f"{path.name} is larger than {MAX_CONFIG_BYTES // 2**20} MiB.")
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as fault:
        raise UnsafeModel(f"{path.name} is not JSON: {fault}") from fault
    if not isinstance(config, dict):
        raise UnsafeModel(f"{path.name} is not a JSON object.")
    if "auto_map" in config:
        raise UnsafeModel(f"{path.name} asks for code of its own (auto_map), which is never run.")
