"""The one-coin model: one accuracy a rater, the same whatever the answer; a wrong answer is any of the others.

e_r[k | z] = a_r where k = z, else (1 − a_r) / (K − 1); a_r = (hits_r + s·m) / (n_r + s), m the accuracy of all raters
together and s the smoothing. Zhang, Chen, Zhou and Jordan, JMLR 17 (2016), section 2; for few votes a rater, of which a
whole confusion table could not be told.
"""

import numpy as np

from common.words import gettext_noop as _
from training_bridge.derivations import Estimate, Say
from training_bridge.derivations.expectation import LEAST, Expectation, by_expectation
from training_bridge.derivations.people_first import in_turn
from training_bridge.derivations.votes import Floats, Votes


def one_accuracy(counts: Floats, smoothing: float) -> Floats:
    """Expected counts [R, K said, K true] → errors of the same shape, one accuracy each."""
    outcomes = counts.shape[-1]
    right, cast = np.trace(counts, axis1=1, axis2=2), counts.sum((1, 2))
    average = right.sum() / max(cast.sum(), LEAST)
    accuracy = (right + smoothing * average) / np.maximum(cast + smoothing, LEAST)
    accuracy = np.clip(accuracy, LEAST, 1 - LEAST)[:, None, None]
    same = np.eye(outcomes, dtype=bool)
    return np.asarray(np.where(same, accuracy, (1 - accuracy) / max(outcomes - 1, 1)))


class OneCoin:
    key = "one_coin"
    version = 2
    title = _("Dawid–Skene, one coin")
    description = _(
        "Finds by expectation–maximisation how often each rater is right, whatever the answer, and how probable each "
        "answer therefore is."
    )
    Config = Expectation
    compares = False

    def estimate(self, votes: Votes, config: Expectation, say: Say) -> Estimate:
        """The soft labels, and each rater's accuracy as `hits` of `of`."""

        def maximise(counts: Floats) -> Floats:
            return one_accuracy(counts, config.smoothing)

        return in_turn(votes, lambda part, say: by_expectation(part, maximise, config, say), say)


DERIVATION = OneCoin()
