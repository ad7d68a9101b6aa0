"""How sure a language model was of what it wrote, from the log-probabilities of its reply.

`tokens` everywhere: the endpoint's, [{"token", "top_logprobs": [{"token", "logprob"}]}], in the order of the reply.
"""

import json
import math
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean
from typing import Any

Token = Mapping[str, Any]
LEAST = -1000.0
"""Of a log-probability: an endpoint may write any number, an integer of hundreds of digits too."""
_ENDS = re.compile(r'[\s",:}\]]')
_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


@dataclass(frozen=True)
class Leaf:
    """A value of a JSON object that is neither object nor list. `path`: the keys to it, `[]` for a place in a list.

    `options`: {how a token at its beginning reads, without quotes and blanks: probability}.
    """

    path: tuple[str, ...]
    value: str
    options: Mapping[str, float]

    def share(self, word: str) -> float:
        """The probability of the tokens that `word` could begin with."""
        return sum(p for said, p in self.options.items() if word.startswith(said))

    @property
    def probability(self) -> float | None:
        """Of the value that was written; None where the endpoint did not tell."""
        return min(1.0, self.share(self.value)) if self.options else None


def leaves(tokens: Sequence[Token]) -> Iterator[Leaf]:
    """The leaves of the JSON object that the tokens spell. What is no JSON has none that could be trusted."""
    text = "".join(str(token.get("token", "")) for token in tokens)
    starts = [0, *accumulate(len(str(token.get("token", ""))) for token in tokens)][: len(tokens)]
    path: list[str] = []
    pending = ""
    for found in _JSON.finditer(text, text.find("{") if "{" in text else len(text)):
        mark = found[0]
        if mark in "{[":
            path.append("[]" if mark == "[" else "")
        elif mark in "}]":
            if not path:
                return
            path.pop()
        elif mark == ":":
            if not path:
                return
            path[-1], pending = pending, ""
        elif mark != ",":
            value = _plain(mark)
            after = text[found.end() :].lstrip()
            if path and path[-1] != "[]" and after.startswith(":"):
                pending = value
            elif path and value:
                # A quote may be a token of its own, or one with what follows it.
                begins = found.start() + mark.startswith('"')
                place = bisect_right(starts, begins) - 1
                yield Leaf(tuple(path), value, _options(tokens[place]))


def _plain(mark: str) -> str:
    if not mark.startswith('"'):
        return mark
    try:
        return str(json.loads(mark, strict=False))
    except ValueError:
        return ""


def _options(token: Token) -> dict[str, float]:
    found: dict[str, float] = {}
    for option in token.get("top_logprobs") or []:
        said, logprob = _ENDS.split(str(option.get("token", "")).lstrip(' "\n'))[0], option.get("logprob")
        if said and isinstance(logprob, int | float) and logprob == logprob:
            found[said] = found.get(said, 0.0) + math.exp(min(0.0, max(LEAST, logprob)))
    return found


def sureness(tokens: Sequence[Token], verdict: Collection[str]) -> float | None:
    """The mean probability of the values under the keys `verdict`, in [0, 1]; None where none of them is known."""
    known = [leaf.probability for leaf in leaves(tokens) if leaf.path[0] in verdict]
    given = [one for one in known if one is not None]
    return fmean(given) if given else None


def between(tokens: Sequence[Token], key: str, one: str, other: str) -> float | None:
    """P(`one` | `one` or `other`) where the value of the key `key` begins; None where that cannot be told."""
    for leaf in leaves(tokens):
        if leaf.path == (key,):
            ours, theirs = leaf.share(one), leaf.share(other)
            return ours / (ours + theirs) if ours + theirs > 0 else None
    return None
