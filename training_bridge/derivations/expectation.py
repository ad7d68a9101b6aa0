"""Expectation–maximisation of Dawid and Skene's model of raters who err, whatever shape their errors have.

Dawid and Skene, Applied Statistics 28 (1979), pages 20–28. The answer z of a unit is drawn from the prior p; rater r
says k with probability e_r[k | z], independently of everybody else. A vote of weight w counts as its w-th power, so
that several judges who err together can be given the evidence of one rater between them.

Where two responses are compared, which of them is the left one is an accident (raters see them in an order of their
own): the model is the same with left and right changed about, prior and errors alike. Left free, it can find a bias to
one side that nobody has: of PandaLM's votes with a quarter turned round the likeliest labels were right on 68 % of the
pairs on which all raters had agreed, where the majority was right on 84 %.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.derivations import Config, Estimate, Say
from training_bridge.derivations.votes import Floats, Votes

LEAST = 1e-10
"""No error is impossible: a probability of zero would let one vote rule out an answer for ever."""


class Expectation(Config):
    """What every model that is fitted this way can be told."""

    smoothing: float = Field(
        20.0,
        ge=0,
        le=10_000,
        title=_("Smoothing"),
        description=_("Every rater begins as so many votes of the average one. Raters of few votes need it."),
    )
    tolerance: float = Field(
        1e-7,
        gt=0,
        le=1e-2,
        title=_("Tolerance"),
        description=_("It ends when a step changes the log-likelihood by less than this a vote."),
    )
    iterations: int = Field(
        200, ge=1, le=10_000, title=_("Most steps"), description=_("It ends here, whether it has settled or not.")
    )


Maximise = Callable[[Floats], Floats]
"""[R, K said, K true] expected counts → the same shape, e_r[k | z], which sums to 1 over k."""


@dataclass(frozen=True)
class Fit:
    """`soft`: [U, K], P(answer | votes); `errors`: [R, K said, K true]; `log_likelihood`: of all votes, in nats."""

    soft: Floats
    prior: Floats
    errors: Floats
    log_likelihood: float
    iterations: int
    converged: bool


def by_expectation(
    votes: Votes, maximise: Maximise, config: Expectation, say: Say, *, errors: bool = False
) -> Estimate:
    """The model fitted to the votes of people, or of judges; with the errors of each where they are asked for.

    Where people have judged some of the units, judges are measured on those alone (each mistake once more than it was
    seen, after Laplace, because those may be few): that judges agree with each other on the rest tells nothing, and
    would make them surer than they are.
    """
    taught, extra = votes, 0.0
    if votes.is_known.any() and not votes.by_person.any():
        taught, _units = votes.part(votes.is_known[votes.unit], known=votes.known, weight=votes.weight)
        extra = 1 / votes.raters
    found = fit(
        taught,
        lambda counts: maximise(counts + extra),
        tolerance=config.tolerance,
        iterations=config.iterations,
        say=say,
    )
    soft = found.soft if taught is votes else posterior(votes, found.prior, found.errors)[0]
    facts = {
        "steps": found.iterations,
        "converged": found.converged,
        "log_likelihood": round(found.log_likelihood, 6),
    }
    return Estimate(soft, *votes.agreement(soft), facts, found.errors if errors else None)


def fit(votes: Votes, maximise: Maximise, *, tolerance: float, iterations: int, say: Say = lambda number: None) -> Fit:
    """From the shares of the votes until a step changes the log-likelihood of a vote by less than `tolerance` nats.

    Without smoothing every step raises it; with it a step may lower it on the way to the likeliest smoothed errors.
    Deterministic. Memory: a few arrays of [U, K] and one sparse matrix of the votes, whatever the number of steps.
    """
    weight = max(float(votes.weight.sum()), 1.0)
    soft, before, converged, number = votes.shares(), -np.inf, False, 0
    prior, errors = _maximised(votes, soft, maximise)
    for number in range(1, iterations + 1):
        say(number)
        soft, likelihood = posterior(votes, prior, errors)
        converged = abs(likelihood - before) < tolerance * weight
        before = likelihood
        if converged:
            break
        prior, errors = _maximised(votes, soft, maximise)
    return Fit(soft, prior, errors, before, number, converged)


def _maximised(votes: Votes, soft: Floats, maximise: Maximise) -> tuple[Floats, Floats]:
    """The prior [K] and the errors [R, K, K] that suit `soft` best."""
    counts = (votes.matrix.T @ soft).reshape(votes.raters, votes.outcomes, votes.outcomes)
    prior = (
        np.maximum(np.einsum("uk->k", soft) / len(soft), LEAST)
        if len(soft)
        else np.full(votes.outcomes, 1 / votes.outcomes)
    )
    if votes.compared is not None:
        other = votes.compared.swapped(votes.outcomes)
        prior, counts = prior + prior[other], (counts + counts[:, other][:, :, other]) / 2
    return prior / prior.sum(), maximise(counts)


def posterior(votes: Votes, prior: Floats, errors: Floats) -> tuple[Floats, float]:
    """P(answer | votes) [U, K], known answers as they are; and the log-likelihood, in which those count as given."""
    scores = votes.matrix @ np.log(errors).reshape(-1, votes.outcomes)
    scores += np.log(prior)
    known = votes.is_known
    given = float((votes.known[known] * scores[known]).sum())
    # Reductions over a short axis: column by column they take a third of the time of max(1) and sum(1).
    top = reduce(np.maximum, scores.T)
    scores -= top[:, None]
    soft = np.exp(scores, out=scores)
    total = np.einsum("uk->u", soft)
    soft /= total[:, None]
    soft[known] = votes.known[known]
    return soft, float((top + np.log(total))[~known].sum()) + given
