"""The best of several draws, by a reward model."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import fmean

from lm.generation import Generated, Sampling, Wanted, generate
from lm.loading import Loaded
from lm.scoring import score
from training_bridge.methods.interface import Config

SAMPLED = {"temperature", "top_p", "max_new_tokens", "max_prompt_tokens", "batch_size"}


def sampling_of(config: Config) -> Sampling:
    """How responses are drawn, by settings of the same names."""
    return Sampling(**config.model_dump(include=SAMPLED))


@dataclass(frozen=True)
class Chosen:
    """A response; where it is the best of several, its `score` and the mean of theirs."""

    key: str
    generated: Generated
    score: float | None = None
    mean: float | None = None


def chosen(
    policy: Loaded, wanted: Sequence[Wanted], sampling: Sampling, *, seed: int, best_of: int, reward: Loaded | None
) -> Iterator[Chosen]:
    """One response for each of `wanted`, the best of `best_of` draws by `reward`; not in the order given.

    Each draw depends on its own key and number alone, so the best of more is never worse by the reward.
    """
    if reward is None:
        yield from (Chosen(one.key, one) for one in generate(policy, wanted, sampling, seed=seed))
        return
    waiting = iter(wanted)
    while part := list(islice(waiting, max(1, sampling.batch_size // best_of))):
        yield from _best(policy, part, sampling, seed, best_of, reward)


def _best(
    policy: Loaded, wanted: Sequence[Wanted], sampling: Sampling, seed: int, best_of: int, reward: Loaded
) -> Iterator[Chosen]:
    asked = {one.key: one.messages for one in wanted}
    keys = {f"{key}\n{number}": key for key in asked for number in range(best_of)}
    draws = list(generate(policy, [Wanted(one, asked[key]) for one, key in keys.items()], sampling, seed=seed))
    draws.sort(key=lambda one: one.key)
    said = [(asked[keys[one.key]], [{"role": "assistant", "content": one.text}]) for one in draws]
    most = sampling.max_prompt_tokens + sampling.max_new_tokens
    found: dict[str, list[tuple[float, Generated]]] = defaultdict(list)
    for draw, value in zip(draws, score(reward, said, max_length=most), strict=True):
        found[keys[draw.key]].append((value, draw))
    for key, several in found.items():
        value, best = max(several, key=lambda one: one[0])
        yield Chosen(key, best, value, fmean(one for one, _ in several))
