"""Long pieces of work, piece by piece, that say how far they are and stop when they are asked to."""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from training_bridge.methods.interface import Cancelled, Context

Item = TypeVar("Item")
AT_ONCE = 64
"""Items that are scored together, and between two looks whether to stop."""
SECONDS = 10.0


class Watch:
    """Says every ten seconds how far a long piece of work is; `text` has a place for the count."""

    def __init__(self, context: Context, text: str) -> None:
        self.context, self.text, self.told_at = context, text, time.monotonic()

    def at(self, count: int) -> None:
        """Raises Cancelled where the run was asked to stop."""
        if self.context.stop_requested():
            raise Cancelled
        if time.monotonic() - self.told_at >= SECONDS:
            self.told_at = time.monotonic()
            self.context.phase(self.text % {"count": count})


def pieces(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of at most `size`."""
    each = iter(items)
    while piece := list(islice(each, size)):
        yield piece
