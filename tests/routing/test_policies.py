"""Every policy: shares, propensities, reasons; what it promises holds for any batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid
from routing.policies import HUMAN, POLICIES, ItemView, Knowledge, policy

draws = st.floats(0, 1, exclude_max=True)
confidences = st.one_of(st.none(), st.sampled_from([0.0, 0.5, 0.8, 1.0]), st.floats(0, 1))
batches = st.lists(st.tuples(draws, confidences), max_size=60, unique_by=lambda row: row[0]).map(
    lambda rows: [ItemView(i, draw, {}, confidence) for i, (draw, confidence) in enumerate(rows)]
)
configs = {
    "all_human": st.just({}),
    "all_ai": st.just({}),
    "random": st.fixed_dictionaries({"share": st.floats(0, 1)}),
    "confidence": st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["stream", "batch"]),
            "threshold": st.floats(0, 1),
            "share": st.floats(0.01, 1),
            "exploration": st.floats(0.01, 0.5),
        }
    ),
}


@pytest.mark.parametrize("key", POLICIES)
@given(data=st.data(), views=batches, quota=st.one_of(st.none(), st.integers(0, 70)))
def test_every_verdict_could_have_been_reached_and_says_why(
    key: str, data: st.DataObject, views: list[ItemView], quota: int | None
) -> None:
    plug = policy(key)
    config = plug.Config.model_validate(data.draw(configs[key]))
    verdicts = plug.decide(views, config, Knowledge(quota))
    assert len(verdicts) == len(views)
    for verdict in verdicts:
        assert 0 < verdict.propensity <= 1
        assert verdict.reasons and all(reason.endswith(".") for reason in verdict.reasons)
    assert plug.decide(views, config, Knowledge(quota)) == verdicts


@given(views=batches, share=st.floats(0.01, 1), quota=st.one_of(st.none(), st.integers(0, 70)))
def test_a_batch_sends_exactly_its_share_and_never_a_surer_item_by_rank(
    views: list[ItemView], share: float, quota: int | None
) -> None:
    plug = policy("confidence")
    verdicts = plug.decide(views, plug.Config.model_validate({"mode": "batch", "share": share}), Knowledge(quota))
    people = [i for i, verdict in enumerate(verdicts) if verdict.route == HUMAN]
    wanted = min(len(views), max(1, round(share * len(views))))
    assert len(people) == (wanted if quota is None else min(wanted, quota))
    sure = [view.confidence or 0.0 for view in views]
    ranked = [sure[i] for i in people if "drawn at random." not in verdicts[i].reasons[-1]]
    kept = [sure[i] for i, verdict in enumerate(verdicts) if verdict.route != HUMAN]
    assert not ranked or not kept or max(ranked) <= min(kept)


def test_propensities_of_a_batch_are_the_shares_seen_over_many_draws() -> None:
    """Ten items, four of them equally unsure: each one's share of visits to people is what its propensity says."""
    import random

    plug = policy("confidence")
    config = plug.Config.model_validate({"mode": "batch", "share": 0.4, "exploration": 0.2})
    sure = [0.1, 0.5, 0.5, 0.5, 0.5, 0.9, 0.9, 0.95, 0.99, 1.0]
    chance, rounds = random.Random(1), 6000
    visits, said = [0] * 10, [0.0] * 10
    for _ in range(rounds):
        verdicts = plug.decide([ItemView(i, chance.random(), {}, c) for i, c in enumerate(sure)], config, Knowledge())
        for i, verdict in enumerate(verdicts):
            visits[i] += verdict.route == HUMAN
            said[i] = verdict.propensity if verdict.route == HUMAN else 1 - verdict.propensity
    for i in range(10):
        assert visits[i] / rounds == pytest.approx(said[i], abs=0.025)


def test_a_stream_explores_what_the_judge_is_sure_of() -> None:
    plug = policy("confidence")
    config = plug.Config.model_validate({"threshold": 0.8, "exploration": 0.05})
    unsure, silent, explored, kept = plug.decide(
        [ItemView(1, 0.9, {}, 0.7), ItemView(2, 0.9, {}, None), ItemView(3, 0.04, {}, 0.9), ItemView(4, 0.06, {}, 0.8)],
        config,
        Knowledge(),
    )
    assert [v.route for v in (unsure, silent, explored, kept)] == ["human", "human", "human", "judge"]
    assert (unsure.propensity, silent.propensity, explored.propensity, kept.propensity) == (1, 1, 0.05, 0.95)
    assert unsure.risk == pytest.approx(0.3)


def test_unknown_policies_and_settings_are_refused() -> None:
    with pytest.raises(Invalid, match="no routing policy"):
        policy("psychic")
    with pytest.raises(ValueError, match="share"):
        policy("random").Config.model_validate({"share": 1.2})
    with pytest.raises(ValueError, match="extra"):
        policy("random").Config.model_validate({"shaer": 0.2})
