"""Reward expressions: rewards by name put together in a formula, e.g. 0.3 * "relevance-4" + 0.5 * z("reward-model-5").

What can be written: reward models by name in quotes, numbers, + - * /, comparisons with `if … else …` (a gate),
mean(…), min(…), max(…), var(…) of several rewards, z("…") for a reward on the scale of mean 0 and deviation 1 over the
responses of a snapshot, and words(), the length of the response. Parsed as Python and never run as it; no torch here.

Every value is a reward for each token of a response, [B, T]; its sum over tokens is the reward of the response, so
T = 1 is the scalar case. Sums and multiples stay where they are. What is no sum of parts (a minimum, a variance, a
product, a gate, a constant) is said of the response as a whole and stands at its last token.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import Invalid
from common.text import check_text
from common.words import gettext_noop as _

Rewards = NDArray[np.float64]
LONGEST, DEEPEST, MOST = 2000, 40, 32
"""Characters, depth of nesting, reward models."""
LARGEST = 1e6

COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
}
WHOLE: dict[str, Callable[[Rewards], Rewards]] = {
    "min": lambda totals: totals.min(0),
    "max": lambda totals: totals.max(0),
    # The population's variance, as in best of n of Coste et al. 2023, arXiv 2310.02743.
    "var": lambda totals: totals.var(0),
}


@dataclass(frozen=True)
class Expression:
    """A formula that was read. `names`: the reward models in it, in order; `scaled`: those that stand in z(…)."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]
    scaled: tuple[str, ...]

    def rewards(
        self, parts: Mapping[str, Rewards], words: Rewards, scale: Mapping[str, tuple[float, float]]
    ) -> Rewards:
        """Rewards [B, T] of what each named model gives, [B, T], and of each response's number of words [B].

        `scale`: mean and deviation of each model in `scaled`.
        """
        shape = (len(words), next(iter(parts.values())).shape[1])
        return _Reading(parts, words, scale, shape).value(self.tree)


def parsed(text: str) -> Expression:
    """Raises Invalid, saying what cannot be read, for anything but a formula of at least one reward model."""
    if len(text) > LONGEST:
        raise Invalid(_("The expression is longer than %(longest)s characters.") % {"longest": LONGEST})
    found: tuple[list[str], list[str]] = ([], [])
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        _check(tree, found, 0)
        for name in found[0]:
            check_text(name)  # an escape can spell what no database could be asked for
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        raise Invalid(
            _('The expression cannot be read. Reward models stand in quotes, e.g. 0.5 * "a" + "b".')
        ) from fault
    names, scaled = (tuple(dict.fromkeys(one)) for one in found)
    if not names:
        raise Invalid(_("The expression names no reward model: write its name in quotes."))
    if len(names) > MOST:
        raise Invalid(_("The expression names more than %(most)s reward models.") % {"most": MOST})
    return Expression(text.strip(), tree, names, scaled)


def _check(node: ast.AST, found: tuple[list[str], list[str]], depth: int) -> None:
    """Raises Invalid for what the language does not have; collects the names."""
    if depth > DEEPEST:
        raise Invalid(_("The expression is nested too deeply."))
    if _is_leaf(node, found):
        return
    for one in _inside(node):
        _check(one, found, depth + 1)


def _is_leaf(node: ast.AST, found: tuple[list[str], list[str]]) -> bool:
    match node:
        case ast.Constant(value=str(name)) if name:
            found[0].append(name)
        case ast.Call(func=ast.Name(id="z"), args=[ast.Constant(value=str(name))], keywords=[]) if name:
            found[0].append(name)
            found[1].append(name)
        case ast.Call(func=ast.Name(id="words"), args=[], keywords=[]):
            pass
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool) and abs(number) <= LARGEST:
            pass
        case _:
            return False
    return True


def _inside(node: ast.AST) -> list[ast.expr]:
    """What a node is made of. Raises Invalid for one that the language does not have."""
    match node:
        case ast.Call(func=ast.Name(id=called), args=[_, *_] as several, keywords=[]) if called in {*WHOLE, "mean"}:
            return several
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return [operand]
        case ast.BinOp(op=ast.Div(), left=left, right=ast.Constant(value=int() | float() as by)) if (
            1 / LARGEST <= abs(by) <= LARGEST
        ):
            return [left]
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult(), left=left, right=right):
            return [left, right]
        case ast.IfExp(
            test=ast.Compare(left=left, ops=[compare], comparators=[right]), body=body, orelse=otherwise
        ) if type(compare) in COMPARED:
            return [left, right, body, otherwise]
    raise _unknown(node)


def _unknown(node: ast.AST) -> Invalid:
    return Invalid(_("“%(part)s” cannot be part of an expression.") % {"part": ast.unparse(node)[:80]})


@dataclass(frozen=True)
class _Reading:
    """One evaluation; the tree was checked."""

    parts: Mapping[str, Rewards]
    words: Rewards
    scale: Mapping[str, tuple[float, float]]
    shape: tuple[int, int]

    def value(self, node: Any) -> Rewards:
        match node:
            case ast.Constant(value=str(name)):
                return self.parts[name]
            case ast.Constant(value=int() | float() as number):
                return self.last(np.full(self.shape[0], float(number)))
            case ast.Call(func=ast.Name(id=called), args=several):
                return self.call(called, several)
            case ast.UnaryOp(op=sign, operand=operand):
                return -self.value(operand) if isinstance(sign, ast.USub) else self.value(operand)
            case ast.BinOp(op=op, left=left, right=right):
                return self.arithmetic(op, left, right)
        holds = COMPARED[type(node.test.ops[0])](self.total(node.test.left), self.total(node.test.comparators[0]))
        return np.where(holds[:, None], self.value(node.body), self.value(node.orelse))

    def call(self, called: str, several: list[Any]) -> Rewards:
        if called == "words":
            return self.last(self.words)
        if called == "z":
            mean, deviation = self.scale[several[0].value]
            return self.value(several[0]) / deviation - self.last(np.full(self.shape[0], mean / deviation))
        if called == "mean":
            found: Rewards = np.mean([self.value(one) for one in several], axis=0)
            return found
        return self.last(WHOLE[called](np.stack([self.total(one) for one in several])))

    def arithmetic(self, op: ast.operator, left: Any, right: Any) -> Rewards:
        if isinstance(op, ast.Add):
            return self.value(left) + self.value(right)
        if isinstance(op, ast.Sub):
            return self.value(left) - self.value(right)
        return self.value(left) / right.value if isinstance(op, ast.Div) else self.product(left, right)

    def total(self, node: Any) -> Rewards:
        """The reward of each response as a whole, [B]."""
        found: Rewards = self.value(node).sum(1)
        return found

    def product(self, left: Any, right: Any) -> Rewards:
        """A multiple by a number stays at its tokens; of two rewards it is said of the whole."""
        for number, other in ((left, right), (right, left)):
            if _is_number(number):
                return self.total(number)[:, None] * self.value(other)
        return self.last(self.total(left) * self.total(right))

    def last(self, totals: Rewards) -> Rewards:
        """`totals` [B] at the last token, [B, T]."""
        found = np.zeros(self.shape)
        found[:, -1] = totals
        return found


def _is_number(node: ast.AST) -> bool:
    """Whether nothing in it is a reward."""
    return not any(isinstance(one, ast.Call) or isinstance(getattr(one, "value", 0), str) for one in ast.walk(node))
