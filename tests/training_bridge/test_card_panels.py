"""The panels that cards become: what was measured, and why the rest was not, by cards alone."""

from typing import Any

import numpy as np
import pytest

from tests.training_bridge import cards
from training_bridge.card_pages import policy_panels, reward_panels
from training_bridge.card_pages.panels import NONE, REASONS, interval_cells, mean_words
from training_bridge.report_cards import PolicyCard, RewardCard
from training_bridge.report_cards.beside import correlation, thumbs
from training_bridge.report_cards.pairs import Gathered
from training_bridge.report_cards.parts import Mean
from training_bridge.report_cards.policies import empty_divergence
from training_bridge.report_cards.resampling import NOTHING
from training_bridge.report_cards.reward import Breakdown
from training_bridge.report_cards.rewards import reward_card


@pytest.fixture(scope="module")
def of_reward() -> RewardCard:
    return cards.of_reward(40, members=3)


def test_what_a_policy_learnt_is_missing_for_the_reason_that_is_true() -> None:
    whole = cards.of_policy()
    assert whole.likelihood is not None
    alone = whole.likelihood.model_copy(update={"reference_chosen": None, "reference_rejected": None})
    none: dict[str, Any] = {"preference": None}
    for changed, why in (
        ({"likelihood": None}, REASONS["no_pairs"]),
        ({"likelihood": alone, "divergence": empty_divergence("no_reference")}, REASONS["no_reference"]),
        ({"likelihood": alone, "divergence": empty_divergence("other_tokens")}, REASONS["other_tokens"]),
        ({}, "Of no held-out pair one response was preferred"),
    ):
        panels = {panel.title: panel for panel in policy_panels(whole.model_copy(update=none | changed))}
        panel = panels["What it learnt of people's choices"]
        assert panel.missing.startswith(why) and panel.again
    unasked = {panel.title: panel for panel in policy_panels(whole.model_copy(update={"divergence": None}))}
    assert unasked["How far it went from its reference (KL)"].missing == REASONS["no_samples"]


def test_people_who_never_judged_the_same_are_no_bar(of_reward: RewardCard) -> None:
    alone = cards.of_reward(20, doubled=False)
    doubled, single = reward_panels(of_reward), reward_panels(alone)
    assert "One person against the other people" in [bar.name for bar in doubled[0].bars]
    assert "One person against the other people" not in [bar.name for bar in single[0].bars]
    assert single[1].missing == REASONS["nobody_doubled"] and not single[1].again


def test_a_card_without_pairs_or_with_reasons_of_a_newer_version_still_reads(of_reward: RewardCard) -> None:
    nothing = RewardCard.model_validate(
        cards.of_reward(0).model_dump() | {"tokens": {"faults_found": 0.4, "faults": 9}}
    )
    assert [panel.missing for panel in reward_panels(nothing)] == [REASONS["no_pairs"], ""]
    whole = cards.of_policy().model_dump() | {"a newer part": {"x": 1}}
    panels = {panel.title: panel for panel in policy_panels(PolicyCard.model_validate(whole))}
    assert len(panels) == 9 and ("Max new tokens", "64") in panels["How responses end"].facts
    one_sample = cards.of_policy()
    assert one_sample.policy is not None
    silent = one_sample.policy.diversity.model_copy(update={"why_not": "one_sample"})
    card = one_sample.model_copy(update={"policy": one_sample.policy.model_copy(update={"diversity": silent})})
    assert REASONS["one_sample"] in [panel.note for panel in policy_panels(card)]


def test_reasons_breakdowns_and_baselines_of_a_newer_version_are_shown_as_they_stand(of_reward: RewardCard) -> None:
    newer = of_reward.model_dump()
    newer["agreement"]["why_not"] = "a newer reason"
    newer["breakdowns"][0]["by"] = "a newer thing"
    newer["baselines"][0]["name"] = "a newer baseline"
    panels = {panel.title: panel for panel in reward_panels(RewardCard.model_validate(newer))}
    assert panels["Beside people"].missing == "a newer reason" and "a newer thing" in panels
    assert "a newer baseline" in [bar.name for bar in panels["Held-out accuracy"].bars]
    policy = cards.of_policy().model_dump()
    policy["divergence"]["why_not"] = "a newer reason"
    assert "a newer reason" in [panel.missing for panel in policy_panels(PolicyCard.model_validate(policy))]


def test_a_win_rate_without_one_at_equal_length_says_why() -> None:
    card = cards.of_policy()
    assert card.win_rate is not None
    given = policy_panels(card)[0]
    assert [dot.name for dot in given.dots] == ["Wins", "Wins at equal length"]
    assert REASONS["unlike_lengths"] not in given.note
    unlike = {"length_controlled": NOTHING, "why_not": "unlike_lengths"}
    panel = policy_panels(card.model_copy(update={"win_rate": card.win_rate.model_copy(update=unlike)}))[0]
    assert [dot.name for dot in panel.dots] == ["Wins"] and REASONS["unlike_lengths"] in panel.note
    assert panel.table is not None and panel.table.rows[1] == ["Wins at equal length", NONE, NONE]


def test_pairs_in_no_row_are_told_by_why_and_of_older_cards_in_one(of_reward: RewardCard) -> None:
    rows = of_reward.breakdowns[0].model_dump() | {"by": "topic", "left_out": 4}
    older = rows | {"beyond": None, "unknown": None}
    del older["beyond"], older["unknown"]  # as version 1 stored it
    notes = []
    for found in (rows | {"beyond": 16, "unknown": 20}, rows | {"beyond": 0, "unknown": 0}, older):
        card = RewardCard.model_validate(of_reward.model_dump() | {"version": 1, "breakdowns": [found]})
        notes.append(next(panel.note for panel in reward_panels(card) if panel.title == "By topic"))
    small, beyond = "Pairs in rows too small to say anything: 4.", "Pairs in rows beyond the largest: 16."
    unknown = "Pairs that have none, or of which it is not known: 20."
    assert notes == [f"{small} {beyond} {unknown}", small, "Pairs that are in no row: 4."]


def test_strengths_are_written_as_short_as_other_figures(of_reward: RewardCard) -> None:
    mean = next(one for one in of_reward.breakdowns if one.by == "strength").slices[0]
    thirds = Breakdown(by="strength", slices=(mean.model_copy(update={"name": "2.66667"}),), left_out=0)
    panels = reward_panels(of_reward.model_copy(update={"breakdowns": (thirds,)}))
    [panel] = [one for one in panels if one.title == "By the strength of the preference"]
    assert [dot.name for dot in panel.dots] == ["2.67"]


def test_a_figure_of_one_prompt_is_told_without_an_interval() -> None:
    alone = Mean(value=0.5, low=None, high=None, of=3)
    assert interval_cells("Wins", alone) == ["Wins", "0.5", NONE] and mean_words(alone) == "0.5"


def test_a_card_without_pairs_says_what_thumbs_and_scores_tell() -> None:
    told = thumbs(np.array([2.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0]), np.arange(3), 0.95)
    scores = {"polite": correlation(np.arange(5.0), np.arange(5.0), np.arange(5), 0.95)}
    card = reward_card(Gathered(), 0.95).model_copy(update={"thumbs": told, "aspects": scores})
    missing, beside_thumbs, beside_scores = reward_panels(card)
    assert missing.missing and beside_thumbs.facts[0][1] == "3" and beside_thumbs.bars[0].value == 1
    assert beside_scores.table is not None and beside_scores.table.rows == [["polite", "1 (0.131 to 1)", "5"]]


def test_thumbs_and_scores_are_drawn_with_their_intervals() -> None:
    told = cards.of_reward(0).model_dump() | {
        "thumbs": {
            "auc": {"value": 0.75, "low": 0.5, "high": 1.0, "of": 32},
            "wanted": {"value": 0.4, "low": None, "high": None, "of": 32},
            "responses": 32,
        },
        "aspects": {
            "polite": {"value": -0.25, "low": -0.5, "high": 0.0, "of": 30},
            "never": {"value": None, "low": None, "high": None, "of": 0},
        },
    }
    panels = {panel.title: panel for panel in reward_panels(RewardCard.model_validate(told))}
    thumbs, scores = panels["Beside thumbs"], panels["Beside scores"]
    assert [(bar.value, bar.low, bar.high) for bar in thumbs.bars] == [(0.75, 0.5, 1.0), (0.5, None, None)]
    assert thumbs.table is not None and thumbs.table.rows == [["This reward model", "75.0% (50.0% to 100.0%)"]]
    assert thumbs.facts == [("Responses with thumbs", "32"), ("Wanted by people", "40.0%")]
    assert [(dot.name, dot.value, dot.low) for dot in scores.dots] == [("polite", -0.25, -0.5)] and not scores.shares
    assert scores.table is not None and [row[0] for row in scores.table.rows] == ["polite", "never"]
