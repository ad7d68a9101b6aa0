"""The report card of a policy: what it learnt of people's choices, how far it went, what it says when asked."""

from typing import Literal

from training_bridge.report_cards.parts import Calibration, Mean, Part, Share, Spread

VERSION = 1


class Preference(Part):
    """Held-out pairs by the implicit reward log π/π_ref (Rafailov et al. 2023): accuracy; `margin`: its mean lead in
    nats, β left out; `by_token`: accuracy of the log-ratio a token; `policy_alone`: of log π without a reference."""

    accuracy: Share
    by_token: Share
    policy_alone: Share
    longer: Share
    margin: Mean
    undecided: int
    calibration: Calibration | None = None


class Likelihood(Part):
    """Log-probability a token, in nats, of held-out responses, preferred and other, under policy and reference."""

    chosen: Mean
    rejected: Mean
    reference_chosen: Mean | None = None
    reference_rejected: Mean | None = None


class Divergence(Part):
    """KL(π‖π_ref) on the policy's own samples, in nats: `log_ratio` by log π/π_ref, `k3` by exp(−d) − 1 + d of each
    token's d (Schulman 2020), both unbiased, the second never negative. `exact` is False where sampling was changed
    (temperature or top p other than 1): then it is not the policy's own distribution that is averaged over."""

    log_ratio: Mean
    k3: Mean
    log_ratio_by_token: Mean
    k3_by_token: Mean
    exact: bool
    why_not: str = ""


class WinRate(Part):
    """How often the reward model prefers the policy's response to the reference's, draws half, beside the same for
    responses of equal length (`length_controlled`, as AlpacaEval 2's, Dubois et al. 2024, without its term for
    prompts). The interval of `rate` is a share's. `why_not`: why there is none at equal length."""

    rate: Mean
    length_controlled: Mean
    reward_gain: Mean
    wins: int
    draws: int
    losses: int
    why_not: str = ""


class Ends(Part):
    """How samples end: cut at the limit; empty; and `repeating`, saying the same eight words thrice or more."""

    cut: Share
    empty: Share
    repeating: Share


class Diversity(Part):
    """`distinct`: different n-grams of words among all, n = 1, 2, 3 (Li et al. 2016), over the same number of words for
    policy and reference; `self_similarity`: F1 of shared word bigrams between samples of one prompt; `repeated`: share
    of prompts with two samples alike."""

    distinct: tuple[float | None, float | None, float | None]
    words: int
    self_similarity: Mean
    repeated: Share
    why_not: str = ""


class Sampled(Part):
    """What a policy says when asked. Lengths in tokens and in characters."""

    tokens: Spread
    characters: Spread
    ends: Ends
    diversity: Diversity


class BestOf(Part):
    """Best of n by the reward model: `proxy`, its mean reward; `kl` = log n − (n − 1)/n nats (Stiennon et al. 2020)."""

    n: int
    kl: float
    proxy: float


class Asked(Part):
    """How the policy was asked."""

    prompts: int
    samples: int
    temperature: float
    top_p: float
    max_new_tokens: int
    seed: int


class PolicyCard(Part):
    """Of a policy, beside its reference where one was given."""

    kind: Literal["policy"] = "policy"
    version: int = VERSION
    confidence: float
    preference: Preference | None = None
    likelihood: Likelihood | None = None
    asked: Asked | None = None
    policy: Sampled | None = None
    reference: Sampled | None = None
    divergence: Divergence | None = None
    win_rate: WinRate | None = None
    best_of: tuple[BestOf, ...] = ()
