"""Report cards to draw: a reward model's by the real measures of drawn pairs, a policy's by hand."""

from typing import Any

import numpy as np
from scipy.special import expit

from training_bridge.files import sha256_of, var_path
from training_bridge.models import Run
from training_bridge.report_cards import REPORT, PolicyCard, Report, RewardCard, write_report
from training_bridge.report_cards.calibration import calibration
from training_bridge.report_cards.pairs import Facts, Gathered, Response
from training_bridge.report_cards.parts import Mean, Share, Spread
from training_bridge.report_cards.policy import (
    Asked,
    BestOf,
    Divergence,
    Diversity,
    Ends,
    Likelihood,
    Preference,
    Sampled,
    WinRate,
)
from training_bridge.report_cards.rewards import reward_card


def gathered(prompts: int, *, doubled: bool = True, members: int = 0, seed: int = 0) -> Gathered:
    """Three pairs a prompt, judged by up to three people who are right nine times of ten."""
    rng, pairs = np.random.default_rng(seed), Gathered()
    for prompt in range(prompts):
        worth, lengths = rng.normal(size=3) * 1.5, rng.integers(40, 900, 3)
        facts = {"language": ["en", "de"][prompt % 2], "source": ["people", "both"][prompt % 5 == 0]}
        tags = [("task", ["cooking", "repairs at home", "a topic with a very long name indeed <b>"][prompt % 3])]
        responses = [
            Response(
                float(worth[at] + rng.normal() * 0.8 + lengths[at] / 600), int(lengths[at]), f"model-{at}",
                tuple((worth[at] + rng.normal(size=members)).tolist()),
            )
            for at in range(3)
        ]  # fmt: skip
        pairs.item(f"prompt {prompt}", responses)
        for one, other in ((0, 1), (1, 2), (0, 2)):
            sure = expit(2 * (worth[one] - worth[other]))
            votes = rng.binomial(3 if doubled else 1, sure)
            pairs.pair(
                responses[one], responses[other], soft=float(np.clip(sure, 0.02, 0.98)), strength=float(1 + prompt % 3),
                prompt_length=int(rng.integers(20, 2000)),
                facts=Facts(votes=(int(votes), (3 if doubled else 1) - int(votes), 0), tags=tags, **facts),
            )  # fmt: skip
    return pairs


def of_reward(prompts: int = 60, **asked: Any) -> RewardCard:
    won = {"model-0": (30.0, 60.0), "model-1": (20.0, 60.0), "model-2": (40.0, 60.0)}
    return reward_card(gathered(prompts, **asked), 0.95, won)


def _share(value: float, of: int = 200) -> Share:
    return Share(value=value, low=max(0.0, value - 0.07), high=min(1.0, value + 0.07), of=of, prompts=of)


def _mean(value: float, of: int = 200) -> Mean:
    return Mean(value=value, low=value - abs(value) / 8, high=value + abs(value) / 8, of=of)


def _sampled(longer: float) -> Sampled:
    spread = Spread(
        mean=longer, deviation=9, quantiles=(longer / 5, longer / 2, longer, longer * 1.5, longer * 3), of=400
    )
    ends = Ends(cut=_share(0.08), empty=_share(0.01), repeating=_share(0.15))
    words = Diversity(distinct=(0.21, 0.55, 0.83), words=9000, self_similarity=_mean(0.31), repeated=_share(0.04))
    return Sampled(tokens=spread, characters=spread, ends=ends, diversity=words)


def of_policy(**without: Any) -> PolicyCard:
    leads = np.random.default_rng(0).normal(size=300)
    found = calibration(leads, expit(leads / 2), np.arange(300), 0.95)
    preference = Preference(
        accuracy=_share(0.68), by_token=_share(0.64), policy_alone=_share(0.57), longer=_share(0.52), margin=_mean(1.4),
        undecided=12, calibration=found,
    )  # fmt: skip
    whole: dict[str, Any] = {
        "preference": preference,
        "likelihood": Likelihood(
            chosen=_mean(-1.9), rejected=_mean(-2.6), reference_chosen=_mean(-1.7), reference_rejected=_mean(-1.8)
        ),
        "asked": Asked(prompts=200, samples=2, temperature=1, top_p=1, max_new_tokens=64, seed=0),
        "policy": _sampled(180),
        "reference": _sampled(120),
        "divergence": Divergence(
            log_ratio=_mean(3.2), k3=_mean(3.4), log_ratio_by_token=_mean(0.08), k3_by_token=_mean(0.085), exact=True
        ),
        "win_rate": WinRate(
            rate=_mean(0.72), length_controlled=_mean(0.6), reward_gain=_mean(0.9), wins=140, draws=8, losses=52
        ),
        "best_of": tuple(BestOf(n=n, kl=np.log(n) - (n - 1) / n, proxy=np.sqrt(np.log(n))) for n in (1, 2, 4, 8, 16)),
    }
    return PolicyCard(confidence=0.95, **(whole | without))


def give(run: Run, report: Report, **result: Any) -> Run:
    """The run as one that left this card, and these figures."""
    folder = var_path("runs", run.pk, "output")
    folder.mkdir(parents=True)
    run.report_sha256 = sha256_of(write_report(folder / REPORT, report))
    run.state, run.result = Run.State.SUCCEEDED, result
    run.save()
    return run
