"""Bradley–Terry with ties (Davidson 1970): each response, or each model, has one strength, from which pairs follow.

With d = r_left − r_right and b = log ν, P(left), P(right), P(tie) = softmax(d/2, −d/2, b). The log-likelihood is
concave in (r, b) and is maximised by Newton's method with conjugate gradients, a normal prior of mean 0 on every r
holding what the comparisons leave open: responses that always win, and groups that were never compared. "Both bad" is
no tie: it keeps its share of the votes, and the three others share the rest. Davidson, JASA 65 (1970), pages 317–328.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field
from scipy import optimize, sparse, stats

from common.words import gettext_noop as _
from training_bridge.derivations import Config, Estimate, Say, Strength
from training_bridge.derivations.votes import Compared, Floats, Ints, Votes, tally

MOST_INTERVALS = 500
"""Strengths of more than this are given without intervals, whose cost grows with the cube."""
TIE_PRECISION = 1e-6


class BradleyTerryConfig(Config):
    of: Literal["responses", "models"] = Field(
        "responses",
        title=_("Strengths of"),
        json_schema_extra={"choices": {"responses": _("responses"), "models": _("models")}},
        description=_("Of models it tells how they compare; a pair is then worth what its models are."),
    )
    prior_sd: float = Field(
        3.0,
        gt=0,
        le=1000,
        title=_("Prior's standard deviation"),
        description=_("How far strengths lie apart before anything is judged; less draws them together."),
    )


@dataclass(frozen=True)
class Davidson:
    """`strength`: [E], summing to 0; `tie`: log ν, −inf where nobody said tie; `information`: minus the Hessian of the
    log-posterior there, [E, E] or, with ties, one more; `scores`: [C, E] or one more, the slope of the log-likelihood
    of each comparison there; both sparse. `log_likelihood`: of the posterior."""

    strength: Floats
    tie: float
    information: Any
    scores: Any
    log_likelihood: float
    steps: int
    converged: bool

    def chances(self, left: Ints, right: Ints) -> Floats:
        """[N, 3]: P(left is better), P(right is better), P(tie)."""
        return _chances(self.strength[left] - self.strength[right], self.tie)


def _chances(apart: Floats, tie: float) -> Floats:
    return np.stack(_split(apart, tie)[:3], axis=1)


def _split(apart: Floats, tie: float) -> tuple[Floats, Floats, Floats, Floats]:
    """P(left), P(right), P(tie) and the log of what they are divided by, each [N]."""
    top = np.maximum(np.abs(apart) / 2, tie)
    left, right, even = np.exp(apart / 2 - top), np.exp(-apart / 2 - top), np.exp(tie - top)
    total = left + right + even
    return left / total, right / total, even / total, top + np.log(total)


@dataclass(frozen=True)
class _Objective:
    """Minus the log-posterior of strengths and tie: value, gradient and Hessian."""

    incidence: Any  # [C, E] sparse, 1 at the left and −1 at the right of each comparison
    counts: Floats  # [C, 3] left, right, tie
    precision: float
    ties: bool

    def _parts(self, point: Floats) -> tuple[Floats, float, Floats]:
        strength, tie = (point[:-1], float(point[-1])) if self.ties else (point, -np.inf)
        apart = self.incidence @ strength
        return strength, tie, apart

    def value(self, point: Floats) -> float:
        strength, tie, apart = self._parts(point)
        left, right, even = self.counts.T
        likelihood = ((left - right) * apart).sum() / 2 - self.counts.sum(1) @ _split(apart, tie)[3]
        penalty = self.precision * (strength @ strength)
        if self.ties:
            likelihood += even.sum() * tie
            penalty += TIE_PRECISION * tie**2
        return float(penalty / 2 - likelihood)

    def surprises(self, point: Floats) -> tuple[Floats, Floats]:
        """The derivatives of the log-likelihood of each comparison by d and by b, [C] each."""
        _strength, tie, apart = self._parts(point)
        left, right, even, _log = _split(apart, tie)
        total = self.counts.sum(1)
        return (self.counts[:, 0] - self.counts[:, 1] - total * (left - right)) / 2, self.counts[:, 2] - total * even

    def gradient(self, point: Floats) -> Floats:
        strength, tie, _apart = self._parts(point)
        by_d, by_b = self.surprises(point)
        slope = np.asarray(self.precision * strength - self.incidence.T @ by_d)
        return np.append(slope, TIE_PRECISION * tie - by_b.sum()) if self.ties else slope

    def scores(self, point: Floats) -> Any:
        """[C, E], or one more where there are ties. Sparse."""
        by_d, by_b = self.surprises(point)
        by_r = sparse.diags_array(by_d) @ self.incidence
        return sparse.hstack([by_r, sparse.csr_array(by_b[:, None])] if self.ties else [by_r], format="csr")

    def curvature(self, point: Floats) -> tuple[Floats, Floats, float]:
        """The second derivatives of each comparison by d [C], by d and b [C], and by b in sum."""
        _strength, tie, apart = self._parts(point)
        left, right, even, _log = _split(apart, tie)
        total, half = self.counts.sum(1), (left - right) / 2
        return total * ((left + right) / 4 - half**2), -total * half * even, float(total @ (even * (1 - even)))

    def information(self, point: Floats) -> Any:
        """The Hessian: [E, E], or one more where there are ties. Sparse."""
        by_d, across, by_b = self.curvature(point)
        own = self.incidence.T @ sparse.diags_array(by_d) @ self.incidence
        own = own + self.precision * sparse.eye_array(self.incidence.shape[1])
        if not self.ties:
            return own.tocsr()
        border = sparse.csr_array((self.incidence.T @ across)[:, None])
        corner = sparse.csr_array([[by_b + TIE_PRECISION]])
        return sparse.block_array([[own, border], [border.T, corner]], format="csr")


def davidson(left: Ints, right: Ints, counts: Floats, *, entities: int, prior_sd: float, say: Say) -> Davidson:
    """The strengths that the outcomes of C comparisons make most probable.

    `counts`: [C, 3], how often left is better, right is better, or neither, of any weight;
    `left`, `right`: [C], places in the `entities`. Deterministic.
    """
    rows = np.arange(len(left))
    columns = (np.concatenate([rows, rows]), np.concatenate([left, right]))
    signs = np.concatenate([np.ones(len(left)), -np.ones(len(left))])
    incidence = sparse.csr_array((signs, columns), shape=(len(left), entities))
    objective = _Objective(incidence, counts, 1 / prior_sd**2, bool(counts[:, 2].sum() > 0))
    steps = 0

    def told(_point: Floats) -> None:
        nonlocal steps
        steps += 1
        say(steps)

    found = optimize.minimize(
        objective.value,
        np.zeros(entities + objective.ties),
        jac=objective.gradient,
        hess=objective.information,
        method="Newton-CG",
        callback=told,
        options={"xtol": 1e-8, "maxiter": 500},
    )
    strength, tie, _apart = objective._parts(found.x)
    settled = bool(np.abs(objective.gradient(found.x)).max(initial=0.0) < 1e-5)
    centred = strength - strength.mean() if entities else strength
    information, scores = objective.information(found.x), objective.scores(found.x)
    return Davidson(centred, tie, information, scores, -float(found.fun), steps, settled)


def standings(found: Davidson, names: tuple[str, ...], counts: Floats, clusters: Ints) -> tuple[Strength, ...]:
    """The strengths by name, the strongest first; `counts`: [E], the comparisons of each; `clusters`: [C], codes from 0
    of what each comparison goes together with.

    Votes on one pair and pairs of one prompt say much the same. Intervals of r minus the mean of all r are by Student's
    t over clusters and the sandwich H⁻¹ (Σ s sᵀ) H⁻¹ of the information H and the clusters' scores s (Liang and Zeger
    1986), or by H⁻¹, which is what independent votes leave open, where that is wider: whoever won everything is never
    surprised.
    """
    entities, groups = len(names), int(clusters.max(initial=0)) + 1
    inverse = np.linalg.inv(found.information.toarray())
    members = sparse.csr_array((np.ones(len(clusters)), (clusters, np.arange(len(clusters)))))
    spread = (members @ found.scores).toarray() @ inverse  # [G, E] or one more
    several = max(groups, 2)
    sandwich = several / (several - 1) * spread.T @ spread
    centring = np.eye(entities) - 1 / entities
    alone, together = (np.diag(centring @ one[:entities, :entities] @ centring) for one in (inverse, sandwich))
    error = stats.t.ppf(0.975, several - 1) * np.sqrt(np.maximum(np.maximum(alone, together), 0.0))
    rows = []
    for place in np.argsort(-found.strength, kind="stable"):
        r, apart = found.strength[place], error[place]
        # Against the average model, of strength 0; a tie counts half.
        share, low, high = ((_chances(np.array([x]), found.tie) @ [1, 0, 0.5])[0] for x in (r, r - apart, r + apart))
        rows.append(Strength(names[place], float(share), float(low), float(high), float(r), float(counts[place])))
    return tuple(rows)


class BradleyTerry:
    key = "bradley_terry"
    version = 2
    title = _("Bradley–Terry with ties")
    description = _(
        "Gives each response, or each model, one strength (Davidson's model): what is said of one pair tells about the "
        "other pairs of the same prompt."
    )
    Config = BradleyTerryConfig
    compares = True

    def estimate(self, votes: Votes, config: BradleyTerryConfig, say: Say) -> Estimate:
        """Soft labels of comparisons; of other questions (whether a response is rejected) the share of the votes."""
        shares = votes.shares(votes.heard)
        if votes.compared is None:
            return Estimate(shares, *votes.agreement())
        outcomes = _outcomes(votes.compared)
        compared = np.flatnonzero((votes.compared.responses >= 0).all(1))
        left, right, names = _entities(votes.compared, compared, config.of)
        said = votes.counts(votes.heard)[compared]
        said = np.where(votes.is_known[compared, None], votes.known[compared], said)
        counts = np.zeros((len(compared), 3))
        counts[:, : len(outcomes)] = said[:, outcomes]
        found = davidson(left, right, counts, entities=len(names), prior_sd=config.prior_sd, say=say)
        soft = shares.copy()
        rest = shares[compared][:, outcomes].sum(1, keepdims=True)
        soft[np.ix_(compared, outcomes)] = rest * found.chances(left, right)[:, : len(outcomes)]
        facts = {
            "steps": found.steps,
            "converged": found.converged,
            "log_likelihood": round(found.log_likelihood, 6),
            "strengths": len(names),
        }
        facts |= {"log_nu": round(found.tie, 6)} if np.isfinite(found.tie) else {}
        strong: tuple[Strength, ...] = ()
        if config.of == "models" and 0 < len(names) <= MOST_INTERVALS:
            total = counts.sum(1)
            met = tally(left, total, len(names)) + tally(right, total, len(names))
            strong = standings(found, names, met, _clusters(votes.compared.responses[compared]))
        return Estimate(soft, *votes.agreement(), facts, strengths=strong)


def _outcomes(compared: Compared) -> Ints:
    """Codes of left, right and tie; the last only where a question has one."""
    return np.array([compared.left, compared.right, *([] if compared.tie is None else [compared.tie])], dtype=np.int64)


def _clusters(responses: Ints) -> Ints:
    """[C]: which comparisons hang together by the responses [C, 2] they are of, as those of one prompt do."""
    ids, places = np.unique(responses, return_inverse=True)
    left, right = places.reshape(responses.shape).T
    linked = sparse.csr_array((np.ones(len(left)), (left, right)), shape=(len(ids), len(ids)))
    _count, of = sparse.csgraph.connected_components(linked, directed=False)
    return np.asarray(of[left], dtype=np.int64)


def _entities(compared: Compared, units: Ints, of: str) -> tuple[Ints, Ints, tuple[str, ...]]:
    """What is compared on each of `units`, as places in the names of all; a response of no known model is its own."""
    responses = compared.responses[units]
    if of == "responses":
        ids, places = np.unique(responses, return_inverse=True)
        names: tuple[str, ...] = tuple(map(str, ids.tolist()))
    else:
        # Nameless responses get numbers below those of models, which begin at 0.
        codes, places = np.unique(
            np.where(compared.models[units] >= 0, compared.models[units], -2 - responses), return_inverse=True
        )
        names = tuple(compared.names[code] if code >= 0 else str(-2 - code) for code in codes.tolist())
    places = places.reshape(responses.shape)
    return places[:, 0], places[:, 1], names


DERIVATION = BradleyTerry()
