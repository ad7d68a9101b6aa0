"""Every policy: shares, propensities, reasons; what it promises holds for any batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid
from routing.policies import HUMAN, JUDGE, POLICIES, Foreseen, ItemView, Knowledge, policy
from routing.policies.selection import FEATURES, top

draws = st.floats(0, 1, exclude_max=True)
confidences = st.one_of(st.none(), st.sampled_from([0.0, 0.5, 0.8, 1.0]), st.floats(0, 1))
shares = st.sampled_from([0.05, 0.3, 0.5, 0.9])
why = st.lists(st.tuples(st.sampled_from([*FEATURES, "tag:law"]), st.floats(-3, 3)), max_size=4).map(tuple)
foreseen = st.one_of(
    st.just(Foreseen()),
    st.builds(Foreseen, shares, st.one_of(st.none(), shares), why, st.sampled_from([None, (0, 0), (40, 31)])),
)
tags = st.dictionaries(st.sampled_from(["law", "topic"]), st.sampled_from(["", "tax"]))
batches = st.lists(st.tuples(draws, confidences, foreseen, tags), max_size=60, unique_by=lambda row: row[0]).map(
    lambda rows: [ItemView(i, draw, {}, *rest) for i, (draw, *rest) in enumerate(rows)]
)
knowledge = st.builds(
    Knowledge,
    st.one_of(st.none(), st.integers(0, 70)),
    st.one_of(st.none(), st.floats(0, 1)),
    st.dictionaries(st.sampled_from(["", "law", "topic=tax"]), st.one_of(st.none(), st.floats(0, 1))),
)
ranks = {
    "mode": st.sampled_from(["stream", "batch"]),
    "share": st.floats(0.01, 1),
}
configs = {
    "all_human": st.just({}),
    "all_ai": st.just({}),
    "random": st.fixed_dictionaries({"share": st.floats(0, 1)}),
    "learned": st.fixed_dictionaries(ranks | {"threshold": st.floats(0.01, 1)}),
    "gain": st.fixed_dictionaries(ranks | {"price": st.floats(0.01, 1)}),
    "certified": st.just({}),
    "metadata": st.fixed_dictionaries(
        {
            "rules": st.lists(
                st.fixed_dictionaries(
                    {
                        "tag": st.sampled_from(["law", "topic", "language"]),
                        "value": st.sampled_from(["", "tax"]),
                        "to": st.sampled_from(["human", "judge"]),
                    }
                ),
                max_size=3,
            ),
            "otherwise": st.sampled_from(["human", "judge"]),
        }
    ),
    "confidence": st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["stream", "batch"]),
            "threshold": st.floats(0, 1),
            "share": st.floats(0.01, 1),
        }
    ),
}


@pytest.mark.parametrize("key", POLICIES)
@given(data=st.data(), views=batches, known=knowledge)
def test_every_verdict_could_have_been_reached_and_says_why(
    key: str, data: st.DataObject, views: list[ItemView], known: Knowledge
) -> None:
    plug = policy(key)
    config = plug.Config.model_validate(data.draw(configs[key]))
    verdicts = plug.decide(views, config, known)
    assert len(verdicts) == len(views)
    for verdict in verdicts:
        assert 0 < verdict.propensity <= 1
        assert verdict.reasons and all(reason.endswith(".") for reason in verdict.reasons)
    assert plug.decide(views, config, known) == verdicts


@given(views=batches, share=st.floats(0.01, 1), quota=st.one_of(st.none(), st.integers(0, 70)))
def test_a_batch_sends_exactly_its_share_and_never_a_surer_item_by_rank(
    views: list[ItemView], share: float, quota: int | None
) -> None:
    plug = policy("confidence")
    verdicts = plug.decide(views, plug.Config.model_validate({"mode": "batch", "share": share}), Knowledge(quota))
    people = [i for i, verdict in enumerate(verdicts) if verdict.route == HUMAN]
    wanted = min(len(views), max(1, round(share * len(views))))
    assert len(people) == (wanted if quota is None else min(wanted, quota))
    doubt = [1 - (view.confidence or 0.0) for view in views]
    kept = [doubt[i] for i, verdict in enumerate(verdicts) if verdict.route != HUMAN]
    assert not people or not kept or min(doubt[i] for i in people) >= max(kept)


def test_propensities_of_a_batch_are_the_shares_seen_over_many_draws() -> None:
    """Ten items, four of them equally unsure: each one's share of visits to people is what its propensity says."""
    import random

    plug = policy("confidence")
    config = plug.Config.model_validate({"mode": "batch", "share": 0.4})
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


def test_a_stream_asks_people_up_to_the_threshold_or_from_the_price_that_makes_the_budget_last() -> None:
    plug = policy("confidence")
    config = plug.Config.model_validate({"threshold": 0.8})
    views = [ItemView(i, 0.9, {}, sure) for i, sure in enumerate((0.7, None, 0.9, 0.81))]
    assert [one.route for one in plug.decide(views, config, Knowledge())] == ["human", "human", "judge", "judge"]
    paced = plug.decide(views, config, Knowledge(price=0.5))
    assert [one.route for one in paced] == ["judge", "human", "judge", "judge"]
    assert all(one.propensity == 1 for one in paced) and paced[0].risk == pytest.approx(0.3)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.5001, 0.9]), draws), max_size=40), st.integers(0, 50))
def test_the_highest_are_taken_and_chance_settles_the_border(rows: list[tuple[float, float]], k: int) -> None:
    scores, chances = [score for score, _ in rows], [draw for _, draw in rows]
    found = top(scores, chances, k)
    assert found.taken.sum() == min(k, len(rows)) and found.chance.sum() == pytest.approx(min(k, len(rows)))
    assert ((found.chance > 0) | ~found.taken).all() and ((found.chance < 1) | found.taken).all()
    if k and rows:
        assert found.border == sorted(scores)[-min(k, len(rows))]


def one(key: str, view: ItemView, known: Knowledge | None = None, **settings: object) -> tuple[str, str]:
    """(route, reasons in one text) of one item."""
    plug = policy(key)
    (verdict,) = plug.decide([view], plug.Config.model_validate(settings), known or Knowledge())
    return verdict.route, " ".join(verdict.reasons)


def test_a_learned_verdict_says_what_the_risk_comes_of_and_what_would_have_kept_it() -> None:
    told = Foreseen(0.46, None, (("others_disagree", 0.7), ("alike", -0.2)), (412, 235))
    assert one("learned", ItemView(1, 0.5, foreseen=told), threshold=0.31) == (
        HUMAN,
        "The risk that the judge disagrees with people is 0.46. This raises it: how far other judges disagree with it "
        "(+0.70). This lowers it: how many words the responses share (-0.20). Of 412 past items like this one it "
        "agreed with people in 57 %. It would have stayed with the judge but for how far other judges disagree with it."
        " 0.46 is not below the threshold 0.31, so people are asked.",
    )
    route, said = one("learned", ItemView(1, 0.5, foreseen=told), threshold=0.5)
    assert route == JUDGE and said.endswith("0.46 is below the threshold 0.50, so the judge's answer stands.")
    paced = one("learned", ItemView(1, 0.5, foreseen=told), Knowledge(price=0.6), threshold=0.31)
    assert paced[0] == JUDGE and "so that the budget lasts" in paced[1]
    cold = one("learned", ItemView(1, 0.5, confidence=0.6))
    assert cold[0] == HUMAN and cold[1].startswith("No risk model is in force yet")


def test_a_label_is_bought_where_people_do_better_than_the_judge() -> None:
    worth, poor = Foreseen(0.5, 0.1), Foreseen(0.6, 0.58)
    assert one("gain", ItemView(1, 0.5, foreseen=worth))[0] == HUMAN
    route, said = one("gain", ItemView(1, 0.5, foreseen=poor), mode="batch", share=1)
    assert route == JUDGE and "Human labels are not worth buying here." in said
    assert one("gain", ItemView(1, 0.5, foreseen=poor), Knowledge(price=0.0))[0] == JUDGE, "plenty of budget or not"
    paced = one("gain", ItemView(1, 0.5, foreseen=worth), Knowledge(price=0.6))
    assert paced[0] == JUDGE and "So that the budget lasts" in paced[1]
    assert "is not known yet" in one("gain", ItemView(1, 0.5, foreseen=Foreseen(0.5)))[1]


def test_the_judge_keeps_what_the_strictest_certificate_of_its_slice_covers() -> None:
    law = {"law": "", "topic": "tax"}
    known = Knowledge(certified={"": 0.6, "law": 0.8, "topic=tax": 0.9})
    sure = [ItemView(1, 0.5, foreseen=Foreseen(risk), tags=law) for risk in (0.05, 0.15)]
    assert [one("certified", view, known)[0] for view in sure] == [JUDGE, HUMAN]
    assert one("certified", ItemView(1, 0.5, confidence=0.65), known)[0] == JUDGE, "of no slice: the one of all"
    assert one("certified", ItemView(1, 0.5, confidence=0.99))[1] == "No certificate is in force, so people are asked."
    none = Knowledge(certified={"": 0.1, "law": None})
    assert one("certified", sure[0], none)[0] == HUMAN, "a slice of which nothing could be promised"
    assert one("certified", ItemView(1, 0.5), known)[0] == HUMAN


def test_the_first_rule_that_fits_decides() -> None:
    rules = [{"tag": "topic", "value": "tax", "to": "judge"}, {"tag": "law", "to": "human"}]
    asked = {"rules": rules, "otherwise": "judge"}
    assert one("metadata", ItemView(1, 0.5, tags={"law": "", "topic": "tax"}), **asked)[0] == JUDGE
    assert one("metadata", ItemView(1, 0.5, tags={"law": "", "topic": "wills"}), **asked) == (
        HUMAN,
        "By rule, what is tagged “law” goes to people.",
    )
    assert one("metadata", ItemView(1, 0.5), **asked)[0] == JUDGE
    plug = policy("metadata")
    assert not plug.needs_judge(plug.Config.model_validate({"rules": rules[1:], "otherwise": "human"}))


def test_unknown_policies_and_settings_are_refused() -> None:
    with pytest.raises(Invalid, match="no routing policy"):
        policy("psychic")
    with pytest.raises(ValueError, match="share"):
        policy("random").Config.model_validate({"share": 1.2})
    with pytest.raises(ValueError, match="extra"):
        policy("random").Config.model_validate({"shaer": 0.2})
