"""Plug families: a dict from key to dotted path, imported on first use."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from common.errors import Invalid
from common.words import gettext_noop as _


def load(family: Mapping[str, str], key: str, what: str) -> Any:
    """The plug object that `family[key]` names as "package.module:attribute". Raises Invalid for an unknown key."""
    if key not in family:
        raise Invalid(
            _("There is no %(what)s called “%(key)s”; there are: %(names)s.")
            % {"what": what, "key": key, "names": ", ".join(sorted(family))},
            code="unknown-plug",
        )
    module, attribute = family[key].split(":")
    return getattr(import_module(module), attribute)
