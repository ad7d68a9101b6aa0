"""An expression of reward models as a reward model: its parts, their scales and its accuracy."""

from collections.abc import Mapping, Sequence
from itertools import islice
from statistics import fmean, pstdev
from typing import Any

from common.words import gettext_noop as _
from lm.expressions import parsed
from lm.loading import load_reward, save_combined
from lm.scoring import Conversation, score
from training_bridge.evaluation.measuring import reported
from training_bridge.methods.interface import Cancelled, Context, ModelFolder, Refused, Result
from training_bridge.methods.reward_expression import RewardExpressionConfig
from training_bridge.trainer.judged import Judged, read_snapshot


def combine(context: Context, config: RewardExpressionConfig) -> Result:
    """Raises Refused where nothing tells a scale that the expression asks for."""
    if context.snapshot is None:
        raise Refused(_("An expression of reward models needs a snapshot: it tells their scales and its accuracy."))
    expression = parsed(config.expression)
    sources: Mapping[str, str] = context.input["rewards"]
    context.phase(_("Copying %(parts)s reward models") % {"parts": len(expression.names)})
    told = _responses(read_snapshot(context.snapshot, "train"), config.responses)
    scale = {name: _scale(context, name, sources[name], told, config) for name in expression.scaled}
    folder = context.output / "model"
    save_combined(folder, expression, sources, scale)
    context.phase(_("Measuring accuracy on held-out prompts"))
    values: dict[str, Any] = {"parts": len(expression.names)}
    values |= {f"{name}: {what}": number for name, pair in scale.items() for what, number in _named(pair)}
    figures, report = reported(context, load_reward(str(folder)), context.snapshot, max_length=config.max_length)
    made = {"method": "reward_expression", "expression": expression.text}
    return Result(values | figures, ModelFolder(str(folder), "reward", made), report=report)


def _responses(judged: Sequence[Judged], most: int) -> list[Conversation]:
    every = ((item.prompt, response) for item in judged for response in item.responses)
    return list(islice(every, most))


def _scale(
    context: Context, name: str, source: str, told: Sequence[Conversation], config: RewardExpressionConfig
) -> tuple[float, float]:
    """Mean and deviation of a model's scores over the responses."""
    if context.stop_requested():
        raise Cancelled
    context.phase(_("Scoring %(responses)s responses by %(name)s") % {"responses": len(told), "name": name})
    scores = score(load_reward(source), told, max_length=config.max_length)
    if len(set(scores)) < 2:
        raise Refused(
            _("%(name)s gives all responses of the snapshot's training split the same score: it has no scale for z(…).")
            % {"name": name}
        )
    return fmean(scores), pstdev(scores)


def _named(scale: tuple[float, float]) -> Sequence[tuple[str, float]]:
    return list(zip(("mean", "deviation"), scale, strict=True))
