"""Report cards of a reward model and of a policy, whichever of them was given. One model is in memory at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from common.words import gettext_noop
from lm.generation import Generated
from lm.loading import load_causal, load_reward
from lm.scoring import score
from training_bridge.evaluation.asking import Asked, Floats, answers, as_samples, likelihoods, prompts_of
from training_bridge.evaluation.held_out import HeldOut
from training_bridge.evaluation.measuring import card_of_reward, in_short, named
from training_bridge.evaluation.watching import AT_ONCE, Watch, pieces
from training_bridge.evaluation.weighing import Columns, together, weigh
from training_bridge.methods.evaluate import EvaluateConfig
from training_bridge.methods.interface import Context, ModelFolder, Refused, Result
from training_bridge.report_cards import REPORT, PolicyCard, Report, RewardCard, bon, policies, write_report
from training_bridge.report_cards import policy as schema
from training_bridge.report_cards.parts import Mean
from training_bridge.report_cards.resampling import Ints
from training_bridge.trainer.files import write_lines

SAMPLES = "samples.jsonl"  # what was said, for people to read


@dataclass(frozen=True)
class Voice:
    """One policy: what it `said`, `config.samples` to a prompt; how likely it finds each token of what the policy that
    is measured said (`logps`), and the held-out `pairs`: None where nobody asks, or where its tokens are others."""

    said: list[Generated]
    logps: list[Floats] | None
    pairs: Columns | None
    vocabulary: dict[str, int]


@dataclass(frozen=True)
class Compared:
    """By a reward model: the rewards of what the policy said [P, samples], and of what its reference said."""

    ours: Floats
    theirs: Floats | None


def evaluate(context: Context, config: EvaluateConfig) -> Result:
    """Whatever the inputs allow of both cards. Raises Refused where they allow neither, Cancelled."""
    pairs = context.snapshot is not None and next(iter(HeldOut(context.snapshot)), None) is not None
    asked = prompts_of(context, config.prompts) if context.base else []
    reward = _reward_card(context, config) if context.reward and context.snapshot else None
    if reward is None and not (context.base and (pairs or asked)):
        raise Refused(
            gettext_noop(
                "There is nothing to measure: give a reward model and a snapshot that holds prompts out, or a policy "
                "and prompts or such a snapshot."
            )
        )
    values = in_short(reward) if reward else {}
    policy = None
    if context.base is not None:
        policy, figures = _policy_card(context, config, context.base, asked, pairs)
        values |= figures
    return Result(values, report=write_report(context.output / REPORT, Report(reward=reward, policy=policy)))


def _reward_card(context: Context, config: EvaluateConfig) -> RewardCard | None:
    assert context.reward is not None and context.snapshot is not None
    context.phase(gettext_noop("Loading the reward model"))
    loaded = load_reward(context.reward.path)
    return card_of_reward(context, loaded, context.snapshot, max_length=config.max_length, confidence=config.confidence)


def _policy_card(
    context: Context, config: EvaluateConfig, base: ModelFolder, asked: Sequence[Asked], pairs: bool
) -> tuple[PolicyCard, dict[str, Any]]:
    """The card, and its figures in short. Leaves samples.jsonl where prompts were asked."""
    count = {"prompts": len(asked)}
    context.phase(gettext_noop("The policy answers %(prompts)s prompts") % count)
    ours = _voice(context, config, base, asked, pairs, None)
    theirs = None
    if context.reference is not None:
        context.phase(gettext_noop("The reference answers %(prompts)s prompts") % count)
        theirs = _voice(context, config, context.reference, asked, pairs, ours)
    compared = None
    if context.reward is not None and asked:
        context.phase(gettext_noop("The reward model compares them"))
        compared = _compared(context, context.reward, config, asked, ours, theirs)
    context.phase(gettext_noop("Writing the report card"))
    card = _card(config, context.seed, asked, ours, theirs, compared)
    values = _in_short(card)
    if asked:
        write_lines(context.output / SAMPLES, _rows(config, asked, ours, theirs, compared))
        values["samples"] = SAMPLES
    return card, values


def _voice(
    context: Context,
    config: EvaluateConfig,
    model: ModelFolder,
    asked: Sequence[Asked],
    pairs: bool,
    ours: Voice | None,
) -> Voice:
    """One policy asked and read; `ours`: the one that it is the reference of."""
    loaded = load_causal(model.path)
    vocabulary = loaded.tokenizer.get_vocab()
    said = answers(context, config, loaded, asked) if asked else []
    voice = Voice(said, None, None, vocabulary)
    if ours is not None and ours.vocabulary != vocabulary:
        return voice
    if asked and context.reference is not None:
        found = likelihoods(context, config, loaded, asked, ours.said if ours else said)
        voice = replace(voice, logps=found)
    if pairs and context.snapshot is not None:
        voice = replace(voice, pairs=weigh(context, loaded, context.snapshot, config.max_length))
    return voice


def _compared(
    context: Context,
    reward: ModelFolder,
    config: EvaluateConfig,
    asked: Sequence[Asked],
    ours: Voice,
    theirs: Voice | None,
) -> Compared:
    """Raises Cancelled."""
    loaded = load_reward(reward.path)
    every = [
        (asked[place // config.samples].messages, [{"role": "assistant", "content": one.text}])
        for voice in (ours, theirs)
        if voice is not None
        for place, one in enumerate(voice.said)
    ]
    found: list[float] = []
    watch = Watch(context, gettext_noop("Responses scored so far: %(count)s"))
    for piece in pieces(every, AT_ONCE):
        watch.at(len(found))
        found += score(loaded, piece, max_length=config.max_length)
    scores = np.array(found).reshape(-1, len(asked), config.samples)
    return Compared(scores[0], scores[1] if theirs is not None else None)


def _card(
    config: EvaluateConfig,
    seed: int,
    asked: Sequence[Asked],
    ours: Voice,
    theirs: Voice | None,
    compared: Compared | None,
) -> PolicyCard:
    confidence = config.confidence
    weighed = together(ours.pairs, theirs.pairs if theirs else None) if ours.pairs else None
    card = PolicyCard(
        confidence=confidence,
        preference=policies.preference(weighed, confidence) if weighed else None,
        likelihood=policies.likelihood(weighed, confidence) if weighed else None,
        divergence=_divergence(config, ours, theirs, len(asked)),
    )
    if not asked:
        return card
    prompts = np.repeat(np.arange(len(asked)), config.samples)
    spoken = [as_samples(voice.said, config.samples) for voice in (ours, theirs) if voice is not None]
    words = min(policies.MOST_WORDS, *(policies.word_count(one) for one in spoken))
    said = [policies.sampled(one, confidence, words) for one in spoken]
    return card.model_copy(
        update={
            "asked": schema.Asked(
                prompts=len(asked),
                seed=seed,
                **config.model_dump(include={"samples", "temperature", "top_p", "max_new_tokens"}),
            ),
            "policy": said[0],
            "reference": said[1] if theirs is not None else None,
            "win_rate": _win_rate(confidence, ours, theirs, compared, prompts),
            "best_of": _best_of(compared) if compared is not None else (),
        }
    )


def _divergence(config: EvaluateConfig, ours: Voice, theirs: Voice | None, asked: int) -> schema.Divergence:
    """`asked`: how many prompts."""
    if theirs is None:
        return policies.empty_divergence("no_reference")
    if theirs.vocabulary != ours.vocabulary:
        return policies.empty_divergence("other_tokens")
    ratios = [mine - other for mine, other in zip(ours.logps or (), theirs.logps or (), strict=True)]
    prompts = np.repeat(np.arange(asked), config.samples)
    exact = config.temperature == 1 and config.top_p == 1
    return policies.divergence(ratios, prompts, config.confidence, exact=exact)


def _win_rate(
    confidence: float, ours: Voice, theirs: Voice | None, compared: Compared | None, prompts: Ints
) -> schema.WinRate | None:
    if theirs is None or compared is None or compared.theirs is None:
        return None
    longer = [len(one.text) - len(other.text) for one, other in zip(ours.said, theirs.said, strict=True)]
    gain = (compared.ours - compared.theirs).reshape(-1)
    return policies.win_rate(gain, np.array(longer, dtype=float), prompts, confidence)


def _best_of(compared: Compared) -> tuple[schema.BestOf, ...]:
    """Best of n by the reward model itself, for as many as were sampled."""
    sizes = bon.sizes_up_to(compared.ours.shape[1])
    proxy = bon.best_of(compared.ours, compared.ours, sizes).mean(0)
    return tuple(
        schema.BestOf(n=n, kl=bon.divergence(n), proxy=float(value)) for n, value in zip(sizes, proxy, strict=True)
    )


def _rows(
    config: EvaluateConfig, asked: Sequence[Asked], ours: Voice, theirs: Voice | None, compared: Compared | None
) -> list[dict[str, Any]]:
    """{"id", "sample", "messages", "response", "reference"?, "reward"?, "win"?} of everything that was said."""
    rows = []
    for place, one in enumerate(ours.said):
        prompt, sample = divmod(place, config.samples)
        row: dict[str, Any] = {"id": asked[prompt].id, "sample": sample, "messages": asked[prompt].messages}
        row["response"] = one.text
        if theirs is not None:
            row["reference"] = theirs.said[place].text
        if compared is not None:
            row["reward"] = float(compared.ours[prompt, sample])
            if compared.theirs is not None:
                gain = row["reward"] - float(compared.theirs[prompt, sample])
                row["win"] = 1.0 if gain > 0 else 0.5 if gain == 0 else 0.0
        rows.append(row)
    return rows


def _in_short(card: PolicyCard) -> dict[str, Any]:
    """Figures by name for the run's result."""
    values: dict[str, Any] = {}
    if card.preference is not None:
        values |= named("implicit_accuracy", card.preference.accuracy)
    if card.divergence is not None and card.divergence.k3.of:
        values |= _measured("kl", card.divergence.k3)
    if card.win_rate is not None:
        values |= _measured("win_rate", card.win_rate.rate)
        values["win_rate_by"] = gettext_noop("the reward model (a proxy for people)")
        values |= {"ties": card.win_rate.draws, "reward_gain": card.win_rate.reward_gain.value}
        values |= _measured("length_controlled_win_rate", card.win_rate.length_controlled)
    if card.asked is not None and card.policy is not None:
        values |= {"prompts": card.asked.prompts, "characters": card.policy.characters.mean}
        if card.reference is not None:
            values["reference_characters"] = card.reference.characters.mean
    return values


def _measured(name: str, found: Mean) -> dict[str, Any]:
    if found.value is None:
        return {}
    return {name: found.value} | ({f"{name}_ci": [found.low, found.high]} if found.low is not None else {})
