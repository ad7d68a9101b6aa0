"""Held-out responses that were told one by one, with a thumb or scores, by a reward model."""

from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common.words import gettext_noop as _
from lm.loading import Loaded
from lm.scoring import score
from training_bridge.evaluation.watching import AT_ONCE, Watch, pieces
from training_bridge.methods.interface import Context
from training_bridge.report_cards.beside import correlation, thumbs
from training_bridge.report_cards.pairs import Names
from training_bridge.report_cards.parts import Mean
from training_bridge.report_cards.resampling import Floats, Ints
from training_bridge.report_cards.reward import Thumbs
from training_bridge.trainer.judged import lines_of

THUMBS = ""


class Column:
    """Responses of which one thing was said: rewards, what was said, prompt groups."""

    def __init__(self) -> None:
        self.rewards, self.said, self.groups = array("d"), array("d"), Names()

    def add(self, reward: float, said: float, group: str) -> None:
        self.rewards.append(reward)
        self.said.append(said)
        self.groups.add(group)

    def arrays(self) -> tuple[Floats, Floats, Ints]:
        return np.array(self.rewards), np.array(self.said), self.groups.values


def told_one_by_one(
    context: Context, loaded: Loaded, snapshot: Path, max_length: int, confidence: float
) -> tuple[Thumbs | None, dict[str, Mean] | None]:
    """What a card says of thumbs, and of each aspect that was scored; None where there are none. Raises Cancelled."""
    found: dict[str, Column] = {}
    watch, count = Watch(context, _("Held-out responses with thumbs or scores, scored so far: %(count)s")), 0
    rows = (row for row in lines_of(snapshot / "lessons.jsonl") if row["split"] == "test" and any(_sayings(row)))
    for piece in pieces(rows, AT_ONCE):
        watch.at(count)
        said = [(row, *one) for row in piece for one in _sayings(row)]
        texts = {(row["item_id"], one["id"]): one["messages"] for row in piece for one in row["responses"]}
        asked = {(row["item_id"], pk): row["prompt"] for row, pk, _name, _value in said}
        conversations = [(prompt, texts[key]) for key, prompt in asked.items()]
        scored = dict(zip(asked, score(loaded, conversations, max_length=max_length), strict=True))
        count += len(scored)
        for row, pk, name, value in said:
            found.setdefault(name, Column()).add(scored[row["item_id"], pk], value, str(row["group"]))
    wanted = found.pop(THUMBS, None)
    aspects = {name: correlation(*column.arrays(), confidence) for name, column in sorted(found.items())}
    return thumbs(*wanted.arrays(), confidence) if wanted else None, aspects or None


def _sayings(row: Mapping[str, Any]) -> Iterator[tuple[int, str, float]]:
    """(response, aspect or THUMBS, what was said of it)."""
    yield from ((one["response_id"], THUMBS, one["soft"]) for one in row.get("thumbs", ()))
    yield from ((one["response_id"], one["aspect"], one["value"]) for one in row.get("scores", ()))
