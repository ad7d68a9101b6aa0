"""Marked faults as a class for every token."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from common.words import gettext_noop as _
from lm.chat import encode, response_places, text_of
from lm.loading import Loaded
from lm.segments import cut, last_tokens
from training_bridge.methods.interface import Refused
from training_bridge.trainer.groups import PromptGroup
from training_bridge.trainer.judged import Judged, Span
from training_bridge.trainer.losses.heads import IGNORED
from training_bridge.trainer.measured import Rewards

if TYPE_CHECKING:
    from training_bridge.methods.reward_spans import RewardSpans, RewardSpansConfig

FINE, FAULT = "fine", "fault"
FINE_CLASS = 0


def kinds_of(judged: Sequence[Judged], config: "RewardSpansConfig") -> tuple[str, ...]:
    """ "fine", then every type of fault that is read, by name, or one for all. Raises Refused where none of them is
    marked: one kind alone cannot be told apart. A type of the form may well be marked by nobody yet."""
    marked = sorted({span.category for item in judged for span in item.spans})
    if not marked:
        raise Refused(_("No fault is marked in the snapshot's training split: there is nothing to tell apart."))
    read = [kind for kind in marked if kind in config.kinds or not config.kinds]
    if not read:
        raise Refused(
            _("Nobody marked these types: %(missing)s. Those that were marked: %(marked)s.")
            % {"missing": ", ".join(config.kinds), "marked": ", ".join(marked)}
        )
    return (FINE, FAULT) if config.together else (FINE, *read)


def marked_groups(
    tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: "RewardSpansConfig", kinds: tuple[str, ...]
) -> list[PromptGroup]:
    """Items with responses that were read for faults; a group weighs its labelled tokens. Types that are not read are
    nobody's word. Raises Refused where nothing was read."""
    groups = []
    for item in judged:
        if not item.marked:
            continue
        tokens = encode(tokenizer, item.prompt, item.responses, config.max_length)
        classes = []
        for place, ids in enumerate(tokens.responses):
            if place not in item.marked:
                classes.append([IGNORED] * len(ids))
                continue
            places = response_places(tokenizer, item.prompt, item.responses[place])[: len(ids)]
            spans = [(span, _class(span.category, config, kinds)) for span in item.spans if span.response == place]
            text = text_of(item.responses[place][-1])
            found = _classes(text, places, spans, config.segments)
            classes.append(_at_ends(text, places, found, config.segments) if config.stands == "end" else found)
        labelled = sum(one != IGNORED for row in classes for one in row)
        if labelled:
            groups.append(PromptGroup(tokens.prompt, tokens.responses, float(labelled), classes=classes, kinds=kinds))
    if not groups:
        raise Refused(_("No response of the snapshot's training split was read for faults."))
    return groups


def _class(category: str, config: "RewardSpansConfig", kinds: tuple[str, ...]) -> int:
    """The class of a type of fault; IGNORED for one that the model does not read."""
    if config.together:
        return 1 if category in config.kinds or not config.kinds else IGNORED
    return kinds.index(category) if category in kinds else IGNORED


def _classes(
    text: str, places: Sequence[tuple[int, int]], spans: Sequence[tuple[Span, int]], segments: str
) -> list[int]:
    """The class of each token: that of the shortest mark on its segment, what is read before what is not; IGNORED for
    what is no part of the text."""
    covered = [(*_covered(text, span, segments), kind) for span, kind in spans]
    covered.sort(key=lambda one: (one[2] != IGNORED, one[0] - one[1]))
    found = []
    for start, end in places:
        kind = FINE_CLASS if start < end else IGNORED
        for low, high, marked in covered:  # longest first, so the shortest has the last word
            kind = marked if start < end and start < high and low < end else kind
        found.append(kind)
    return found


def _at_ends(text: str, places: Sequence[tuple[int, int]], classes: Sequence[int], segments: str) -> list[int]:
    """The classes of the segments' last tokens alone."""
    ends = set(last_tokens(text, places, segments))
    return [kind if place in ends else IGNORED for place, kind in enumerate(classes)]


def _covered(text: str, span: Span, segments: str) -> tuple[int, int]:
    if segments == "token":
        return span.start, max(span.end, span.start + 1)
    end = max(span.end, span.start + 1)  # an insertion point marks what follows it
    touched = [(low, high) for low, high in cut(text, segments) if low < end and span.start < high]
    if not touched:
        return span.start, span.end
    return touched[0][0], touched[-1][1]


def padded_classes(seen: Rewards) -> Tensor:
    """The class of each token of each response, [R, T], IGNORED where there is none."""
    rows = [torch.tensor(row) for group in seen.groups for row in group.classes or ()]
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=IGNORED)
    return padded.to(seen.device)


def token_weights(classes: Tensor, fault_weight: float) -> Tensor:
    """What each token's loss counts, [R, T]."""
    return torch.where(classes > 0, fault_weight, 1.0)


def measures(outputs: Tensor, classes: Tensor) -> dict[str, float]:
    """Sums over labelled tokens: those told right, those that are fine, the faults, those found as such, and those that
    were said to be some. A run's curves show them as shares of all tokens."""
    known = classes != IGNORED
    said = outputs.detach().argmax(-1)
    return {
        "accuracy": float((known & (said == classes)).sum()),
        "all_fine": float((classes == 0).sum()),
        "faults": float((classes > 0).sum()),
        "faults_hit": float(((classes > 0) & (said > 0)).sum()),
        "faults_said": float((known & (said > 0)).sum()),
    }


@torch.no_grad()
def accuracy_of_tokens(
    method: "RewardSpans",
    loaded: Loaded,
    groups: Sequence[PromptGroup],
    test: Sequence[Judged],
    config: "RewardSpansConfig",
) -> dict[str, float] | None:
    """Shares of the held-out tokens; None where none was read for faults."""
    from training_bridge.trainer.rewarding import Rewarding, network_of

    try:
        held_out = marked_groups(loaded.tokenizer, test, config, groups[0].kinds)
    except Refused:
        return None
    network, sums = network_of(loaded, held_out, by_token=True), dict[str, float]()
    objective = Rewarding(method, config, network)
    for piece in objective.pieces(held_out):
        for name, value in objective.loss(network, piece)[1].items():
            sums[name] = sums.get(name, 0.0) + value
    return shares_of(sums, objective.weight(held_out))


def shares_of(sums: Mapping[str, float], tokens: float) -> dict[str, float]:
    """Accuracy beside calling all tokens fine; of the faults the share that was found and F1, beside the F1 of calling
    all tokens faults (calling none so has an F1 of 0)."""
    values = {"token_accuracy": sums["accuracy"] / tokens, "all_fine_accuracy": sums["all_fine"] / tokens}
    if not sums["faults"]:
        return values
    return values | {
        "faults_found": sums["faults_hit"] / sums["faults"],
        "fault_f1": 2 * sums["faults_hit"] / (sums["faults"] + sums["faults_said"]),
        "all_faults_f1": 2 * sums["faults"] / (sums["faults"] + tokens),
    }
