"""How long the pure part of routing a million items takes: scoring and selecting them, and the features of their texts.

`python -m benchmarks.scoring` prints one JSON line; `make bench-router` has the same figures beside those of the flow.
"""

import argparse
import json
import random
import time

import numpy as np

from routing import features
from routing.disagreement import Fitted
from routing.features import NAMES
from routing.policies.selection import top

WORDS = 110
"""Of a prompt and two responses together: as on PandaLM."""


def selecting(items: int) -> float:
    """Seconds to score `items` whose features are at hand and to select a quarter of them."""
    chance = np.random.default_rng(0)
    f = len(NAMES)
    numbers = lambda low, high: tuple(chance.uniform(low, high, f).tolist())  # noqa: E731
    fitted = Fitted(NAMES, numbers(-1, 1), numbers(0, 2), numbers(0.5, 2), -1.0, 1.0, 0.0, 0.75, 0.7, 0.8, 1000)
    matrix = chance.normal(size=(items, f))
    draws = chance.random(items)
    began = time.perf_counter()
    top(fitted.risk(matrix), draws, items // 4)
    return time.perf_counter() - began


def lexical(items: int, *, measured: int = 20_000) -> float:
    """Seconds for the features of the texts of `items` pairs, reckoned from `measured` of them."""
    chance = random.Random(0)
    known = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(5000)]

    def text(words: int) -> str:
        return " ".join(chance.choices(known, k=max(1, round(chance.gauss(words, words / 3)))))

    pairs = [(text(WORDS // 4), [text(3 * WORDS // 8), text(3 * WORDS // 8)]) for _ in range(measured)]
    began = time.perf_counter()
    for prompt, responses in pairs:
        features.packed(features.text_row(prompt, responses))
    return (time.perf_counter() - began) * items / measured


def scoring(items: int = 1_000_000) -> dict[str, float]:
    return {
        "score_and_select_s": round(min(selecting(items) for _ in range(3)), 2),
        "lexical_s": round(lexical(items), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    print(json.dumps(scoring(parser.parse_args().items)))


if __name__ == "__main__":
    main()
