"""Measures of report cards, each against a closed form, another library or drawn data whose truth is known."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import spearmanr

from common.intervals import wilson
from training_bridge.report_cards.beside import correlation, thumbs
from training_bridge.report_cards.bon import curve
from training_bridge.report_cards.calibration import calibration, log_loss, scaled_by
from training_bridge.report_cards.pairs import Facts, Gathered, Response, duel
from training_bridge.report_cards.parts import Mean
from training_bridge.report_cards.resampling import SIGNED, UNIT, mean, ratio, share, statistic
from training_bridge.report_cards.rewards import (
    agreement,
    auc,
    baselines,
    disagreement,
    histogram,
    length_bias,
    reward_card,
    spread,
    within,
)

RNG = np.random.default_rng(0)


def gathered(rows: list[dict[str, Any]]) -> Gathered:
    """One pair a row: {"a", "b"} rewards, {"la", "lb"} lengths, {"soft", "group", ...}."""
    pairs = Gathered()
    for number, row in enumerate(rows):
        ab = [
            Response(row[one], row.get(f"l{one}", 5), row.get(f"by_{one}", ""), row.get(f"m{one}", ())) for one in "ab"
        ]
        pairs.item(str(row.get("group", number)), ab)
        pairs.pair(
            *ab, soft=row.get("soft", 1.0), strength=row.get("strength", 1.0), prompt_length=row.get("asked", 9),
            facts=Facts(**row.get("facts", {})),
        )  # fmt: skip
    return pairs


def test_the_best_of_n_of_one_prompt_has_no_interval() -> None:
    """Its responses say nothing of other prompts; an interval of no width would say that they do."""
    rewards = RNG.normal(size=(2, 8))
    assert curve(rewards[:1], None, [4])[0].keys() >= {"n", "proxy"}
    assert "proxy_low" not in curve(rewards[:1], None, [4])[0] and "proxy_low" in curve(rewards, None, [4])[0]


def test_a_share_of_independent_cases_has_wilsons_interval_and_repeated_cases_add_nothing() -> None:
    hits = (RNG.random(4000) < 0.7).astype(float)
    alone = share(hits, np.arange(4000), 0.95)
    assert (alone.low, alone.high) == pytest.approx(wilson(hits.sum(), 4000), abs=2e-4)
    nine_times = share(np.repeat(hits, 9), np.repeat(np.arange(4000), 9), 0.95)
    assert (nine_times.low, nine_times.high) == pytest.approx((alone.low, alone.high), abs=2e-4)
    assert (nine_times.of, nine_times.prompts) == (36000, 4000)
    certain = share(np.ones(12), np.repeat(np.arange(3), 4), 0.95)
    assert (certain.value, certain.low, certain.high) == (1.0, *wilson(3, 3))
    nothing = share(np.zeros(0), np.zeros(0, dtype=np.int64), 0.95)
    assert (nothing.value, nothing.low, nothing.high) == (None, 0.0, 1.0)


@pytest.mark.parametrize(("prompts", "each", "truth"), [(12, 4, 0.7), (40, 6, 0.85), (200, 3, 0.6)])
def test_intervals_hold_the_truth_where_pairs_of_one_prompt_go_together(prompts: int, each: int, truth: float) -> None:
    rng, held, held_mean, rounds = np.random.default_rng(1), 0, 0, 300
    codes = np.repeat(np.arange(prompts), each)
    for _ in range(rounds):
        easy = rng.beta(truth * 2, (1 - truth) * 2, prompts)  # correlation of one third within a prompt
        hits = (rng.random(prompts * each) < easy[codes]).astype(float)
        found, other = share(hits, codes, 0.95), mean(hits, codes, 0.95)
        held += found.low <= truth <= found.high
        held_mean += other.low is not None and other.high is not None and other.low <= truth <= other.high
    assert 0.92 <= held / rounds <= 0.995
    assert held_mean / rounds >= 0.9


@pytest.mark.parametrize("groups", [2, 3, 5, 10])
def test_means_of_few_groups_hold_the_truth_as_often_as_they_say(groups: int) -> None:
    rng, held, rounds = np.random.default_rng(groups), 0, 600
    for _ in range(rounds):
        found = mean(rng.normal(size=groups), np.arange(groups), 0.95)
        held += found.low <= 0 <= found.high  # type: ignore[operator]
    assert 0.91 <= held / rounds <= 0.98


def test_groups_that_are_all_alike_leave_open_what_was_not_seen() -> None:
    """Where every one of three prompts was all, none or a draw, the next one need not be; a range never ends beyond."""
    same, codes = np.ones(3), np.arange(3)
    certain = mean(same, codes, 0.95, UNIT)
    assert (certain.low, certain.high) == pytest.approx(wilson(3, 3))
    ahead = mean(0 * same, codes, 0.95, SIGNED)
    assert ahead.high == pytest.approx(1 - wilson(3, 3)[0]) and ahead.low == -ahead.high  # type: ignore[operator]
    assert mean(same, codes, 0.95) == Mean(value=1, low=1, high=1, of=3)  # of no known range
    wide = mean(np.array([0.0, 1.0, 1.0]), codes, 0.95, UNIT)
    assert (wide.low, wide.high) == (0, 1)


def test_many_groups_are_put_together_without_changing_the_interval() -> None:
    values = RNG.normal(size=30_000)
    found = mean(values, np.arange(30_000), 0.95)
    half = 1.959964 * values.std() / np.sqrt(30_000)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)  # type: ignore[operator]
    weights = RNG.random(50)
    assert ratio(values[:50] * weights, weights, np.arange(50), 0.9).value == pytest.approx(
        np.average(values[:50], weights=weights)
    )
    assert mean(values[:3], np.zeros(3, dtype=np.int64), 0.9).low is None
    assert statistic(np.ones((3, 2)), np.arange(3), 0.9, lambda sums: sums[:, 0] * np.nan).value is None


def test_calibration_is_what_sklearn_says_and_the_scale_what_a_regression_finds() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import brier_score_loss
    from sklearn.metrics import log_loss as sklearn_log_loss

    lead = RNG.normal(size=3000) * 2
    labels = (RNG.random(3000) < expit(0.4 * lead)).astype(float)
    card = calibration(lead, labels, np.arange(3000), 0.95)
    assert card is not None
    assert card.brier == pytest.approx(brier_score_loss(labels, expit(lead)))
    assert card.log_loss == pytest.approx(sklearn_log_loss(labels, expit(lead)))
    fitted = LogisticRegression(C=1e10, fit_intercept=False, tol=1e-10).fit(lead[:, None], labels).coef_[0, 0]
    assert card.scale == pytest.approx(fitted, rel=1e-4)
    assert card.scaled_log_loss == pytest.approx(log_loss(fitted * lead, labels), abs=1e-9)
    assert card.floor == 0.0 and card.coin == pytest.approx(0.693147, abs=1e-6)

    said, seen = np.maximum(expit(lead), expit(-lead)), np.where(lead > 0, labels, 1 - labels)
    place = np.minimum(((said - 0.5) / 0.05).astype(int), 9)
    by_hand = sum(abs(said[place == b].sum() - seen[place == b].sum()) for b in range(10)) / 3000
    assert card.error.value == pytest.approx(by_hand)
    assert card.error.low < card.error.value < card.error.high  # type: ignore[operator]
    assert sum(one.pairs for one in card.bins) == 3000


@pytest.mark.parametrize(("pairs", "scale", "truth"), [(100, 1.0, 0.0), (100, 0.6, 0.077), (400, 0.3, 0.164)])
def test_intervals_of_the_calibration_error_hold_it_though_chance_adds_to_it(
    pairs: int, scale: float, truth: float
) -> None:
    """`truth`: of infinitely many such pairs. Of a model whose probabilities are true it is 0."""
    rng, held, rounds = np.random.default_rng(pairs), 0, 60
    for _ in range(rounds):
        lead = rng.normal(size=pairs) * 2
        labels = (rng.random(pairs) < expit(scale * lead)).astype(float)
        card = calibration(lead, labels, np.arange(pairs), 0.95)
        assert card is not None and 0 <= card.error.low <= card.error.value <= card.error.high <= 1  # type: ignore[operator]
        held += card.error.low <= truth <= card.error.high  # type: ignore[operator]
    assert held / rounds >= 0.93


def test_perfect_calibration_has_no_error_and_soft_labels_set_the_floor() -> None:
    lead = np.array([0.0, 1.0, -2.0, 0.5])
    card = calibration(lead, expit(lead), np.arange(4), 0.95)
    assert card is not None and card.error.value == pytest.approx(0, abs=1e-12)
    assert card.log_loss == pytest.approx(card.floor) and card.scale == pytest.approx(1, rel=1e-6)
    assert scaled_by(np.array([1.0, 2.0]), np.array([0.2, 0.3])) == 0.0  # worse than a coin: better not to say anything
    assert np.isfinite(scaled_by(np.array([1.0, 2.0]), np.array([1.0, 1.0])))
    assert calibration(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64), 0.95) is None


def test_people_against_the_majority_of_the_others_by_counting() -> None:
    votes = np.array([[2, 1, 0], [1, 1, 0], [3, 0, 1], [1, 0, 0], [0, 0, 2], [-1, -1, -1], [2, 0, 1]])
    lead = np.array([1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 0.0])
    found = agreement(votes, lead, np.arange(7), 0.95)
    # 2:1 - each of the two sees one against one: even, not asked; the one sees two against none: wrong -> 0 of 1
    # 1:1 - each is against the other -> 0.  3:0 and one for neither: right, right, right, half -> 7/8
    # 0:0 and two for neither: no majority, not asked.  2:0 and one for neither: right, right, half -> 5/6
    assert found.people.of == 4 and found.votes == 1 + 2 + 4 + 3
    assert found.people.value == pytest.approx((0 + 0 + 7 / 8 + 5 / 6) / 4)
    # The model says left of the first (right), is half right of one against one, wrong of the third, half of the last.
    assert found.model.value == pytest.approx((1 + 0.5 + 0 + 0.5) / 4)
    assert found.lead.value == pytest.approx(found.model.value - found.people.value)  # type: ignore[operator]
    assert agreement(votes[3:4], lead[3:4], np.arange(1), 0.95).why_not == "nobody_doubled"
    assert agreement(votes[5:6], lead[5:6], np.arange(1), 0.95).why_not == "not_in_snapshot"


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_agreement_is_that_of_leaving_each_vote_out_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    votes, lead = rng.integers(0, 4, size=(12, 3)), rng.normal(size=12)
    people, machine = [], []
    for row, one in zip(votes, lead, strict=True):
        cast = [1.0] * row[0] + [0.0] * row[1] + [0.5] * row[2]
        own, models = [], []
        for place, says in enumerate(cast):
            others = [vote for at, vote in enumerate(cast) if at != place and vote != 0.5]
            if sum(others) * 2 != len(others):
                majority = float(sum(others) * 2 > len(others))
                own.append(1 - abs(says - majority))
                models.append(1 - abs((one > 0) - majority))
        if own and len(cast) > 1:
            people.append(np.mean(own))
            machine.append(np.mean(models))
    found = agreement(votes, lead, np.arange(12), 0.95)
    assert found.people.of == len(people)
    if people:
        assert found.people.value == pytest.approx(np.mean(people))
        assert found.model.value == pytest.approx(np.mean(machine))


def test_rank_correlation_within_items_is_scipys() -> None:
    items = np.repeat(np.arange(40), 5)
    rewards, lengths = RNG.integers(0, 5, 200).astype(float), RNG.integers(0, 4, 200).astype(float)
    rewards[:5], lengths[5:10] = 1.0, 2.0
    found, groups = within(items + 3, items // 2, rewards, lengths)
    wanted = []
    for item in range(40):
        x, y = rewards[items == item], lengths[items == item]
        if len(set(y)) > 1:
            wanted.append(0.0 if len(set(x)) == 1 else spearmanr(x, y).statistic)
    assert found == pytest.approx(wanted)
    assert len(groups) == len(found) and groups.max() == 19


def test_length_bias_tells_a_model_that_only_counts_characters() -> None:
    rows = []
    for n in range(60):
        lengths = (10 + n % 7, 3) if n % 4 else (3, 10 + n % 7)  # people prefer the longer one in three of four
        rows.append({"a": float(lengths[0]), "b": float(lengths[1]), "la": lengths[0], "lb": lengths[1], "soft": 0.9})
    rows += [{"a": 1.0, "b": 0.0, "la": 4, "lb": 4}, {"a": 1.0, "b": 0.0, "la": 9, "lb": 4, "soft": 0.5}]
    found = length_bias(gathered(rows), 0.95)
    assert found.people_choose_longer.value == 0.75 and found.model_chooses_longer.value == 1.0
    assert (found.right_when_longer.value, found.right_when_shorter.value) == (1.0, 0.0)
    assert found.within_prompt.value == 1.0 and found.as_long == 1


def test_baselines_stand_beside_the_model_pair_by_pair() -> None:
    rows = [
        {
            "a": 1.0,
            "b": 0.0,
            "la": n % 3 + 1,
            "lb": 2,
            "by_a": "big" if n % 4 else "small",
            "by_b": "small" if n % 4 else "big",
        }
        for n in range(60)
    ]
    pairs = gathered(rows)
    right = duel(pairs.better, pairs.worse)
    found = {one.name: one for one in baselines(pairs, right, 0.95, {"big": (9.0, 10.0), "small": (1.0, 10.0)})}
    assert found["longer"].share.value == 0.5 and found["shorter"].share.value == 0.5
    assert found["author"].share.value == 0.75 and found["author"].lead.value == 0.25
    assert (found["coin"].share.low, found["coin"].share.high, found["coin"].lead.value) == (0.5, 0.5, 0.5)
    assert [one.name for one in baselines(pairs, right, 0.95, {})] == ["longer", "shorter", "coin"]


def test_a_pair_is_turned_to_what_its_soft_label_favours() -> None:
    row = {
        "a": 1.0,
        "b": 3.0,
        "la": 2,
        "lb": 7,
        "soft": 0.2,
        "by_a": "x",
        "by_b": "y",
        "ma": (1.0, 0.0),
        "mb": (0.0, 2.0),
    }
    pairs = gathered([{**row, "facts": {"votes": (1, 4, 2)}}, {**row, "soft": 0.5, "ma": (0.0, 0.0)}])
    assert pairs.better.tolist() == [3.0, 1.0] and pairs.soft == pytest.approx([0.8, 0.5])
    assert pairs.lengths[0].tolist() == [7, 2] and pairs.decided.tolist() == [True, False]
    assert pairs.votes.tolist() == [[4, 1, 2], [-1, -1, -1]]
    assert pairs.members[0].tolist() == [-1.0, 2.0]
    better, _worse, names = pairs.author_codes
    assert [names[code] for code in better] == ["y", "x"]


def test_the_area_under_the_curve_is_sklearns() -> None:
    from sklearn.metrics import roc_auc_score

    score, wrong = RNG.integers(0, 9, 300).astype(float), (RNG.random(300) < 0.4).astype(float)
    found = auc(score, 1.0 - wrong, np.arange(300), 0.95)
    assert found.value == pytest.approx(roc_auc_score(wrong, score))
    assert found.low < found.value < found.high  # type: ignore[operator]
    assert auc(score, np.ones(300), np.arange(300), 0.95).of == 0


@pytest.mark.parametrize("levels", [2, 3, 300])
def test_the_interval_of_an_area_is_of_the_same_number(levels: int) -> None:
    """Also where half of all scores are the largest, and where all that are wrong have it."""
    rng = np.random.default_rng(levels)
    score = np.where(rng.random(400) < 0.5, levels - 1, rng.integers(0, levels, 400)).astype(float)
    wrong = (rng.random(400) < score / levels).astype(float)
    found = auc(score, 1.0 - wrong, np.arange(400), 0.95)
    assert found.low < found.value < found.high  # type: ignore[operator]
    assert found.high - found.low < 0.15  # type: ignore[operator]
    split = (score == levels - 1).astype(float)
    sure = auc(split, 1.0 - split, np.arange(400), 0.95)
    few = int(min(split.sum(), (1 - split).sum()))
    assert sure.value == sure.high == 1 and sure.low == pytest.approx(wilson(few, few)[0])


def test_an_area_that_rests_on_one_wrong_prompt_has_no_interval_and_on_two_a_wide_one() -> None:
    wrong = np.zeros(50)
    for place, reach in ((10, 0.0), (30, 0.5)):
        wrong[place] = 1
        found = auc(np.arange(50.0), 1.0 - wrong, np.arange(50), 0.95)
        assert found.high is None or found.high - found.low > reach  # type: ignore[operator]
        assert (found.high is None) == (wrong.sum() == 1)


def test_members_that_disagree_where_the_ensemble_errs_are_worth_asking() -> None:
    rows = []
    for n in range(100):
        sure = n % 5 > 0
        leads = (1.0, 1.0, 0.9) if sure else (2.0, -3.0, -2.9)
        rows.append({"a": float(np.mean(leads)), "b": 0.0, "ma": leads, "mb": (0.0,) * 3})
    found = disagreement(gathered(rows), 0.95)
    assert found is not None and found.auc.value == 1.0
    assert [one.value for one in found.members] == [1.0, 0.8, 0.8]
    assert disagreement(gathered([{"a": 1.0, "b": 0.0}]), 0.95) is None


def test_breakdowns_show_what_pairs_can_be_told_apart_by_and_count_what_they_leave_out() -> None:
    rows = []
    for n in range(120):
        facts = {
            "source": "people" if n % 3 else "judges", "language": "en" if n % 2 else "de", "topic": "law",
            "tags": [("hard", "")] if n % 4 == 0 else [("domain", "code" if n % 5 else "maths")],
        }  # fmt: skip
        if n > 116:
            facts["language"] = "fr"
        right = n % 3 > 0
        rows.append({"a": float(right), "b": 0.5, "soft": 0.6 + 0.4 * (n % 2), "strength": float(n % 3), "asked": n,
                     "by_a": "big", "by_b": f"small-{n % 2}", "facts": facts})  # fmt: skip
    card = reward_card(gathered(rows), 0.95)
    shown = {(one.by, one.tag): one for one in card.breakdowns}
    assert set(shown) == {
        ("label", ""), ("strength", ""), ("source", ""), ("met", ""), ("language", ""),
        ("tag", ""), ("tag", "domain"), ("prompt_length", ""),
    }  # fmt: skip
    assert {one.name: one.accuracy.value for one in shown["source", ""].slices} == {"people": 1.0, "judges": 0.0}
    assert [one.name for one in shown["language", ""].slices] == ["de", "en"] and shown["language", ""].left_out == 3
    assert [one.name for one in shown["tag", ""].slices] == ["hard"]
    assert (shown["language", ""].beyond, shown["language", ""].unknown) == (0, 0)
    assert (shown["tag", "domain"].left_out, shown["tag", "domain"].unknown) == (0, 30)
    assert [one.accuracy.of for one in shown["prompt_length", ""].slices] == [24] * 5
    assert card.accuracy.value == pytest.approx(2 / 3) and card.counts.decided == 120
    assert card.rewards is not None and sum(card.rewards.histogram.counts["chosen"]) == 120


def test_what_is_in_no_row_is_counted_by_why() -> None:
    rows = []
    for n in range(200):
        topic = "" if n < 20 else "rare" if n < 24 else f"topic {n % 22}"
        tags = [("odd", "")] if n < 3 else [("odd", ""), ("hard", "")] if n == 3 else [("hard", "")] if n < 60 else []
        rows.append({"a": 1.0, "b": n % 2, "facts": {"topic": topic, "tags": tags}})
    rows.append({"a": 1.0, "b": 0.0, "soft": 0.5, "facts": {"tags": [("odd", "")]}})  # undecided: nowhere counted
    shown = {(one.by, one.tag): one for one in reward_card(gathered(rows), 0.95).breakdowns}
    topics, flags = shown["topic", ""], shown["tag", ""]
    assert len(topics.slices) == 20 and (topics.left_out, topics.beyond, topics.unknown) == (4, 16, 20)
    assert sum(one.accuracy.of for one in topics.slices) == 200 - 4 - 16 - 20
    # The one pair with both tags is in a row, and in one that is too small.
    assert [(one.name, one.accuracy.of) for one in flags.slices] == [("hard", 57)]
    assert (flags.left_out, flags.beyond, flags.unknown) == (4, 0, 140)


def test_a_card_of_nothing_is_a_card() -> None:
    card = reward_card(Gathered(), 0.95)
    assert card.counts.pairs == 0 and card.accuracy.value is None and card.calibration is None and card.rewards is None
    assert type(card).model_validate_json(card.model_dump_json()) == card
    one = reward_card(gathered([{"a": 1.0, "b": 0.0}]), 0.95)
    assert one.accuracy.value == 1.0 and one.baselines[0].lead.low is None
    assert type(one).model_validate_json(one.model_dump_json()) == one


def test_spreads_and_histograms_keep_every_number() -> None:
    values = RNG.normal(size=500)
    assert spread(values).quantiles[2] == pytest.approx(np.median(values))
    found = histogram({"one": values, "two": values + 1})
    assert sum(found.counts["one"]) == 500 and len(found.edges) == len(found.counts["one"]) + 1
    assert sum(histogram({"one": np.ones(3)}).counts["one"]) == 3


def test_scores_are_correlated_by_rank_and_thumbs_by_who_stands_above() -> None:
    from sklearn.metrics import roc_auc_score

    reward, score = RNG.normal(size=200), RNG.integers(0, 5, 200) / 4
    found = correlation(reward + score, score, np.arange(200), 0.95)
    assert found.value == pytest.approx(spearmanr(reward + score, score).statistic, abs=1e-9)
    assert found.low < found.value < found.high  # type: ignore[operator]
    assert correlation(reward, np.ones(200), np.arange(200), 0.95).value is None
    assert correlation(reward[:1], score[:1], np.arange(1), 0.95).value is None

    wanted = (score > 0.5).astype(float)
    told = thumbs(reward + score, wanted, np.arange(200), 0.95)
    assert told is not None and told.auc.value == pytest.approx(roc_auc_score(wanted, reward + score))
    assert told.wanted.value == pytest.approx(wanted.mean())
    assert thumbs(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64), 0.95) is None
