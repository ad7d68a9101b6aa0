"""A policy's responses to open prompts, sampled and written to a file."""

from collections.abc import Collection, Iterator, Sequence
from statistics import fmean
from typing import Any

from common.words import gettext_noop
from lm.generation import Wanted
from lm.loading import Loaded, load_causal, load_reward
from training_bridge.methods.interface import Cancelled, Context, Refused, Result
from training_bridge.methods.respond import RespondConfig
from training_bridge.report_cards.bon import divergence
from training_bridge.trainer.choosing import Chosen, chosen, sampling_of
from training_bridge.trainer.files import OpenPrompt, read_prompts, write_lines

TRIES = 4  # a policy that has settled on one response to a prompt must not be asked for ever


def respond(context: Context, config: RespondConfig) -> Result:
    """Samples, draws again where a prompt's responses are alike, and writes them in the order of the prompts."""
    if context.base is None:
        raise Refused(gettext_noop("Responding needs a policy."))
    if config.best_of > 1 and context.reward is None:
        raise Refused(gettext_noop("Choose the reward model by which the best of several draws is kept."))
    prompts = read_prompts(context.input["prompts"])
    context.phase(gettext_noop("Loading the policy"))
    policy = load_causal(context.base.path)
    context.total(len(prompts) * config.samples)
    context.phase(gettext_noop("Answering %(prompts)s prompts") % {"prompts": len(prompts)})
    reward = load_reward(context.reward.path) if context.reward and config.best_of > 1 else None
    sampled = _sampled(context, config, policy, reward, prompts)
    path = context.output / "responses.jsonl"
    write_lines(path, _rows(config, prompts, sampled, context.seed))
    lengths = [response.generated.tokens for response in sampled.values()]
    texts = [[sampled[prompt.id, sample].generated.text for sample in range(config.samples)] for prompt in prompts]
    values = {
        "prompts": len(prompts),
        "responses": len(sampled),
        "mean_tokens": sum(lengths) / len(lengths),
        "cut": sum(not response.generated.finished for response in sampled.values()),
        "prompts_with_equal_responses": sum(len(set(of_prompt)) < len(of_prompt) for of_prompt in texts),
    }
    if reward is not None:
        values |= _gained(config, sampled.values())
    return Result(values, responses=path)


def _gained(config: RespondConfig, kept: Collection[Chosen]) -> dict[str, float]:
    """What choosing the best did: its reward, that of any draw, and how far it went from the policy at most."""
    return {
        "best_reward": fmean(one.score for one in kept if one.score is not None),
        "mean_reward": fmean(one.mean for one in kept if one.mean is not None),
        "choice_kl": divergence(config.best_of),
    }


def _sampled(
    context: Context, config: RespondConfig, policy: Loaded, reward: Loaded | None, prompts: Sequence[OpenPrompt]
) -> dict[tuple[str, int], Chosen]:
    sampling = sampling_of(config)
    sampled: dict[tuple[str, int], Chosen] = {}
    missing = [(prompt, sample) for prompt in prompts for sample in range(config.samples)]
    for attempt in range(TRIES if config.distinct and config.samples > 1 and config.temperature > 0 else 1):
        places = {f"{prompt.id}\n{sample}\n{attempt}": (prompt.id, sample) for prompt, sample in missing}
        wanted = [Wanted(key, prompt.messages) for key, (prompt, _) in zip(places, missing, strict=True)]
        draws = chosen(policy, wanted, sampling, seed=context.seed, best_of=config.best_of, reward=reward)
        for response in draws:
            sampled[places[response.key]] = response
            if context.stop_requested():
                raise Cancelled
            if len(sampled) % config.batch_size == 0 or len(sampled) == len(prompts) * config.samples:
                context.metrics(len(sampled), {"responses": float(len(sampled))})
        missing = list(_repeated(prompts, sampled, config.samples))
        if not missing:
            break
    return sampled


def _repeated(
    prompts: Sequence[OpenPrompt], sampled: dict[tuple[str, int], Chosen], samples: int
) -> Iterator[tuple[OpenPrompt, int]]:
    """Samples whose text an earlier sample of the same prompt has already."""
    for prompt in prompts:
        seen: set[str] = set()
        for sample in range(samples):
            text = sampled[prompt.id, sample].generated.text
            if text in seen:
                yield prompt, sample
            seen.add(text)


def _rows(
    config: RespondConfig, prompts: Sequence[OpenPrompt], sampled: dict[tuple[str, int], Chosen], seed: int
) -> Iterator[dict[str, Any]]:
    for prompt in prompts:
        for sample in range(config.samples):
            kept = sampled[prompt.id, sample]
            response = kept.generated
            best = {} if kept.score is None else {"best_of": config.best_of, "reward": kept.score}
            yield {
                "prompt_id": prompt.id,
                "sample": sample,
                "messages": [{"role": "assistant", "content": response.text}],
                "sampling": {
                    "temperature": config.temperature,
                    "top_p": config.top_p,
                    "max_new_tokens": config.max_new_tokens,
                    "seed": seed,
                    "sample": sample,
                }
                | best,
                "tokens": response.tokens,
                "finished": response.finished,
            }
