"""How different sampled texts are, and whether one repeats itself. Words are runs of letters and digits, or one sign of
a script without blanks between words; case does not count."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

Words = Sequence[str]
WORD = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_]+|[^\w\s]", re.UNICODE)
LONGEST_WORD = 40
LOOP, TIMES = 8, 3
"""So many words, said so often, are a loop."""


def words_of(text: str) -> list[str]:
    """Words and marks, each at most LONGEST_WORD long."""
    return [word[:LONGEST_WORD] for word in WORD.findall(text.casefold())]


def grams(words: Words, n: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(n)), strict=False)


def distinct(texts: Iterable[Words], n: int, most: int) -> float | None:
    """Different n-grams over all n-grams (Li et al. 2016, arXiv 1510.03055) of the first `most` words.

    None without any. The share falls as texts grow, so that only like amounts of words can be compared.
    """
    seen: set[tuple[str, ...]] = set()
    count, room = 0, most
    for words in texts:
        for gram in grams(words[:room], n):
            seen.add(gram)
            count += 1
        room -= len(words)
        if room <= 0:
            break
    return len(seen) / count if count else None


def alike(first: Words, second: Words) -> float:
    """F1 of the bigrams that two texts share, their beginning and end being words too; 1 for the same text."""
    ours, theirs = (Counter(grams(["", *words, ""], 2)) for words in (first, second))
    return 2 * (ours & theirs).total() / (ours.total() + theirs.total())


def loops(words: Words) -> bool:
    """Whether the same LOOP words stand in it TIMES times."""
    counts = Counter(grams(words, LOOP))
    return max(counts.values(), default=0) >= TIMES
