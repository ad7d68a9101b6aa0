"""The keys of the rater's page: those of the page itself, and those of the protocols that a form uses.

Digits, arrows, Enter, Escape and Tab are never bound here: they belong to the control at hand.
"""

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext_lazy as _

from annotation.protocols import Key, protocol
from annotation.selectors import FormField

PAGE = (
    Key("skip", "s", _("skip, then a digit for the reason")),
    Key("flag", "f", _("flag, then a digit for the reason")),
    Key("undo", "u", _("undo, for ten seconds after submitting")),
    Key("write", "e", _("write: into the next text box; Esc leaves it")),
    Key("next", "n", _("next question")),
    Key("previous", "p", _("previous question")),
    Key("diff", "d", _("show which words differ")),
    Key("raw", "r", _("raw or rendered text")),
    Key("column", "w", _("one column or two")),
    Key("guideline", "i", _("guidelines")),
    Key("help", "?", _("these keys")),
)


def keys_of(fields: Iterable[FormField]) -> list[Key]:
    """The shortcuts of a page that asks `fields`, the page's own first."""
    used = dict.fromkeys(field.protocol for field in fields)
    return [*PAGE, *(key for name in used for key in protocol(name).keys)]


def bindings(fields: Iterable[FormField], chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """action → key; `chosen`: what a rater has bound otherwise."""
    return {key.action: (chosen or {}).get(key.action, key.key) for key in keys_of(fields)}


def drawn(fields: Iterable[FormField], chosen: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """(key, what it does), as the help lists them."""
    bound = bindings(fields := list(fields), chosen)
    return [(bound[key.action], str(key.words)) for key in keys_of(fields)]
