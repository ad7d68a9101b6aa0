"""Report cards of real tiny models: what a run writes, and that its figures are those of the models."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.errors import Invalid
from lm.loading import load_causal, load_reward, save
from lm.scoring import score
from tests.methods import lessons, small
from tests.training_bridge import cards
from training_bridge.evaluation import watching
from training_bridge.evaluation.evaluating import _in_short as in_short
from training_bridge.evaluation.held_out import HeldOut
from training_bridge.evaluation.measuring import scores
from training_bridge.methods.evaluate import METHOD as EVALUATE
from training_bridge.methods.evaluate import EvaluateConfig
from training_bridge.methods.interface import Cancelled, ModelFolder, Refused, Result
from training_bridge.methods.reward_ensemble import METHOD as ENSEMBLE
from training_bridge.methods.reward_ensemble import RewardEnsembleConfig
from training_bridge.methods.reward_model import METHOD as REWARD_MODEL
from training_bridge.methods.reward_model import RewardModelConfig
from training_bridge.methods.reward_spans import METHOD as SPANS
from training_bridge.methods.reward_spans import RewardSpansConfig
from training_bridge.methods.sft import METHOD as SFT
from training_bridge.methods.sft import SFTConfig
from training_bridge.report_cards import REPORT, PolicyCard, RewardCard, read_report
from training_bridge.report_cards.resampling import NOTHING

QUICK = {"learning_rate": 2e-3, "epochs": 3, "batch_size": 4, "max_length": 64}


def around(folder: Path) -> Path:
    """Circumstances of the pairs in a folder: who voted, which models met, what the prompts are."""
    rows = lessons.lines(folder / "preferences.jsonl")
    said = [
        {
            "pair_id": row["pair_id"], "split": row["split"], "source": "people" if n % 2 else "import",
            "language": "en", "topic": "", "cohort": "", "tags": [["place", "shop"]],
            "authors": ["big", "small"], "votes": [2, 1, 0] if n % 2 else [2, 0, 0],
        }
        for n, row in enumerate(rows)
    ]  # fmt: skip
    small.write_lines(folder / "circumstances.jsonl", said)
    return folder


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred pairs, a sixth held out."""
    return around(small.snapshot(tmp_path_factory.mktemp("judged"), pairs=120))


@pytest.fixture(scope="module")
def reward(policy: Path, judged: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    context = small.context(tmp_path_factory.mktemp("reward"), base=small.base(str(policy)), snapshot=judged)
    return REWARD_MODEL.train(context, RewardModelConfig(**QUICK))


@pytest.fixture(scope="module")
def tuned(policy: Path, judged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    context = small.context(tmp_path_factory.mktemp("tuned"), base=small.base(str(policy)), snapshot=judged)
    made = SFT.train(context, SFTConfig(**QUICK)).model
    assert made is not None
    return Path(made.path)


def reward_card(result: Result) -> RewardCard:
    assert result.report is not None
    card = read_report(result.report).reward
    assert card is not None
    return card


def policy_card(result: Result) -> PolicyCard:
    assert result.report is not None
    card = read_report(result.report).policy
    assert card is not None
    return card


def test_training_a_reward_model_ends_with_its_card(reward: Result, judged: Path) -> None:
    card = reward_card(reward)
    held_out = [row for row in lessons.lines(judged / "preferences.jsonl") if row["split"] == "test"]
    assert card.counts.pairs == card.accuracy.of == len(held_out) == 20
    assert reward.values["reward_accuracy"] == card.accuracy.value == 1.0
    assert reward.values["reward_accuracy_ci"] == [card.accuracy.low, card.accuracy.high]
    assert {one.name: one.share.value for one in card.baselines} == {
        "longer": 1.0, "shorter": 0.0, "coin": 0.5, "author": 1.0,
    }  # fmt: skip
    # Every sixth row is held out, which is every even one: two people, who agree.
    assert card.agreement.people.of == 20 and card.agreement.people.value == 1.0
    assert reward.values["human_agreement"] == 1.0
    assert card.rewards is not None and card.rewards.lead.mean > 0
    assert card.length.model_chooses_longer.value == 1.0 and card.calibration is not None
    assert card.tokens is None and card.disagreement is None


def test_rewards_on_the_card_are_those_of_the_saved_model(reward: Result, judged: Path) -> None:
    assert reward.model is not None
    loaded = load_reward(reward.model.path)
    items = list(HeldOut(judged))
    both = [score(loaded, [(one.prompt, response) for response in one.responses], max_length=64) for one in items]
    lead = np.array(both) @ np.array([1.0, -1.0])
    card = reward_card(reward)
    assert card.rewards is not None and card.rewards.lead.mean == pytest.approx(lead.mean(), abs=1e-4)


def test_held_out_items_bring_their_circumstances_and_the_training_split_only_counts(judged: Path) -> None:
    held_out = HeldOut(judged)
    items = list(held_out)
    assert len(items) == 20 and all(len(one.responses) == 2 for one in items)
    assert items[0].authors == ["big", "small"] and items[0].group == "0"
    facts = items[0].pairs[0][1]
    assert (facts.source, facts.votes, list(facts.tags)) == ("import", (2, 0, 0), [("place", "shop")])
    train = [row for row in lessons.lines(judged / "preferences.jsonl") if row["split"] == "train"]
    wins, met = held_out.won["big"]
    assert met == len(train) and wins == pytest.approx(sum(row["soft"] for row in train))


def test_a_snapshot_from_before_circumstances_has_a_card_that_says_so(
    policy: Path, pairs: Path, tmp_path: Path
) -> None:
    context = small.context(tmp_path / "out", base=small.base(str(policy)), snapshot=pairs)
    card = reward_card(REWARD_MODEL.train(context, RewardModelConfig(**QUICK)))
    assert card.agreement.why_not == "not_in_snapshot" and card.agreement.people.value is None
    assert [one.name for one in card.baselines] == ["longer", "shorter", "coin"]
    assert next(iter(HeldOut(pairs))).pairs[0][1].source == "people"


def test_an_ensembles_card_has_its_members_and_its_reward_is_what_it_is_read_as(policy: Path, tmp_path: Path) -> None:
    judged = lessons.snapshot(tmp_path / "snapshot", items=36)
    context = small.context(tmp_path / "out", base=small.base(str(policy)), snapshot=judged)
    result = ENSEMBLE.train(context, RewardEnsembleConfig(**QUICK, members=3))
    card = reward_card(result)
    assert card.disagreement is not None and len(card.disagreement.members) == 3
    assert card.counts.undecided == 0 and card.counts.responses == 18 and card.counts.prompts == 6
    assert result.model is not None
    loaded = load_reward(result.model.path)
    asked = [(small.asked(n), small.said(text)) for n, text in enumerate((small.GOOD, small.BAD))]
    rewards, members = scores(loaded, asked, max_length=64)
    assert rewards == pytest.approx(score(loaded, asked, max_length=64), abs=1e-5)
    cautious = np.mean(members, 1) - 0.5 * np.var(members, 1)
    assert rewards == pytest.approx(cautious.tolist(), abs=1e-4)


def test_a_card_of_marks_has_its_tokens(policy: Path, tmp_path: Path) -> None:
    judged = lessons.snapshot(tmp_path / "snapshot")
    context = small.context(tmp_path / "out", base=small.base(str(policy)), snapshot=judged)
    card = reward_card(SPANS.train(context, RewardSpansConfig(**QUICK, segments="token")))
    assert card.tokens is not None and {"token_accuracy", "all_fine_accuracy"} <= card.tokens.keys()


def test_thumbs_and_scores_are_held_against_rewards_where_there_are_no_pairs(policy: Path, tmp_path: Path) -> None:
    from training_bridge.methods.reward_thumbs import METHOD as THUMBS
    from training_bridge.methods.reward_thumbs import RewardThumbsConfig

    judged = lessons.snapshot(tmp_path / "snapshot", items=36)
    small.write_lines(judged / "preferences.jsonl", [])
    context = small.context(tmp_path / "out", base=small.base(str(policy)), snapshot=judged)
    result = THUMBS.train(context, RewardThumbsConfig(**QUICK))
    card = reward_card(result)
    assert card.counts.pairs == 0 and card.accuracy.value is None and "reward_accuracy" not in result.values
    assert card.thumbs is not None and card.thumbs.responses == 12
    assert card.thumbs.wanted.value == pytest.approx(0.55)
    assert card.thumbs.auc.value > 0.7  # type: ignore[operator]
    assert card.aspects is not None and set(card.aspects) == {"polite", "right"}
    assert card.aspects["polite"].of == 18 and card.aspects["right"].of == 12
    measured = evaluated(tmp_path / "again", {"max_length": 64}, snapshot=judged, reward=result.model)
    assert reward_card(measured) == card


def evaluated(room: Path, config: dict[str, Any] | None = None, **given: Any) -> Result:
    return EVALUATE.train(small.context(room, **given), EvaluateConfig(**({"max_new_tokens": 24} | (config or {}))))


def test_a_policys_card_stands_beside_its_reference(
    policy: Path, tuned: Path, reward: Result, judged: Path, tmp_path: Path
) -> None:
    given = {"snapshot": judged, "base": small.base(str(tuned)), "reference": small.base(str(policy))}
    result = evaluated(tmp_path, {"samples": 3}, **given, reward=reward.model)
    card = policy_card(result)
    assert reward_card(result).accuracy.of == 20

    # Taught what people preferred, it finds that likelier than its reference does, and says it more often.
    assert card.preference is not None and card.preference.accuracy.value == 1.0
    assert card.likelihood is not None and card.likelihood.reference_chosen is not None
    assert card.likelihood.chosen.value > card.likelihood.reference_chosen.value  # type: ignore[operator]
    assert card.divergence is not None and card.divergence.exact
    assert card.divergence.k3.value > 0 and card.divergence.why_not == ""  # type: ignore[operator]
    assert card.win_rate is not None and card.win_rate.rate.value > 0.6  # type: ignore[operator]
    assert card.win_rate.wins + card.win_rate.draws + card.win_rate.losses == 60
    assert card.asked is not None and (card.asked.prompts, card.asked.samples) == (20, 3)
    assert card.policy is not None and card.reference is not None
    assert card.policy.diversity.words == card.reference.diversity.words
    assert card.policy.diversity.self_similarity.value > card.reference.diversity.self_similarity.value  # type: ignore[operator]
    assert [one.n for one in card.best_of] == [1, 2, 3]
    assert all(after.proxy >= before.proxy - 1e-9 for before, after in pairwise(card.best_of))
    assert card.best_of[0].kl == 0

    values = result.values
    assert values["win_rate"] == card.win_rate.rate.value and values["implicit_accuracy"] == 1.0
    assert values["kl"] == card.divergence.k3.value and values["prompts"] == 20
    rows = [json.loads(line) for line in (tmp_path / values["samples"]).read_text().splitlines()]
    assert len(rows) == 60 and [row["sample"] for row in rows[:3]] == [0, 1, 2]
    assert np.mean([row["win"] for row in rows]) == pytest.approx(values["win_rate"])
    assert card.best_of[0].proxy == pytest.approx(np.mean([row["reward"] for row in rows]))


def test_a_result_names_no_figure_that_was_not_measured() -> None:
    card = cards.of_policy()
    assert card.win_rate is not None and in_short(card)["length_controlled_win_rate"] == 0.6
    unlike = card.win_rate.model_copy(update={"length_controlled": NOTHING})
    found = in_short(card.model_copy(update={"win_rate": unlike}))
    assert found["win_rate"] == 0.72 and None not in found.values() and "length_controlled_win_rate" not in found


def test_log_probabilities_on_the_card_are_the_models_own(policy: Path, judged: Path, tmp_path: Path) -> None:
    """The log-likelihood of what people preferred, by the model's own logits, one row at a time."""
    import torch

    from lm.chat import encode

    card = policy_card(evaluated(tmp_path, {"prompts": 2}, snapshot=judged, base=small.base(str(policy))))
    loaded, total, count = load_causal(str(policy)), 0.0, 0
    for item in HeldOut(judged):
        tokens = encode(loaded.tokenizer, item.prompt, [item.responses[0]], 1024)
        ids = torch.tensor([tokens.prompt + tokens.responses[0]])
        with torch.no_grad():
            logps = loaded.model(ids).logits[0].log_softmax(-1)
        start = len(tokens.prompt)
        total += sum(float(logps[at - 1, ids[0, at]]) for at in range(start, ids.shape[1]))
        count += ids.shape[1] - start
    assert card.likelihood is not None and card.likelihood.chosen.value == pytest.approx(total / count, abs=1e-4)


def test_a_policy_against_itself_is_nowhere_else(policy: Path, judged: Path, tmp_path: Path) -> None:
    both = small.base(str(policy))
    card = policy_card(evaluated(tmp_path, snapshot=judged, base=both, reference=both))
    assert card.divergence is not None and card.divergence.k3.value == pytest.approx(0, abs=1e-6)
    assert card.divergence.log_ratio.value == pytest.approx(0, abs=1e-5)
    assert card.preference is not None and card.preference.margin.value == pytest.approx(0, abs=1e-4)
    assert card.policy == card.reference and card.win_rate is None and card.best_of == ()


def test_alone_a_policy_still_has_a_card(policy: Path, judged: Path, tmp_path: Path) -> None:
    card = policy_card(evaluated(tmp_path, {"samples": 1}, snapshot=judged, base=small.base(str(policy))))
    assert card.preference is None and card.reference is None
    assert card.divergence is not None and card.divergence.why_not == "no_reference"
    assert card.policy is not None and card.policy.diversity.why_not == "one_sample"


def test_a_reference_with_other_tokens_is_compared_by_what_it_says_only(
    policy: Path, judged: Path, tmp_path: Path
) -> None:
    from training_bridge.methods.pretrain import METHOD as PRETRAIN
    from training_bridge.methods.pretrain import PretrainConfig

    text = {"text": str(small.text(tmp_path / "text.jsonl", documents=30))}
    other = PRETRAIN.train(
        small.context(tmp_path / "other", input=text),
        PretrainConfig(**(small.SHAPE | {"vocabulary": 300}), epochs=1),
    ).model
    card = policy_card(
        evaluated(tmp_path / "out", {"prompts": 3}, snapshot=judged, base=small.base(str(policy)), reference=other)
    )
    assert card.divergence is not None and card.divergence.why_not == "other_tokens"
    assert card.preference is None and card.reference is not None and card.likelihood is not None


def test_sampling_otherwise_than_the_policy_speaks_is_said(policy: Path, judged: Path, tmp_path: Path) -> None:
    both = small.base(str(policy))
    given = {"snapshot": judged, "base": both, "reference": both}
    card = policy_card(evaluated(tmp_path, {"temperature": 0.5, "prompts": 2}, **given))
    assert card.divergence is not None and not card.divergence.exact


def test_prompts_of_a_file_are_asked_each_as_often_as_configured(policy: Path, tmp_path: Path) -> None:
    rows = [{"id": f"p{n}", "messages": small.asked(n)} for n in range(4)]
    file = {"prompts": str(small.write_lines(tmp_path / "prompts.jsonl", rows))}
    first = evaluated(tmp_path / "one", {"prompts": 3}, base=small.base(str(policy)), input=file)
    again = evaluated(tmp_path / "two", {"prompts": 3, "batch_size": 2}, base=small.base(str(policy)), input=file)
    assert first.values == again.values and first.values["prompts"] == 3
    assert first.report is not None and again.report is not None
    assert first.report.read_bytes() == again.report.read_bytes()
    said = [json.loads(line) for line in (tmp_path / "one" / "samples.jsonl").read_text().splitlines()]
    assert [(row["id"], row["sample"]) for row in said] == [(f"p{n}", k) for n in range(3) for k in range(2)]


def test_it_stops_when_asked_and_says_what_is_missing(
    policy: Path, judged: Path, reward: Result, tmp_path: Path
) -> None:
    base = small.base(str(policy))
    with pytest.raises(Cancelled):
        evaluated(tmp_path / "a", snapshot=judged, base=base, stop_requested=lambda: True)
    assert not (tmp_path / "a" / REPORT).exists()
    for given in ({"reward": reward.model}, {"base": base}, {"snapshot": judged}):
        with pytest.raises(Refused, match="nothing to measure"):
            evaluated(tmp_path / "b", **given)


def test_comparing_by_a_reward_model_stops_when_asked(policy: Path, reward: Result, tmp_path: Path) -> None:
    prompts = small.write_lines(tmp_path / "prompts.jsonl", [{"id": "1", "messages": small.asked(1)}])
    reports: list[tuple[str, Any]] = []
    with pytest.raises(Cancelled):
        evaluated(
            tmp_path / "run", {"max_new_tokens": 4}, base=small.base(str(policy)), reward=reward.model,
            input={"prompts": str(prompts)}, reports=reports,
            stop_requested=lambda: ("phase", "The reward model compares them") in reports,
        )  # fmt: skip


def test_what_is_scored_is_said_by_its_name(reward: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "SECONDS", 0)
    reports: list[tuple[str, Any]] = []
    evaluated(
        tmp_path / "run", {"max_length": 64}, snapshot=lessons.snapshot(tmp_path / "snapshot"), reward=reward.model,
        reports=reports,
    )  # fmt: skip
    said = [words for kind, words in reports if kind == "phase"]
    told = "Held-out responses with thumbs or scores, scored so far: 0"
    assert said.count("Held-out pairs scored so far: 0") == said.count(told) == 1


def test_a_folder_that_is_given_as_reward_is_measured_as_it_is_read(
    judged: Path, reward: Result, tmp_path: Path
) -> None:
    assert reward.model is not None
    result = evaluated(tmp_path, {"max_length": 64}, snapshot=judged, reward=ModelFolder(reward.model.path, "reward"))
    assert reward_card(result) == reward_card(reward)


@pytest.mark.parametrize("reads", ["held-out pairs", "its own answers"])
def test_a_policy_whose_weights_are_damaged_is_refused(reads: str, policy: Path, judged: Path, tmp_path: Path) -> None:
    damaged = load_causal(str(policy))
    damaged.model.get_input_embeddings().weight.data.fill_(float("nan"))
    save(damaged, tmp_path / "damaged")
    prompts = small.write_lines(tmp_path / "prompts.jsonl", [{"id": "1", "messages": small.asked(1)}])
    given: dict[str, Any] = {"snapshot": judged} if reads == "held-out pairs" else {"input": {"prompts": str(prompts)}}
    models = {"base": small.base(str(tmp_path / "damaged")), "reference": small.base(str(policy))}
    with pytest.raises(Invalid, match="no numbers"):
        EVALUATE.train(small.context(tmp_path / "run", **models, **given), EvaluateConfig(max_new_tokens=4))
