"""The keys of a rater's pages: those of the pages themselves, and those of the protocols that a form uses.

Each action has a key of its own over all protocols, so that any form can hold any of them, and a rater may bind
another one. Digits, arrows, Enter, Escape and Tab are never bound: they belong to the control at hand.
"""

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation.protocols import PROTOCOLS, Key, protocol
from annotation.selectors import FormField
from common.errors import Invalid

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
QUEUE = (Key("go", "g", _("in the queue: go on with what comes first")),)


def every() -> list[Key]:
    """All actions there are, each once; protocols may share one, e.g. the step to the next of several things."""
    of_protocols = (key for name in PROTOCOLS for key in protocol(name).keys)
    found: dict[str, Key] = {}
    for key in (*PAGE, *QUEUE, *of_protocols):
        found.setdefault(key.action, key)
    return list(found.values())


def keys_of(fields: Iterable[FormField]) -> list[Key]:
    """The shortcuts of a page that asks `fields`, the page's own first."""
    used = dict.fromkeys(field.protocol for field in fields)
    return [*PAGE, *(key for name in used for key in protocol(name).keys)]


def _bound(keys: Iterable[Key], chosen: Mapping[str, str] | None) -> dict[str, str]:
    return {key.action: (chosen or {}).get(key.action, key.key) for key in keys}


def bindings(fields: Iterable[FormField], chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """action → key; `chosen`: what a rater has bound otherwise."""
    return _bound(keys_of(fields), chosen)


def bound(chosen: Mapping[str, str]) -> dict[str, str]:
    """action → key, of all actions there are."""
    return _bound(every(), chosen)


def drawn(fields: Iterable[FormField], chosen: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """(key, what it does), as the help lists them."""
    bound = bindings(fields := list(fields), chosen)
    return [(named(bound[key.action]), str(key.words)) for key in keys_of(fields)]


def named(key: str) -> str:
    """A key as it is drawn."""
    return gettext("Space") if key == " " else key


def check(chosen: Mapping[str, object]) -> dict[str, str]:
    """A rater's own bindings, checked: {action: key}, without those that are as they were.

    A key is one character that is no digit and no blank (but Space where that is the default), in lower case, and no
    two actions have the same. Raises Invalid with the actions that it is about.
    """
    known = {key.action: key for key in every()}
    wrong: dict[str, list[str]] = {name: [gettext("There is no such action.")] for name in chosen if name not in known}
    kept: dict[str, str] = {}
    for action in chosen.keys() & known.keys():
        typed = chosen[action]
        pressed = typed.lower() if isinstance(typed, str) and len(typed.lower()) == 1 else ""
        if pressed == known[action].key:
            continue
        if not pressed.isprintable() or not pressed.strip() or pressed.isdigit():
            wrong[action] = [gettext("One character that is no digit and no blank.")]
        else:
            kept[action] = pressed
    bound = _bound(known.values(), kept)
    for action in kept:
        rivals = [known[other].words for other, key in bound.items() if key == bound[action] and other != action]
        if rivals:
            wrong[action] = [gettext("This key is taken: %(action)s.") % {"action": rivals[0]}]
    if wrong:
        raise Invalid(gettext("Some keys cannot be bound like this."), fields=wrong)
    return kept
