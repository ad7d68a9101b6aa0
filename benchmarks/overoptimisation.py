"""`make bench-overoptimisation`: best of n against a reward model, measured by what it stands for.

The demo world's hidden preference is the gold reward, a policy of the demo the base, and reward models learn from few
comparisons of which a quarter is turned round (Coste et al. 2023, arXiv 2310.02743). The best of n by one model is set
beside the best by an ensemble read three ways. Prints a table, draws the curves, and ends with one JSON line. What was
made is kept in --folder, where a broken-off run goes on.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.contexts import alone
from benchmarks.pictures import Axis, Curve, Panel, picture
from common.plugs import load
from demo.world import DEMO, SimulatedRater, WorldPrompt, prompts, quality, training_text
from lm.batching import by_budget, pad
from lm.chat import encode
from lm.generation import Sampling, Wanted, generate
from lm.heads import aggregated
from lm.loading import load_causal, load_reward
from lm.scoring import head_outputs
from training_bridge.methods import METHODS
from training_bridge.methods.interface import ModelFolder
from training_bridge.report_cards.bon import best_of, divergence
from training_bridge.trainer.files import write_lines

PENALTY = 0.5  # of the variance, in best of n (the paper's)
READ = {"mean": ("mean", 0.0), "worst": ("worst", 0.0), "cautious": ("cautious", PENALTY)}
NAMES = {
    "single": "one model",
    "mean": "ensemble: mean",
    "worst": "ensemble: worst",
    "cautious": "ensemble: mean less variance",
    "heads_mean": "{members} heads: mean",
    "heads_worst": "{members} heads: worst",
    "heads_cautious": "{members} heads: mean less variance",
    "gold": "the hidden preference itself",
}
DRAWN = ("single", "mean", "worst", "cautious")
BANDED = ("single", "worst")
ROUNDS = 2000
Curves = dict[str, dict[str, np.ndarray]]
"""{chosen by: {"gold", "proxy": [seeds, P, sizes]}}."""


@dataclass(frozen=True)
class Plan:
    """`samples` N of each of so many held-out `prompts`; `seeds`: draws of labels, each with models of its own.

    `bases`: backbones, pretrained from seeds of their own, over which an ensemble's members are spread. Members that
    share theirs share its blind spots, too (Eisenstein et al. 2023, arXiv 2312.09244).
    """

    pairs: int = 500
    flips: float = 0.25
    members: int = 5
    bases: int = 5
    samples: int = 1024
    prompts: int = 16
    seeds: int = 3

    def sizes(self) -> list[int]:
        return [2**power for power in range(self.samples.bit_length()) if 2**power <= self.samples]

    def label(self, name: str) -> str:
        return NAMES[name].format(members=self.members)


def trained(method: str, folder: Path, seed: int, settings: Mapping[str, Any], **given: Any) -> Path:
    """The folder of the model that a method makes, made once."""
    model = folder / "model"
    if not (folder / "done").exists():
        plug = load(METHODS, method, "method")
        plug.train(alone(folder, seed, **given), plug.Config(**settings))
        (folder / "done").touch()
    return model


def pretrained(folder: Path, seed: int) -> Path:
    """A language model of the demo's text; of seed 0 the policy, too."""
    text = folder / "text.jsonl"
    if not text.exists():
        write_lines(text, training_text(0, DEMO["documents"]))
    own = folder / (f"base-{seed}" if seed else "base")
    return trained("pretrain", own, seed, DEMO["pretrain"], input={"text": str(text)})


def sampled(policy: Path, asked: Sequence[WorldPrompt], count: int, seed: int, kept: Path) -> list[list[str]]:
    """`count` responses to each prompt, at temperature 1."""
    if kept.exists():
        found: list[list[str]] = json.loads(kept.read_text())
        return found
    wanted = [Wanted(f"{place}/{n}", prompt.messages) for place, prompt in enumerate(asked) for n in range(count)]
    sampling = Sampling(max_new_tokens=64, max_prompt_tokens=32, batch_size=512)
    texts = {one.key: one.text for one in generate(load_causal(str(policy)), wanted, sampling, seed=seed)}
    found = [[texts[f"{place}/{n}"] for n in range(count)] for place in range(len(asked))]
    kept.write_text(json.dumps(found))
    return found


def labelled(
    plan: Plan, folder: Path, asked: Sequence[WorldPrompt], answers: Sequence[Sequence[str]], seed: int
) -> Path:
    """A snapshot of what a simulated rater said of `plan.pairs` pairs, of which a share is turned round."""
    chance = random.Random(f"overoptimisation/{seed}")
    rater = SimulatedRater(seed=seed)
    order = list(range(len(asked)))
    chance.shuffle(order)
    rows: list[dict[str, Any]] = []
    for place in order:
        first, second = answers[place][:2]
        choice, _ = rater.prefer(asked[place].text, first, second)
        if first == second or choice == "tie" or len(rows) == plan.pairs:
            continue
        if (choice == "right") != (chance.random() < plan.flips):
            first, second = second, first
        rows.append(_pair(len(rows), asked[place], first, second))
    assert len(rows) == plan.pairs, "too few prompts"
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "preferences.jsonl", rows)
    return folder


def _pair(number: int, asked: WorldPrompt, chosen: str, rejected: str) -> dict[str, Any]:
    sides = {
        f"{side}{key}": value
        for side, text, pk in (("chosen", chosen, 2 * number), ("rejected", rejected, 2 * number + 1))
        for key, value in (("", [{"role": "assistant", "content": text}]), ("_id", pk))
    }
    return sides | {
        "item_id": number, "pair_id": str(number), "group": asked.group, "split": "train", "prompt": asked.messages,
        "strength": 1.0, "soft": 1.0, "confidence": 1.0, "weight": 1.0, "source": "human", "rule": "majority",
    }  # fmt: skip


@torch.inference_mode()
def outputs(model: Path, asked: Sequence[WorldPrompt], answers: Sequence[Sequence[str]], kept: Path) -> np.ndarray:
    """What each head says of every response, [P, N, heads], on the scale of mean 0 and deviation 1 over all."""
    if kept.exists():
        return np.load(kept)  # type: ignore[no-any-return]
    loaded = load_reward(str(model))
    unique = sorted({(place, text) for place, texts in enumerate(answers) for text in texts})
    groups = [
        encode(loaded.tokenizer, asked[place].messages, [[{"role": "assistant", "content": text}]], 112)
        for place, text in unique
    ]
    rows = [[*group.prompt, *group.responses[0]] for group in groups]
    said: dict[tuple[int, str], list[float]] = {}
    for batch in by_budget([len(row) for row in rows], 8192):
        read = head_outputs(loaded.model, *pad([rows[i] for i in batch], loaded.model.config.pad_token_id))
        said |= zip([unique[i] for i in batch], read.tolist(), strict=True)
    found = np.array([[said[place, text] for text in texts] for place, texts in enumerate(answers)])
    found = (found - found.mean((0, 1))) / found.std((0, 1))
    np.save(kept, found)
    return found


def proxies(alone: np.ndarray, heads: np.ndarray) -> dict[str, list[np.ndarray]]:
    """The rewards [P, N] that the best of n is chosen by: each model alone, then all read together."""
    found = {"single": [alone[..., member] for member in range(alone.shape[-1])]}
    for prefix, members in (("", alone), ("heads_", heads)):
        for name, (how, penalty) in READ.items():
            found[prefix + name] = [aggregated(torch.from_numpy(members), how, penalty).numpy()]
    return found


def correlation(members: np.ndarray) -> float:
    """Of the scores [P, N, members] of two members, over all responses; the mean over pairs of members."""
    said = members.reshape(-1, members.shape[-1])
    return float(np.corrcoef(said, rowvar=False)[np.triu_indices(said.shape[1], 1)].mean())


def measured(plan: Plan, folder: Path, say: Callable[[str], None]) -> tuple[Curves, dict[str, list[float]]]:
    """The curves, and how members' scores correlate: {"models", "heads": [seeds]}."""
    bases = [pretrained(folder, seed) for seed in range(plan.bases)]
    policy = bases[0]
    say("the policy and the backbones are there")
    asked = prompts("held_out")[: plan.prompts]
    answers = sampled(policy, asked, plan.samples, 1, folder / f"samples-{plan.prompts}-{plan.samples}.json")
    say(f"{plan.samples} samples of each of {plan.prompts} prompts")
    gold = np.array(
        [[quality(prompt.text, text) for text in texts] for prompt, texts in zip(asked, answers, strict=True)]
    )
    taught = prompts("train")
    lessons = sampled(policy, taught, 2, 2, folder / "lessons.json")
    found: dict[str, dict[str, list[np.ndarray]]] = {}
    alike: dict[str, list[float]] = {"models": [], "heads": []}
    for seed in range(plan.seeds):
        room = folder / f"pairs-{plan.pairs}-flips-{plan.flips}-seed-{seed}"
        snapshot = labelled(plan, room / "snapshot", taught, lessons, seed)
        kept = f"{plan.prompts}-{plan.samples}.npy"
        alone = []
        for member in range(plan.members):
            base = member % plan.bases
            own = f"model-{member}-base-{base}"
            given = {"snapshot": snapshot, "base": ModelFolder(str(bases[base]), "policy")}
            model = trained("reward_model", room / own, 100 * seed + member, DEMO["reward_model"], **given)
            alone.append(outputs(model, asked, answers, room / f"{own}-{kept}"))
            say(f"labels {seed}: model {member}")
        settings = DEMO["reward_model"] | {"members": plan.members}
        given = {"snapshot": snapshot, "base": ModelFolder(str(policy), "policy")}
        own = f"heads-{plan.members}"
        ensemble = trained("reward_ensemble", room / own, 100 * seed, settings, **given)
        heads, models = outputs(ensemble, asked, answers, room / f"{own}-{kept}"), np.concatenate(alone, -1)
        alike["models"].append(correlation(models))
        alike["heads"].append(correlation(heads))
        for name, rewards in (proxies(models, heads) | {"gold": [gold]}).items():
            for what, values in (("gold", [gold] * len(rewards)), ("proxy", rewards)):
                curves = [best_of(by, of, plan.sizes()) for by, of in zip(rewards, values, strict=True)]
                found.setdefault(name, {}).setdefault(what, []).append(np.mean(curves, axis=0))
    return {name: {what: np.stack(curves) for what, curves in of.items()} for name, of in found.items()}, alike


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % of the mean of [seeds, P], by a bootstrap of both."""
    drawn = np.random.default_rng(0)
    seeds, count = values.shape
    means = [values[drawn.integers(0, seeds, seeds)][:, drawn.integers(0, count, count)].mean() for _ in range(ROUNDS)]
    low, high = np.quantile(means, [0.025, 0.975])
    return round(float(low), 3), round(float(high), 3)


def figures(plan: Plan, found: Curves, alike: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """How members' scores correlate. By what the best was chosen: where the gold reward is highest and where it ends;
    the gain over one model, at the end and, [mean, low, high], at every power of 4."""
    sizes = plan.sizes()
    said: dict[str, Any] = asdict(plan) | {"kl": round(divergence(sizes[-1]), 3)}
    said["correlation"] = {name: round(float(np.mean(values)), 3) for name, values in alike.items()}
    for name, curves in found.items():
        means = curves["gold"].mean((0, 1))
        best = int(means.argmax())
        one = {"peak_n": sizes[best], "peak": round(float(means[best]), 3), "end": round(float(means[-1]), 3)}
        one["end_interval"] = interval(curves["gold"][..., -1])
        one["peak_less_end_interval"] = interval(curves["gold"][..., best] - curves["gold"][..., -1])
        if name != "single":
            gain = curves["gold"] - found["single"]["gold"]
            one["gain_interval"] = interval(gain[..., -1])
            at_n = list(zip(sizes, np.moveaxis(gain, -1, 0), strict=True))[::2]
            one["gain"] = {n: [round(float(values.mean()), 3), *interval(values)] for n, values in at_n}
        said[name] = one | {"proxy_end": round(float(curves["proxy"][..., -1].mean()), 3)}
    return said


def table(plan: Plan, found: Curves) -> str:
    lines = ["| gold reward of the best of n | " + " | ".join(map(str, plan.sizes())) + " |"]
    lines.append("|---" * (len(plan.sizes()) + 1) + "|")
    for name, curves in found.items():
        lines.append(f"| {plan.label(name)} | " + " | ".join(f"{v:.2f}" for v in curves["gold"].mean((0, 1))) + " |")
    proxy = found["single"]["proxy"].mean((0, 1))
    return "\n".join([*lines, "| one model, by itself | " + " | ".join(f"{v:.2f}" for v in proxy) + " |"])


def drawing(plan: Plan, found: Curves) -> str:
    panels = []
    for what, title in (("gold", "gold: what people want"), ("proxy", "proxy: what was optimised")):
        curves = []
        for name in DRAWN:
            values = found[name][what]
            bands = [interval(at) for at in np.moveaxis(values, -1, 0)] if name in BANDED else []
            curves.append(Curve(plan.label(name), values.mean((0, 1)).tolist(), bands))
        panels.append(Panel(title, curves))
    sizes = plan.sizes()
    axis = Axis("n", sizes, sizes[::2], logarithmic=True)
    return picture("Best of n in the demo world, with a quarter of the labels turned round", axis, panels)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overoptimisation", description=__doc__)
    for name, value in asdict(Plan()).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    parser.add_argument("--folder", type=Path, help="where to keep what was made (by default nowhere)")
    parser.add_argument("--picture", type=Path, help="where to draw the curves (SVG)")
    given = vars(parser.parse_args())
    folder, path = given.pop("folder"), given.pop("picture")
    plan = Plan(**given)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as nowhere:
        room = folder or Path(nowhere)
        room.mkdir(parents=True, exist_ok=True)
        found, alike = measured(plan, room, lambda text: print(text, file=sys.stderr, flush=True))
    print(table(plan, found))
    if path:
        path.write_text(drawing(plan, found))
        print(f"The curves are drawn in {path}")
    print(json.dumps(figures(plan, found, alike)))


if __name__ == "__main__":
    main()
