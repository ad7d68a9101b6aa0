"""The rewards of many responses to each prompt, and what the best of n of them is worth."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from common.words import gettext_noop
from lm.generation import Wanted, generate
from lm.loading import load_causal, load_reward
from lm.scoring import score
from training_bridge.evaluation.watching import AT_ONCE, Watch, pieces
from training_bridge.methods.best_of_n import BestOfNConfig
from training_bridge.methods.interface import Context, Refused, Result
from training_bridge.report_cards.bon import curve, sizes_up_to
from training_bridge.report_cards.resampling import Floats
from training_bridge.trainer.choosing import sampling_of
from training_bridge.trainer.files import OpenPrompt, read_prompts, write_lines

SAMPLES = "samples.jsonl"


def curves(context: Context, config: BestOfNConfig) -> Result:
    """Each point stands at n in the run's curves: {"choice_kl", "proxy", "proxy_low", "proxy_high", "gold", …}."""
    if context.base is None or context.reward is None:
        raise Refused(gettext_noop("The best of n needs a policy and a reward model."))
    prompts = read_prompts(context.input["prompts"])[: config.prompts]
    texts = _sampled(context, config, prompts)
    proxy = _scored(context, config, context.reward.path, prompts, texts)
    other = context.input.get("rewards", {}).get(config.measured_by)
    gold = _scored(context, config, other, prompts, texts) if other else None
    _write(context, prompts, texts, proxy, gold)
    context.total(config.samples)
    points = curve(proxy, gold, sizes_up_to(config.samples), confidence=config.confidence)
    for point in points:
        context.metrics(int(point["n"]), {name: value for name, value in point.items() if name != "n"})
    last = points[-1]
    values: dict[str, Any] = {"prompts": len(prompts), "samples": config.samples, "choice_kl": last["choice_kl"]}
    for name in ("proxy", "gold") if gold is not None else ("proxy",):
        values[name] = last[name]
        if f"{name}_low" in last:
            values[f"{name}_ci"] = [last[f"{name}_low"], last[f"{name}_high"]]
        values[f"{name}_best_n"] = int(max(points, key=lambda point: point[name])["n"])
    return Result(values)


def _sampled(context: Context, config: BestOfNConfig, prompts: Sequence[OpenPrompt]) -> list[list[str]]:
    """So many responses to each prompt."""
    assert context.base is not None
    context.phase(gettext_noop("Loading the policy"))
    policy = load_causal(context.base.path)
    context.phase(
        gettext_noop("Drawing %(samples)s responses to each of %(prompts)s prompts")
        % {"samples": config.samples, "prompts": len(prompts)}
    )
    found, drawn = [], 0
    watch = Watch(context, gettext_noop("Responses so far: %(count)s"))
    for prompt in prompts:
        wanted = [Wanted(f"{prompt.id}\n{number}", prompt.messages) for number in range(config.samples)]
        texts = {}
        for one in generate(policy, wanted, sampling_of(config), seed=context.seed):
            texts[one.key] = one.text
            watch.at(drawn + len(texts))
        drawn += len(texts)
        found.append([texts[one.key] for one in wanted])
    return found


def _scored(
    context: Context, config: BestOfNConfig, path: str, prompts: Sequence[OpenPrompt], texts: Sequence[Sequence[str]]
) -> Floats:
    """The reward of every response, [P, N]; the same text is read once."""
    context.phase(gettext_noop("Scoring the responses"))
    reward, most = load_reward(path), config.max_prompt_tokens + config.max_new_tokens
    rows: list[list[float]] = []
    watch = Watch(context, gettext_noop("Responses scored so far: %(count)s"))
    for prompt, of_prompt in zip(prompts, texts, strict=True):
        scores: dict[str, float] = {}
        for unique in pieces(sorted(set(of_prompt)), AT_ONCE):
            watch.at(sum(map(len, rows)) + len(scores))
            asked = [(prompt.messages, [{"role": "assistant", "content": text}]) for text in unique]
            scores |= zip(unique, score(reward, asked, max_length=most), strict=True)
        rows.append([scores[text] for text in of_prompt])
    return np.array(rows, dtype=float)


def _write(
    context: Context, prompts: Sequence[OpenPrompt], texts: Sequence[Sequence[str]], proxy: Floats, gold: Floats | None
) -> None:
    """Of each prompt the response that was liked best of all, for people to read."""
    rows = []
    for row, (prompt, of_prompt) in enumerate(zip(prompts, texts, strict=True)):
        best = int(proxy[row].argmax())
        said = {"id": prompt.id, "messages": prompt.messages, "response": of_prompt[best], "proxy": proxy[row, best]}
        rows.append(said | ({} if gold is None else {"gold": gold[row, best]}))
    write_lines(context.output / SAMPLES, rows)
