"""The demo world: a help desk whose people want courteous, on-topic, brief answers. That wish is known here and nowhere
else in the loop, so the true win rate of every round can be computed; training sees only what simulated raters and
judges said.
"""

import hashlib
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from demo.town import (
    COURTEOUS,
    COURTEOUS_WORDS,
    CURT,
    CURT_WORDS,
    GREETINGS,
    RAMBLING,
    TIMES,
    TOPICS,
)
from training_bridge.report_cards.resampling import share

Split = Literal["train", "held_out"]
Choice = Literal["left", "right", "tie"]


@dataclass(frozen=True)
class WorldPrompt:
    """A question to the desk. `group` keeps wordings of one question on one side of every split."""

    id: str
    group: str
    text: str

    @property
    def messages(self) -> list[dict[str, str]]:
        return [{"role": "user", "content": self.text}]


def prompts(split: Split) -> list[WorldPrompt]:
    """All prompts of a split, in a fixed, mixed order. A quarter of the groups is held out; no group is in both."""
    found = []
    for topic, about in TOPICS.items():
        for number, ask in enumerate(about.asks):
            for time in TIMES:
                group = f"{topic}-{number}-{time.replace(' ', '-')}"
                if (_digest(group) % 4 == 0) == (split == "held_out"):
                    found += [_prompt(group, f"{greeting}{ask.format(time)}") for greeting in GREETINGS]
    return sorted(found, key=lambda prompt: _digest(prompt.id))


def training_text(seed: int, documents: int) -> Iterator[dict[str, Any]]:
    """Conversations {"messages"} in every style, so that a model of them is mediocre on purpose.

    A few more of them keep to the topic than not: with even odds, a model this small needs minutes to find out that
    the topic of an answer has anything to do with the question.
    """
    chance = random.Random(seed)  # noqa: S311 - a simulation
    asked = [prompt for split in ("train", "held_out") for prompt in prompts(split)]
    for _ in range(documents):
        prompt = chance.choice(asked)
        courteous, on_topic, brief = (chance.random() < share for share in (0.5, 0.65, 0.5))
        reply = response(prompt.text, chance, courteous=courteous, on_topic=on_topic, brief=brief)
        yield {"messages": [*prompt.messages, {"role": "assistant", "content": reply}]}


def response(prompt: str, chance: random.Random, *, courteous: bool, on_topic: bool, brief: bool) -> str:
    """One answer of the desk in the given style."""
    topic = topic_of(prompt) or next(iter(TOPICS))
    if not on_topic:
        topic = chance.choice([other for other in TOPICS if other != topic])
    sentences = [chance.choice(COURTEOUS if courteous else CURT), chance.choice(TOPICS[topic].facts)]
    if not brief:
        sentences += chance.sample(RAMBLING, chance.choice((2, 3)))
    return " ".join(sentences)


def topic_of(text: str) -> str | None:
    """The first topic that `text` names; None where it names none."""
    return next((word for word in _words(text) if word in TOPICS), None)


def quality(prompt: str, reply: str) -> float:
    """The hidden preference: courtesy (-1 to 1) + 2 x topic (0 to 1) + brevity (0 to 1).

    Topic is the share, of the sentences that have one, that keep to the prompt's. Brevity falls from 1 at 15 words to
    0 at 45. Nothing said is worth -1, like the worst answer.
    """
    told = _words(reply)
    if not told:
        return -1.0
    courtesy = bool(COURTEOUS_WORDS & set(told)) - bool(CURT_WORDS & set(told))
    topics = [topic for sentence in re.split(r"[.!?]", reply) if (topic := topic_of(sentence))]
    kept = topics.count(topic_of(prompt) or "") / len(topics) if topics else 0.0
    brevity = min(1.0, max(0.0, (45 - len(told)) / 30))
    return courtesy + 2 * kept + brevity


def true_preference(prompt: str, first: str, second: str) -> float:
    """1 where the first answer is truly better, 0 where the second is, one half where they are equally good."""
    gap = quality(prompt, first) - quality(prompt, second)
    return 0.5 if abs(gap) < 1e-9 else float(gap > 0)


def true_win_rate(
    asked: Sequence[str], ours: Sequence[str], theirs: Sequence[str], *, confidence: float = 0.95
) -> tuple[float, float, float]:
    """(rate, low, high): share of prompts where `ours` is truly better, ties as half, and its interval."""
    wins = [true_preference(*answers) for answers in zip(asked, ours, theirs, strict=True)]
    found = share(np.array(wins), np.arange(len(wins)), confidence)
    return sum(wins) / len(wins), found.low, found.high


@dataclass(frozen=True)
class SimulatedRater:
    """A person who wants what all want here, sees it through `noise` (in units of quality) and now and then slips.

    The same question always gets the same answer from the same rater.
    """

    seed: int
    noise: float = 0.7
    slip: float = 0.03
    indifferent_below: float = 0.25

    def prefer(self, prompt: str, left: str, right: str) -> tuple[Choice, int]:
        """The choice and its strength: 1 to 3, and 0 for a tie."""
        chance = random.Random(f"{self.seed}/{prompt}/{left}/{right}")  # noqa: S311 - a simulation
        gap = quality(prompt, left) - quality(prompt, right)
        if chance.random() < self.slip:
            gap = -gap
        # Logistic noise: choices then follow a Bradley-Terry model.
        uniform = min(max(chance.random(), 1e-12), 1 - 1e-12)
        seen = gap + self.noise * math.log(uniform / (1 - uniform)) / 2
        if abs(seen) < self.indifferent_below:
            return "tie", 0
        strength = 1 + (abs(seen) > 1) + (abs(seen) > 2)
        return ("left" if seen > 0 else "right"), strength


# Settings for routing's judge of kind "simulated": minds that see manners, length and shared words but do not know what
# matters how much, and one verdict in ten turned round.
SIMULATED_JUDGE: Mapping[str, Any] = {
    "flip": 0.1,
    "temperature": 1.0,
    "courtesy_words": sorted(COURTEOUS_WORDS),
    "pool": [
        {"name": "attentive", "brevity": 2, "courtesy": 1, "overlap": 4, "noise": 0.1},
        {"name": "terse", "brevity": 4, "courtesy": 1, "overlap": 2, "noise": 0.1},
        {"name": "warm", "brevity": 2, "courtesy": 2, "overlap": 2, "noise": 0.1},
        {"name": "hasty", "brevity": 2, "courtesy": 1, "overlap": 3, "noise": 0.3, "position_bias": 0.1},
    ],
}

# What `load_demo` and `loop` run: tuned so that two rounds take a few minutes on two cores.
DEMO: Mapping[str, Any] = {
    "documents": 11000,
    "prompts_per_round": 600,
    "held_out_prompts": 200,
    "human_share": 0.5,
    "pretrain": {
        "vocabulary": 640,
        "hidden_size": 96,
        "layers": 2,
        "heads": 4,
        "max_length": 96,
        "batch_size": 8,
        "learning_rate": 1e-2,
        "beta2": 0.95,
        "epochs": 1,
        "checkpoint_every": 200,
    },
    "respond": {"samples": 2, "temperature": 1.0, "max_new_tokens": 64, "max_prompt_tokens": 32, "batch_size": 100},
    "reward_model": {"learning_rate": 1e-3, "epochs": 3, "batch_size": 16, "max_length": 112, "checkpoint_every": 50},
    "dpo": {
        "learning_rate": 1e-3,
        "epochs": 3,
        "batch_size": 16,
        "beta": 0.3,
        "label_smoothing": 0.1,
        "max_length": 112,
        "checkpoint_every": 50,
    },
    "evaluate": {"prompts": 200, "max_new_tokens": 64, "max_length": 112, "batch_size": 100},
}


def _prompt(group: str, text: str) -> WorldPrompt:
    return WorldPrompt(hashlib.sha256(text.encode()).hexdigest()[:12], group, text[0].upper() + text[1:])


def _digest(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())
