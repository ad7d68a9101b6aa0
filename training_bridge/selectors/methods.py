"""Reads of methods, and what a project lacks for each."""

from django.utils.translation import gettext as _

from common import plugs
from projects.models import Project
from training_bridge import needs
from training_bridge.lacks import holdings_of, lacks
from training_bridge.methods import METHODS
from training_bridge.methods.interface import Method


def methods() -> list[Method]:
    return [plugs.load(METHODS, key, "method") for key in METHODS]


def methods_by_kind(project: Project) -> list[tuple[str, list[tuple[Method, str, list[str]]]]]:
    """Methods under what they make, each with the lessons it needs in words and what the project lacks for it."""
    titles = {"reward": _("Reward models"), "policy": _("Policies"), None: _("Answers and measures")}
    found, held = methods(), holdings_of(project)
    return [
        (title, [(method, needs.needed(method), lacks(method, held)) for method in found if method.makes == kind])
        for kind, title in titles.items()
    ]
