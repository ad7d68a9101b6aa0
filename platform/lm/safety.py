"""Which model folders may be opened at all. Knows no torch, so a web process can ask before a run starts."""

import json
from pathlib import Path

from common.errors import Invalid
from common.words import gettext_noop as _

# Opening any of these runs code of whoever made it (pickle), whatever its name promises.
PICKLED = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy"}
CODE = {".py", ".pyc", ".so", ".dll"}
MAX_CONFIG_BYTES = 64 * 1024 * 1024


class UnsafeModel(Invalid):
    """The folder holds something that would run foreign code, or is not a model in safetensors form."""

    code, title = "unsafe-model", _("This model is not accepted")


def check_model_folder(folder: Path) -> None:
    """Raises UnsafeModel unless `folder` is a Hugging Face model folder of plain weights: safetensors and JSON only."""
    if not (folder / "config.json").is_file():
        raise UnsafeModel(
            _("%(name)s has no config.json: not a model folder in Hugging Face form.") % {"name": folder.name}
        )
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICKLED:
            raise UnsafeModel(
                _("%(name)s is a pickled file, which can run code when it is opened. Save the model as safetensors.")
                % {"name": path.name}
            )
        if path.suffix.lower() in CODE:
            raise UnsafeModel(
                _("%(name)s is program code; only models that transformers knows itself are accepted.")
                % {"name": path.name}
            )
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise UnsafeModel(_("%(name)s is a link that leads out of the folder.") % {"name": path.name})
    if not any(folder.glob("*.safetensors")):
        raise UnsafeModel(_("%(name)s has no weights in safetensors form.") % {"name": folder.name})
    for name in ("config.json", "tokenizer_config.json"):
        _check_config(folder / name)


def _check_config(path: Path) -> None:
    if not path.exists():
        return
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise UnsafeModel(
            _("%(name)s is larger than %(max_config_bytes)s MiB.")
            % {"name": path.name, "max_config_bytes": MAX_CONFIG_BYTES // 2**20}
        )
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as fault:
        raise UnsafeModel(_("%(name)s is not JSON: %(fault)s") % {"name": path.name, "fault": fault}) from fault
    if not isinstance(config, dict):
        raise UnsafeModel(_("%(name)s is not a JSON object.") % {"name": path.name})
    if "auto_map" in config:
        raise UnsafeModel(_("%(name)s asks for code of its own (auto_map), which is never run.") % {"name": path.name})
