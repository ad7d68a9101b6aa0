"""A policy's responses to open prompts, sampled and written to a file."""

from collections.abc import Iterator, Sequence
from typing import Any

from common.words import gettext_noop
from lm.generation import Generated, Sampling, Wanted, generate
from lm.loading import Loaded, load_causal
from training_bridge.methods.files import OpenPrompt, read_prompts, write_lines
from training_bridge.methods.interface import Cancelled, Context, Refused, Result
from training_bridge.methods.respond import RespondConfig

TRIES = 4  # a policy that has settled on one response to a prompt must not be asked for ever


def respond(context: Context, config: RespondConfig) -> Result:
    """Samples, draws again where a prompt's responses are alike, and writes them in the order of the prompts."""
    if context.base is None:
        raise Refused(gettext_noop("Responding needs a policy."))
    prompts = read_prompts(context.input["prompts"])
    context.phase(gettext_noop("Loading the policy"))
    policy = load_causal(context.base.path)
    context.total(len(prompts) * config.samples)
    context.phase(gettext_noop("Answering %(prompts)s prompts") % {"prompts": len(prompts)})
    sampled = _sampled(context, config, policy, prompts)
    path = context.output / "responses.jsonl"
    write_lines(path, _rows(config, prompts, sampled, context.seed))
    lengths = [response.tokens for response in sampled.values()]
    texts = [[sampled[prompt.id, sample].text for sample in range(config.samples)] for prompt in prompts]
    values = {
        "prompts": len(prompts),
        "responses": len(sampled),
        "mean_tokens": sum(lengths) / len(lengths),
        "cut": sum(not response.finished for response in sampled.values()),
        "prompts_with_equal_responses": sum(len(set(of_prompt)) < len(of_prompt) for of_prompt in texts),
    }
    return Result(values, responses=path)


def _sampled(
    context: Context, config: RespondConfig, policy: Loaded, prompts: Sequence[OpenPrompt]
) -> dict[tuple[str, int], Generated]:
    sampling = Sampling(
        temperature=config.temperature,
        top_p=config.top_p,
        max_new_tokens=config.max_new_tokens,
        max_prompt_tokens=config.max_prompt_tokens,
        batch_size=config.batch_size,
    )
    sampled: dict[tuple[str, int], Generated] = {}
    missing = [(prompt, sample) for prompt in prompts for sample in range(config.samples)]
    for attempt in range(TRIES if config.distinct and config.samples > 1 and config.temperature > 0 else 1):
        places = {f"{prompt.id}\n{sample}\n{attempt}": (prompt.id, sample) for prompt, sample in missing}
        wanted = [Wanted(key, prompt.messages) for key, (prompt, _) in zip(places, missing, strict=True)]
        for generated in generate(policy, wanted, sampling, seed=context.seed):
            sampled[places[generated.key]] = generated
            if context.stop_requested():
                raise Cancelled
            if len(sampled) % config.batch_size == 0 or len(sampled) == len(prompts) * config.samples:
                context.metrics(len(sampled), {"responses": float(len(sampled))})
        missing = list(_repeated(prompts, sampled, config.samples))
        if not missing:
            break
    return sampled


def _repeated(
    prompts: Sequence[OpenPrompt], sampled: dict[tuple[str, int], Generated], samples: int
) -> Iterator[tuple[OpenPrompt, int]]:
    """Samples whose text an earlier sample of the same prompt has already."""
    for prompt in prompts:
        seen: set[str] = set()
        for sample in range(samples):
            text = sampled[prompt.id, sample].text
            if text in seen:
                yield prompt, sample
            seen.add(text)


def _rows(
    config: RespondConfig, prompts: Sequence[OpenPrompt], sampled: dict[tuple[str, int], Generated], seed: int
) -> Iterator[dict[str, Any]]:
    for prompt in prompts:
        for sample in range(config.samples):
            response = sampled[prompt.id, sample]
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
                },
                "tokens": response.tokens,
                "finished": response.finished,
            }
