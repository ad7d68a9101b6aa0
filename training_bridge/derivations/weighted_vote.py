"""Votes weighted by how reliable their raters are, by what the others say and by answers that are known.

A rater's reliability is a_r = (hits_r + s·m) / (n_r + s): of n_r votes that others cast too (or whose answer is known)
the share that the others confirm, drawn to the mean m of all by s votes. The weight is what is left above chance,
(a_r − 1/K) / (1 − 1/K), and never 0: where nobody is better than chance, every vote counts the same.
"""

import numpy as np
from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.derivations import Config, Estimate, Say
from training_bridge.derivations.people_first import in_turn
from training_bridge.derivations.votes import Floats, Votes

LEAST = 1e-6


class WeightedVoteConfig(Config):
    smoothing: float = Field(
        20.0,
        ge=0,
        le=10_000,
        title=_("Smoothing"),
        description=_("Every rater begins as so many votes of the average one. Raters of few votes need it."),
    )


def weights(votes: Votes, smoothing: float) -> Floats:
    """[R], each in (0, 1]."""
    hits, of = votes.agreement()
    chance = 1 / votes.outcomes
    mean = hits.sum() / of.sum() if of.sum() > 0 else chance
    reliability = (hits + smoothing * mean) / np.maximum(of + smoothing, LEAST)
    reliability = np.where(of + smoothing > 0, reliability, mean)
    return np.asarray(np.maximum((reliability - chance) / max(1 - chance, LEAST), LEAST))


class WeightedVote:
    key = "weighted_vote"
    version = 1
    title = _("Weighted vote")
    description = _(
        "A vote counts by how often the others, and answers that are known, confirm its rater, beyond what chance "
        "would do."
    )
    Config = WeightedVoteConfig
    compares = False

    def estimate(self, votes: Votes, config: WeightedVoteConfig, say: Say) -> Estimate:
        """Shares of the weights, and each rater's agreement."""

        def fitted(part: Votes, _say: Say) -> Estimate:
            weight = part.weight * weights(part, config.smoothing)[part.rater]
            return Estimate(part.shares(weight), *part.agreement())

        return in_turn(votes, fitted, say)


DERIVATION = WeightedVote()
