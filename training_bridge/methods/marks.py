"""Marked faults as a class for every token."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from common.words import gettext_noop as _
from lm.chat import encode, response_places, text_of
from lm.loading import Loaded
from training_bridge.methods.groups import PromptGroup
from training_bridge.methods.interface import Refused
from training_bridge.methods.judged import Judged, Span
from training_bridge.methods.losses.heads import IGNORED
from training_bridge.methods.measured import Rewards

if TYPE_CHECKING:
    from training_bridge.methods.reward_spans import RewardSpans, RewardSpansConfig

FINE = "fine"
ENDS = {"sentence": r"[.!?…。！？]+[\"')\]]*(?=\s|$)|\n+", "clause": r"[.!?…,;:。！？，；：]+[\"')\]]*(?=\s|$)|\n+"}
LEAST_WORDS = 5  # of a clause, as in the paper: shorter ones go with the next


def kinds_of(judged: Sequence[Judged]) -> tuple[str, ...]:
    """ "fine", then every type of fault that was marked, by name."""
    return (FINE, *sorted({span.category for item in judged for span in item.spans}))


def marked_groups(
    tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: "RewardSpansConfig", kinds: tuple[str, ...]
) -> list[PromptGroup]:
    """Items with responses that were read for faults; a group weighs its labelled tokens. Types not in `kinds` are
    nobody's word. Raises Refused where nothing was read, or nothing found: one kind alone cannot be told apart."""
    if len(kinds) < 2:
        raise Refused(_("No fault is marked in the snapshot's training split: there is nothing to tell apart."))
    groups = []
    for item in judged:
        if not item.marked:
            continue
        tokens = encode(tokenizer, item.prompt, item.responses, config.max_length)
        classes = []
        for place, ids in enumerate(tokens.responses):
            places = response_places(tokenizer, item.prompt, item.responses[place])[: len(ids)]
            spans = [span for span in item.spans if span.response == place]
            text = text_of(item.responses[place][-1])
            read = place in item.marked
            classes.append(_classes(text, places, spans, kinds, config.segments) if read else [IGNORED] * len(ids))
        labelled = sum(one != IGNORED for row in classes for one in row)
        if labelled:
            groups.append(PromptGroup(tokens.prompt, tokens.responses, float(labelled), classes=classes, kinds=kinds))
    if not groups:
        raise Refused(_("No response of the snapshot's training split was read for faults."))
    return groups


def _classes(
    text: str, places: Sequence[tuple[int, int]], spans: Sequence[Span], kinds: tuple[str, ...], segments: str
) -> list[int]:
    """The class of each token: that of the shortest mark on its segment; IGNORED for what is no part of the text."""
    covered = sorted((_covered(text, span, segments) for span in spans), key=lambda one: one[0] - one[1])
    found = []
    for start, end in places:
        if start == end:
            found.append(IGNORED)
            continue
        kind = FINE
        for low, high, category in covered:  # longest first, so the shortest has the last word
            kind = category if start < high and low < end else kind
        found.append(kinds.index(kind) if kind in kinds else IGNORED)
    return found


def _covered(text: str, span: Span, segments: str) -> tuple[int, int, str]:
    if segments == "token":
        return span.start, max(span.end, span.start + 1), span.category
    end = max(span.end, span.start + 1)  # an insertion point marks what follows it
    touched = [(low, high) for low, high in cut(text, segments) if low < end and span.start < high]
    if not touched:
        return span.start, span.end, span.category
    return touched[0][0], touched[-1][1], span.category


def cut(text: str, segments: str) -> list[tuple[int, int]]:
    """The sentences or clauses of a text, end to end."""
    found = list(_cuts(text, segments))
    if segments == "sentence":
        return found
    merged: list[tuple[int, int]] = []
    for start, end in found:
        short = bool(merged) and len(text[slice(*merged[-1])].split()) < LEAST_WORDS
        merged = [*merged[:-1], (merged[-1][0], end)] if short else [*merged, (start, end)]
    return merged


def _cuts(text: str, segments: str) -> Iterator[tuple[int, int]]:
    start = 0
    for end in [match.end() for match in re.finditer(ENDS[segments], text)] + [len(text)]:
        if text[start:end].strip():
            yield start, end
            start = end


def padded_classes(seen: Rewards) -> Tensor:
    """The class of each token of each response, [R, T], IGNORED where there is none."""
    rows = [torch.tensor(row) for group in seen.groups for row in group.classes or ()]
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=IGNORED)
    return padded.to(seen.device)


def token_weights(classes: Tensor, fault_weight: float) -> Tensor:
    """What each token's loss counts, [R, T]."""
    return torch.where(classes > 0, fault_weight, 1.0)


def measures(outputs: Tensor, classes: Tensor) -> dict[str, float]:
    """Sums over labelled tokens: those told right, those that are fine, the faults, and those found as such."""
    known = classes != IGNORED
    said = outputs.detach().argmax(-1)
    return {
        "accuracy": float((known & (said == classes)).sum()),
        "all_fine": float((classes == 0).sum()),
        "faults": float((classes > 0).sum()),
        "faults_found": float(((classes > 0) & (said > 0)).sum()),
    }


@torch.no_grad()
def accuracy_of_tokens(
    method: "RewardSpans",
    loaded: Loaded,
    groups: Sequence[PromptGroup],
    test: Sequence[Judged],
    config: "RewardSpansConfig",
) -> dict[str, Any]:
    """Shares of the held-out tokens; nothing where none was read for faults."""
    from training_bridge.methods.rewarding import Rewarding

    try:
        held_out = marked_groups(loaded.tokenizer, test, config, groups[0].kinds)
    except Refused:
        return {}
    objective, sums = Rewarding(method, config, loaded), dict[str, float]()
    for piece in objective.pieces(held_out):
        for name, value in objective.loss(loaded.model, piece)[1].items():
            sums[name] = sums.get(name, 0.0) + value
    tokens = objective.weight(held_out)
    values = {"token_accuracy": sums["accuracy"] / tokens, "all_fine_accuracy": sums["all_fine"] / tokens}
    return values | ({"faults_found": sums["faults_found"] / sums["faults"]} if sums["faults"] else {})
