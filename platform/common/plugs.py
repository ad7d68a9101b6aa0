"""Plug families: a dict from key to dotted path, imported on first use."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from common.errors import Invalid


def load(family: Mapping[str, str], key: str, what: str) -> Any:
    """The plug object that `family[key]` names as "package.module:attribute". Raises Invalid for an unknown key."""
    if key not in family:
        raise Invalid(
            f"There is no {what} called {key!r}; there are: {', '.join(sorted(family))}.", code="unknown-plug"
        )
    module, _, attribute = family[key].partition(":")
    return getattr(import_module(module), attribute)
