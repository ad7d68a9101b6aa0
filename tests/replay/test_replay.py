"""A sample of every source through the API. The whole files: `make replay`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.replay.cases import Facts, Source
from tests.replay.playing import play
from tests.replay.sources import SOURCES

ITEMS = 15


@pytest.mark.django_db
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.key)
def test_what_comes_out_equals_what_went_in(source: Source, shared_data: Callable[[str], Path]) -> None:
    outcome = play(source, shared_data(source.folder), name="sample", limit=ITEMS)
    assert outcome.items == ITEMS
    assert outcome.differing == []
    assert outcome.whole, outcome


@pytest.mark.django_db
def test_a_difference_is_seen(shared_data: Callable[[str], Path]) -> None:
    """Where the independent reading says something else of one item, it is that one that differs."""
    source = next(one for one in SOURCES if one.folder == "bigbench_mistake_steps")

    def wrong(folder: Path, wanted: set[str]) -> dict[tuple[str, str], Facts]:
        facts = source.facts(folder, wanted)
        key = next(key for key in facts if key[0] in wanted and facts[key]["first"])
        return facts | {key: facts[key] | {"first": facts[key]["first"] - 1}}

    outcome = play(replace(source, facts=wrong), shared_data(source.folder), name="wrong", limit=10)
    assert (outcome.judgments, outcome.equal, len(outcome.differing), outcome.whole) == (10, 9, 1, False)
