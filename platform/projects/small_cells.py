"""What may be said of a few people: no answer that fewer than LEAST of them gave is shown as theirs. Pure.

Values given by too few are put together into one group, `withheld`; where that group itself would be too small, the
next smallest value joins it, so that nobody can count backwards from the rest.
"""

from collections import Counter
from collections.abc import Hashable, Iterable

LEAST = 5


def as_cell(value: object) -> str | None:
    """An answer as it is counted and written: several choices as one text, None where nothing was said."""
    if value is None:
        return None
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def too_rare(values: Iterable[Hashable], least: int = LEAST) -> frozenset[Hashable]:
    """The values that must be withheld: every group that is left, and the withheld together, has `least` or more."""
    counts = Counter(values)
    rare = {value for value, count in counts.items() if count < least}
    for value, _count in sorted(counts.items(), key=lambda one: (one[1], repr(one[0]))):
        if not rare or sum(counts[one] for one in rare) >= least:
            break
        rare.add(value)
    return frozenset(rare)
