"""Which model folders may be opened at all. Knows no torch, so a web process can ask before a run starts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common.errors import Invalid
from common.words import gettext_noop as _

# Opening any of these runs code of whoever made it (pickle), whatever its name promises.
PICKLED = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy"}
CODE = {".py", ".pyc", ".so", ".dll"}
ADAPTER_CONFIG = "adapter_config.json"
READ_WHOLE = {".json", ".txt", ".jinja", ".model"}
MAX_CONFIG_BYTES = 64 * 1024 * 1024
MAX_HEADER_BYTES = 100_000_000  # what the safetensors library takes
# Layers are made one by one before any weight is looked for: a billion of them would take the machine's memory.
MANY_LAYERS = 1000
# Each label is given a name before any weight is looked for.
MANY_LABELS = 100_000


class UnsafeModel(Invalid):
    """The folder holds something that would run foreign code, or is not a model in safetensors form."""

    code, title = "unsafe-model", _("This model is not accepted")


def check_model_folder(folder: Path) -> None:
    """Raises UnsafeModel unless `folder` is a Hugging Face model folder of plain weights: safetensors and JSON only."""
    if not (folder / "config.json").is_file():
        raise UnsafeModel(
            _("%(name)s has no config.json: not a model folder in Hugging Face form.") % {"name": folder.name}
        )
    if (folder / ADAPTER_CONFIG).exists():
        raise an_adapter(folder.name)
    for path in sorted(folder.rglob("*")):
        _check_file(path, folder)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise UnsafeModel(_("%(name)s has no weights in safetensors form.") % {"name": folder.name})
    tensors = sum(map(_tensors, weights))
    for name in ("config.json", "tokenizer_config.json"):
        if (folder / name).exists():
            check_config(name, _object(folder / name), most_layers=max(MANY_LAYERS, tensors))


def check_config(name: str, config: dict[str, Any], *, most_layers: int = MANY_LAYERS) -> None:
    """Raises UnsafeModel for a configuration that asks for code, or for more layers, experts or labels than can be."""
    for key, value in _settings(config):
        if key == "auto_map":
            raise UnsafeModel(_("%(name)s asks for code of its own (auto_map), which is never run.") % {"name": name})
        if key.endswith("_implementation") and "/" in str(value):
            raise UnsafeModel(
                _("%(name)s asks for code of its own (%(key)s), which is never run.") % {"name": name, "key": key}
            )
        many = MANY_LABELS if key == "num_labels" else most_layers if "layer" in key or "expert" in key else None
        if many is not None and isinstance(value, int) and value > many:
            raise UnsafeModel(
                _("%(name)s says that %(key)s is %(value)s, which its weights cannot hold.")
                % {"name": name, "key": key, "value": value}
            )


def an_adapter(name: str) -> UnsafeModel:
    """What is said of an adapter in the place of a model: loading one opens whatever base it names, anywhere."""
    return UnsafeModel(
        _("%(name)s is an adapter, which names another model as its base. Merge it into its base first.")
        % {"name": name}
    )


def _check_file(path: Path, folder: Path) -> None:
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
    if path.suffix.lower() in READ_WHOLE and path.is_file() and path.stat().st_size > MAX_CONFIG_BYTES:
        raise UnsafeModel(
            _("%(name)s is larger than %(max_config_bytes)s MiB.")
            % {"name": path.name, "max_config_bytes": MAX_CONFIG_BYTES // 2**20}
        )


def _settings(config: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every key with its value, at any depth."""
    pending: list[Any] = [config]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            yield from value.items()
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _tensors(path: Path) -> int:
    """How many tensors a safetensors file names: 8 bytes that say how long its JSON header is, the header, numbers."""
    with path.open("rb") as handle:
        length = int.from_bytes(handle.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER_BYTES, path.stat().st_size - 8):
            raise UnsafeModel(_("%(name)s is no safetensors file.") % {"name": path.name})
        return len(_decoded(path.name, handle.read(length)))


def _object(path: Path) -> dict[str, Any]:
    return _decoded(path.name, path.read_bytes())


def _decoded(name: str, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as fault:
        raise UnsafeModel(_("%(name)s is not JSON: %(fault)s") % {"name": name, "fault": fault}) from fault
    if not isinstance(found, dict):
        raise UnsafeModel(_("%(name)s is not a JSON object.") % {"name": name})
    return found
