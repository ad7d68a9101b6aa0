"""The demo world: its hidden wish, its text, its people."""

import random
from collections import Counter
from itertools import product

import pytest

from demo.town import COURTEOUS, COURTEOUS_WORDS, CURT, CURT_WORDS, RAMBLING, TOPICS
from demo.world import (
    DEMO,
    SIMULATED_JUDGE,
    SimulatedRater,
    _words,
    prompts,
    quality,
    response,
    topic_of,
    training_text,
    true_preference,
    true_win_rate,
)
from training_bridge.methods.dpo import DPOConfig
from training_bridge.methods.evaluate import EvaluateConfig
from training_bridge.methods.pretrain import PretrainConfig
from training_bridge.methods.respond import RespondConfig
from training_bridge.methods.reward_model import RewardModelConfig


def styled(prompt: str, chance: random.Random) -> dict[tuple[bool, bool, bool], str]:
    return {
        style: response(prompt, chance, courteous=style[0], on_topic=style[1], brief=style[2])
        for style in product((False, True), repeat=3)
    }


def test_the_words_of_the_town_mean_what_they_should() -> None:
    for topic, about in TOPICS.items():
        assert {topic_of(sentence) for sentence in (*about.asks, *about.facts)} == {topic}
    facts = [fact for about in TOPICS.values() for fact in about.facts]
    assert {topic_of(sentence) for sentence in (*COURTEOUS, *CURT, *RAMBLING)} == {None}
    for sentence in COURTEOUS:
        assert COURTEOUS_WORDS & set(_words(sentence)) and not CURT_WORDS & set(_words(sentence))
    for sentence in CURT:
        assert CURT_WORDS & set(_words(sentence)) and not COURTEOUS_WORDS & set(_words(sentence))
    for sentence in (*RAMBLING, *facts):
        assert not (COURTEOUS_WORDS | CURT_WORDS) & set(_words(sentence))


def test_courtesy_topic_and_brevity_each_make_an_answer_better() -> None:
    chance = random.Random(1)
    for prompt in prompts("train")[:60]:
        answers = styled(prompt.text, chance)
        for style, answer in answers.items():
            for place in range(3):
                if not style[place]:
                    better = answers[(*style[:place], True, *style[place + 1 :])]
                    assert quality(prompt.text, better) > quality(prompt.text, answer)
        assert quality(prompt.text, "") <= min(quality(prompt.text, answer) for answer in answers.values())


def test_held_out_questions_are_never_asked_in_training_and_there_are_enough() -> None:
    train, held_out = prompts("train"), prompts("held_out")
    assert not {p.group for p in train} & {p.group for p in held_out}
    assert len({p.id for p in train + held_out}) == len(train) + len(held_out)
    assert len(train) >= 2 * DEMO["prompts_per_round"] and len(held_out) >= DEMO["held_out_prompts"]
    assert prompts("train") == train


def test_the_text_is_deterministic_and_mediocre() -> None:
    documents = list(training_text(3, 2000))
    assert documents == list(training_text(3, 2000)) != list(training_text(4, 2000))
    said = [[message["content"] for message in document["messages"]] for document in documents]
    share = Counter[str]()
    for prompt, reply in said:
        share["courteous"] += bool(COURTEOUS_WORDS & set(_words(reply)))
        share["on topic"] += topic_of(reply) == topic_of(prompt)
        share["brief"] += len(_words(reply)) < 20
    assert {name: round(count / 2000, 1) for name, count in share.items()} == {
        "courteous": 0.5, "on topic": 0.6, "brief": 0.5,
    } or share["on topic"] / 2000 == pytest.approx(0.65, abs=0.05)  # fmt: skip


def test_raters_mostly_agree_with_the_wish_and_less_on_close_pairs() -> None:
    chance = random.Random(2)
    raters = [SimulatedRater(seed) for seed in range(5)]
    agreed: dict[bool, list[bool]] = {True: [], False: []}
    verdicts = Counter[str]()
    for prompt in prompts("train")[:200]:
        first, second = chance.sample(list(styled(prompt.text, chance).values()), 2)
        gap = quality(prompt.text, first) - quality(prompt.text, second)
        for rater in raters:
            choice, strength = rater.prefer(prompt.text, first, second)
            assert (choice, strength) == rater.prefer(prompt.text, first, second)
            assert (strength == 0) == (choice == "tie") and 0 <= strength <= 3
            verdicts[choice] += 1
            if choice != "tie" and gap:
                agreed[abs(gap) > 1].append((choice == "left") == (gap > 0))
    clear, close = (sum(answers) / len(answers) for answers in (agreed[True], agreed[False]))
    assert 0.9 < clear < 1.0
    assert 0.6 < close < clear - 0.05
    assert 0.02 < verdicts["tie"] / 1000 < 0.2


def test_the_true_win_rate_counts_ties_as_half_and_its_interval_holds_it() -> None:
    prompt = prompts("train")[0].text
    good, bad = (response(prompt, random.Random(0), courteous=s, on_topic=s, brief=s) for s in (True, False))
    assert (true_preference(prompt, good, bad), true_preference(prompt, bad, good)) == (1.0, 0.0)
    rate, low, high = true_win_rate([prompt] * 4, [good, good, bad, good], [bad, good, good, bad])
    assert rate == 0.625 and low < rate < high


def test_the_recommended_settings_are_settings() -> None:
    configs = {
        "pretrain": PretrainConfig, "respond": RespondConfig, "reward_model": RewardModelConfig, "dpo": DPOConfig,
        "evaluate": EvaluateConfig,
    }  # fmt: skip
    for key, config in configs.items():
        config(**DEMO[key])
    from routing.judges.simulated import JUDGE

    JUDGE.Config(**SIMULATED_JUDGE)
