"""How sure a language model was, from the log-probabilities of its reply."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any


def probability_of_a(tokens: Sequence[Mapping[str, Any]]) -> float | None:
    """P("A" | "A" or "B") at the token where the value of "choice" begins; None where that cannot be told.

    `tokens`: the endpoint's log-probabilities, [{"token", "top_logprobs": [{"token", "logprob"}]}].
    """
    said = ""
    for place in tokens:
        token = str(place.get("token", ""))
        # The opening quote may be a token of its own, or one with the letter.
        if re.search(r'"choice"\s*:\s*"?$', said) and token.strip(' "'):
            return _share(place.get("top_logprobs") or [])
        said += token
    return None


def _share(options: Sequence[Mapping[str, Any]]) -> float | None:
    mass = {"A": 0.0, "B": 0.0}
    for option in options:
        name, logprob = str(option.get("token", "")).strip(' "'), option.get("logprob")
        if name in mass and isinstance(logprob, int | float) and not math.isnan(logprob):
            mass[name] += math.exp(min(0.0, logprob))
    total = mass["A"] + mass["B"]
    return mass["A"] / total if total > 0 else None
