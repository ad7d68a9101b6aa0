"""Every judgment stands for itself: the label gathers what each of them teaches, none outvotes another.

For texts that people wrote: two better texts are two, not a vote. There is nothing to share out and nothing to be
unsure of: `soft` is empty, confidence is 1. People's go before judges', as in the majority.
"""

import typing
from collections.abc import Sequence

from django.utils.translation import gettext_lazy

from annotation.consensus import Settled, Vote, heard
from annotation.protocols import Protocol, Value


class Gathering(Protocol, typing.Protocol):
    """A protocol whose values can stand side by side in one label."""

    def gathered(self, values: Sequence[Value]) -> Value:
        """The value of a label of `values`, which all teach something."""


class Each:
    key = "each"
    title = gettext_lazy("Each for itself")

    def settle(self, votes: Sequence[Vote], protocol: Protocol) -> Settled | None:
        plug = typing.cast(Gathering, protocol)
        cast = heard([vote for vote in votes if plug.preferences(vote.value)])
        return Settled(plug.gathered([vote.value for vote in cast]), {}, 1.0, tuple(cast)) if cast else None


RULE = Each()
