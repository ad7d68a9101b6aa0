"""Dawid and Skene's model in full: each rater mistakes each answer for each other one at a rate of their own.

e_r[k | z] = (n_r[k, z] + s·m[k | z]) / (n_r[·, z] + s), where n_r counts what rater r said of units whose answer is z
(by its present probability), m is the same of all raters together and s the smoothing: every rater begins as so many
votes of the average one. s = 0 is the maximum likelihood of the paper. Dawid and Skene 1979, equations 2.3–2.5.
"""

import numpy as np

from common.words import gettext_noop as _
from training_bridge.derivations import Estimate, Say
from training_bridge.derivations.expectation import LEAST, Expectation, by_expectation
from training_bridge.derivations.people_first import in_turn
from training_bridge.derivations.votes import Floats, Votes


def confusion(counts: Floats, smoothing: float) -> Floats:
    """Expected counts [R, K said, K true] → errors of the same shape, each column summing to 1."""
    together = counts.sum(0)
    average = together / np.maximum(together.sum(0), LEAST)
    errors = np.maximum(counts + smoothing * average, LEAST)
    return np.asarray(errors / errors.sum(1, keepdims=True))


class DawidSkene:
    key = "dawid_skene"
    version = 2
    title = _("Dawid–Skene, full confusion")
    description = _(
        "Finds by expectation–maximisation how often each rater mistakes each answer for each other one, and how "
        "probable each answer therefore is."
    )
    Config = Expectation
    compares = False

    def estimate(self, votes: Votes, config: Expectation, say: Say) -> Estimate:
        """Errors of each rater are told beside the soft labels."""

        def maximise(counts: Floats) -> Floats:
            return confusion(counts, config.smoothing)

        return in_turn(votes, lambda part, say: by_expectation(part, maximise, config, say, errors=True), say)


DERIVATION = DawidSkene()
