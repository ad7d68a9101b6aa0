"""A reward model on held-out pairs: scored some hundred items at a time, and what its card says in short."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from common.words import gettext_noop as _
from lm.chat import text_of
from lm.heads import mixed, reading_of
from lm.loading import Loaded
from lm.scoring import Conversation, member_scores, numbers, score
from training_bridge.evaluation.held_out import HeldOut, HeldOutItem
from training_bridge.evaluation.told import told_one_by_one
from training_bridge.evaluation.watching import AT_ONCE, Watch, pieces
from training_bridge.methods.interface import Context
from training_bridge.report_cards import REPORT, Report, RewardCard, write_report
from training_bridge.report_cards.pairs import Gathered, Response
from training_bridge.report_cards.parts import Share
from training_bridge.report_cards.rewards import reward_card
from training_bridge.trainer.judged import Messages


def card_of_reward(
    context: Context,
    loaded: Loaded,
    snapshot: Path,
    *,
    max_length: int,
    confidence: float = 0.95,
    tokens: dict[str, float] | None = None,
) -> RewardCard | None:
    """The card of a reward model; None where the snapshot holds nothing out and nothing is known of tokens.

    Raises Cancelled.
    """
    held_out, pairs = HeldOut(snapshot), Gathered()
    watch = Watch(context, _("Held-out pairs scored so far: %(count)s"))
    for items in pieces(held_out, AT_ONCE):
        watch.at(len(pairs))
        gather(pairs, loaded, items, max_length=max_length)
    thumbs, aspects = told_one_by_one(context, loaded, snapshot, max_length, confidence)
    if not (len(pairs) or tokens or thumbs or aspects):
        return None
    card = reward_card(pairs, confidence, held_out.won, tokens)
    return card.model_copy(update={"thumbs": thumbs, "aspects": aspects})


def reported(
    context: Context, loaded: Loaded, snapshot: Path, *, max_length: int, tokens: dict[str, float] | None = None
) -> tuple[dict[str, Any], Path | None]:
    """Measures a reward model at the end of its training: the figures for the run's result, and report.json."""
    card = card_of_reward(context, loaded, snapshot, max_length=max_length, tokens=tokens)
    if card is None:
        return {}, None
    return (tokens or {}) | in_short(card), write_report(context.output / REPORT, Report(reward=card))


def in_short(card: RewardCard) -> dict[str, Any]:
    """Figures by name for a run's result: accuracy beside "the longer one wins" and people among themselves."""
    values: dict[str, Any] = {"pairs": card.counts.decided} if card.counts.pairs else {}
    if card.counts.decided:
        values |= named("reward_accuracy", card.accuracy)
        values |= named("longer_wins", next(one.share for one in card.baselines if one.name == "longer"))
    if card.agreement.people.of:
        values |= named("human_agreement", card.agreement.people)
    if card.calibration is not None:
        values["calibration_error"] = card.calibration.error.value
    return values


def named(name: str, share: Share) -> dict[str, Any]:
    return {name: share.value, f"{name}_ci": [share.low, share.high]}


def gather(pairs: Gathered, loaded: Loaded, items: Sequence[HeldOutItem], *, max_length: int) -> None:
    """Scores every response of the items once, and adds their pairs."""
    asked = [(item.prompt, response) for item in items for response in item.responses]
    scored = zip(*scores(loaded, asked, max_length=max_length), strict=True)
    for item in items:
        seen = []
        for response, author in zip(item.responses, item.authors, strict=True):
            reward, members = next(scored)
            seen.append(Response(reward, length(response), author, members))
        pairs.item(item.group, seen)
        for relation, facts in item.pairs:
            pairs.pair(
                seen[relation.better],
                seen[relation.worse],
                soft=relation.soft,
                strength=relation.strength,
                prompt_length=length(item.prompt),
                facts=facts,
            )


def scores(
    loaded: Loaded, asked: Sequence[Conversation], *, max_length: int
) -> tuple[list[float], list[Sequence[float]]]:
    """The reward of each conversation and, of an ensemble, what each member says, on the scale it is mixed on."""
    reading = reading_of(loaded.model)
    if loaded.combined is not None or reading.get("kind") != "ensemble":
        return score(loaded, asked, max_length=max_length), [()] * len(asked)
    members = member_scores(loaded, asked, max_length=max_length)
    return numbers(mixed(torch.tensor(members), reading).tolist()), [*members]


def length(messages: Messages) -> int:
    """Characters."""
    return sum(len(text_of(message)) for message in messages)
