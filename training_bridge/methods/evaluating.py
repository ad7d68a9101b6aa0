"""Accuracy of a reward model on held-out pairs; win rate of a policy over its reference by a reward model."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.words import gettext_noop
from lm.chat import text_of
from lm.generation import Sampling, Wanted, generate
from lm.loading import Loaded, load_causal, load_reward
from lm.scoring import score
from training_bridge.methods.evaluate import EvaluateConfig
from training_bridge.methods.files import read_prompts, write_lines
from training_bridge.methods.interface import Cancelled, Context, Refused, Result
from training_bridge.methods.intervals import bootstrap, wilson
from training_bridge.methods.judged import Judged, read_snapshot

Messages = Sequence[Mapping[str, Any]]
SAMPLES = "samples.jsonl"  # what was compared, for people to read


def evaluate(context: Context, config: EvaluateConfig) -> Result:
    """Whatever the inputs allow of both measures. Raises Refused where they allow neither."""
    held_out = read_snapshot(context.snapshot, "test") if context.snapshot else []
    prompts = _prompts(context, held_out)[: config.prompts]
    duel = context.base is not None and context.reference is not None and bool(prompts)
    if context.reward is None or not (held_out or duel):
        raise Refused(
            gettext_noop(
                "There is nothing to measure: give a reward model, and a snapshot with held-out prompts or a policy "
                "with its reference and prompts."
            )
        )
    context.phase(gettext_noop("Loading the reward model"))
    reward = load_reward(context.reward.path)
    values: dict[str, Any] = {}
    if held_out:
        context.phase(gettext_noop("Scoring %(held_out)s held-out prompts") % {"held_out": len(held_out)})
        values |= reward_accuracy(reward, held_out, max_length=config.max_length, confidence=config.confidence)
    if duel:
        values |= _win_rate(context, config, reward, prompts)
    return Result(values)


def reward_accuracy(
    reward: Loaded, judged: Sequence[Judged], *, max_length: int, token_budget: int = 8192, confidence: float = 0.95
) -> dict[str, Any]:
    """How often the response people preferred scores higher, with Wilson's interval, beside "the longer one wins".

    Pairs that people left undecided (soft label one half) are not counted; equal scores count half.
    """
    asked = [(item.prompt, response) for item in judged for response in item.responses]
    scores = iter(score(reward, asked, max_length=max_length, token_budget=token_budget))
    right = longer = 0.0
    pairs = 0
    for item in judged:
        values = [next(scores) for _ in item.responses]
        lengths = [sum(len(text_of(message)) for message in response) for response in item.responses]
        for relation in item.relations:
            if relation.soft == 0.5:
                continue
            first, second = relation.better, relation.worse
            better, worse = (first, second) if relation.soft > 0.5 else (second, first)
            pairs += 1
            right += _duel(values[better], values[worse])
            longer += _duel(lengths[better], lengths[worse])
    if not pairs:
        return {"pairs": 0}
    return {
        "pairs": pairs,
        "reward_accuracy": right / pairs,
        "reward_accuracy_ci": list(wilson(right, pairs, confidence)),
        "longer_wins": longer / pairs,
        "longer_wins_ci": list(wilson(longer, pairs, confidence)),
    }


def _duel(first: float, second: float) -> float:
    return 1.0 if first > second else 0.5 if first == second else 0.0


def _prompts(context: Context, held_out: Sequence[Judged]) -> list[tuple[str, Messages]]:
    """Prompts to answer: the given file's, else the held-out ones; each once."""
    if "prompts" in context.input:
        return [(prompt.id, prompt.messages) for prompt in read_prompts(context.input["prompts"])]
    unique = {repr(item.prompt): (item.item, item.prompt) for item in held_out}
    return list(unique.values())


def _win_rate(
    context: Context, config: EvaluateConfig, reward: Loaded, prompts: Sequence[tuple[str, Messages]]
) -> dict[str, Any]:
    """One response each by policy and reference to every prompt, with common random numbers; ties count half.

    Writes them to samples.jsonl: {"id", "messages", "response", "reference", "win"}.
    """
    assert context.base is not None and context.reference is not None
    context.phase(gettext_noop("The policy answers %(prompts)s prompts") % {"prompts": len(prompts)})
    ours = _answers(context, config, load_causal(context.base.path), prompts)
    context.phase(gettext_noop("The reference answers %(prompts)s prompts") % {"prompts": len(prompts)})
    theirs = _answers(context, config, load_causal(context.reference.path), prompts)
    context.phase(gettext_noop("The reward model compares them"))
    asked = [(messages, _said(texts[key])) for texts in (ours, theirs) for key, messages in prompts]
    scores = score(reward, asked, max_length=config.max_length)
    half = len(prompts)
    results = [_duel(first, second) for first, second in zip(scores[:half], scores[half:], strict=True)]
    rows = [
        {"id": key, "messages": messages, "response": ours[key], "reference": theirs[key], "win": win}
        for (key, messages), win in zip(prompts, results, strict=True)
    ]
    write_lines(context.output / SAMPLES, rows)
    return {
        "win_rate": sum(results) / half,
        "win_rate_ci": list(bootstrap(results, config.confidence, seed=context.seed)),
        "win_rate_by": gettext_noop("the reward model (a proxy for people)"),
        "samples": SAMPLES,
        "prompts": half,
        "ties": results.count(0.5),
        "reward_gain": (sum(scores[:half]) - sum(scores[half:])) / half,
        "characters": sum(map(len, ours.values())) / half,
        "reference_characters": sum(map(len, theirs.values())) / half,
    }


def _answers(
    context: Context, config: EvaluateConfig, policy: Loaded, prompts: Sequence[tuple[str, Messages]]
) -> dict[str, str]:
    sampling = Sampling(
        temperature=config.temperature,
        top_p=config.top_p,
        max_new_tokens=config.max_new_tokens,
        max_prompt_tokens=config.max_length,
        batch_size=config.batch_size,
    )
    wanted = [Wanted(key, messages) for key, messages in prompts]
    texts: dict[str, str] = {}
    for generated in generate(policy, wanted, sampling, seed=context.seed):
        if context.stop_requested():
            raise Cancelled
        texts[generated.key] = generated.text
    return texts


def _said(text: str) -> Messages:
    return [{"role": "assistant", "content": text}]
