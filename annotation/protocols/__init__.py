"""Forms of feedback. A protocol answers what any other module would otherwise ask "which protocol is it?" for.

One file and one line below make a new one (docs/how-to/add-a-protocol.md). Protocols are pure: no tables, no request.
"""

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.plugs import load

PROTOCOLS: dict[str, str] = {
    "pairwise": "annotation.protocols.pairwise:PROTOCOL",
}

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What raters and judges call responses: by the position shown, never by an id."""

Value = dict[str, typing.Any]
Message = dict[str, typing.Any]


@dataclass(frozen=True)
class Preference:
    """One pair that training can learn from. `soft`: P(the chosen is better), 0.5 for a tie; `strength` 0 for a tie."""

    chosen_id: int
    rejected_id: int
    strength: float
    soft: float


class Protocol(typing.Protocol):
    """What every plug of this family has.

    Three forms of an answer: *display terms*, as posted by a browser, the API or a judge, name responses by the letters
    they were shown under; the *normal form*, as stored, names them by id; a *record* is one of an import (native form).
    """

    key: str
    title: str
    form_template: str
    record_kind: str
    outcomes: tuple[str, ...]

    def default_config(self) -> Value:
        """The configuration of a field that nobody configured."""

    def check_config(self, config: object) -> Value:
        """The complete configuration that `config` stands for. Raises Invalid, fields named by configuration key."""

    def check_item(self, response_count: int) -> str:
        """Why an item of so many responses cannot be judged by this form; empty where it can."""

    def form_context(self, config: Value) -> Value:
        """What the form's template needs beside the configuration."""

    def normal_form(self, raw: object, config: Value, *, responses: Sequence[int], shown: Sequence[int]) -> Value:
        """The value to store for an answer in display terms, or in normal form already.

        `responses`: the item's response ids in item order; `shown`: the same ids in the order displayed.
        Raises Invalid with the faulty keys as fields.
        """

    def display_form(self, value: Value, *, shown: Sequence[int]) -> Value:
        """The inverse: a stored value in the terms of the order `shown`."""

    def from_record(self, record: Mapping[str, typing.Any], responses: Mapping[str, int]) -> Value:
        """The value of a recorded judgment; `responses`: external id → id, in item order. Never raises: a verdict that
        cannot be used is kept with choice "unsure" and what it said under "raw"."""

    def outcome(self, value: Value) -> str | None:
        """Which of `outcomes` a value votes for; None where it votes for nothing."""

    def merged(self, outcome: str, values: Sequence[Value]) -> Value:
        """One value that stands for `values`, which all voted for `outcome`."""

    def split(self, values: Sequence[Value]) -> Value:
        """The value of an item whose votes stand against each other; no preference is learnt from it."""

    def distance(self, left: Value, right: Value) -> float:
        """How far two values are apart, from 0 (the same) to 1."""

    def preferences(self, value: Value, soft: Mapping[str, float] | None = None) -> list[Preference]:
        """The pairs that training can learn from a value; `soft`: a label's shares by outcome."""

    def question(
        self, *, config: Value, prompt: Sequence[Message], shown: Sequence[str], guideline: str = ""
    ) -> list[Message]:
        """Chat messages that ask a judge; `shown`: the texts of the responses in the order asked."""

    def read_answer(self, text: str, config: Value) -> Value | None:
        """A judge's answer in display terms; None where it does not parse or breaks the schema."""


def protocol(key: str) -> Protocol:
    """The protocol called `key`. Raises Invalid where there is none."""
    plug: Protocol = load(PROTOCOLS, key, "protocol")
    return plug
