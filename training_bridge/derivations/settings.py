"""What a snapshot is asked for with: every choice is named here, pinned in the snapshot, and what it drops is counted.

A derivation never edits a judgment; it is a view of the labels.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from django.utils.translation import gettext
from pydantic import BaseModel, ConfigDict, Field

from annotation.consensus import rule
from common import plugs
from common.configs import checked
from common.errors import DomainError, Invalid
from common.words import gettext_noop as _
from training_bridge import derivations
from training_bridge.derivations import DERIVATIONS
from training_bridge.derivations.ballots import VOTED

DEFAULT, PLAIN = "dawid_skene", "vote_share"
"""By default raters count by how reliable they are; scores and texts are not voted on, and are taken as they stand."""


PINNED = ("version", "settings")
"""Not chosen one by one, but by the soft labels that are."""
SINCE_SOFT_LABELS: dict[str, Any] = {"soft_labels": PLAIN, "version": 1, "weights": "equal"}
"""What a derivation says that was pinned before there was a choice."""


class Derivation(BaseModel):
    """How labels become training pairs. Stored with the snapshot, so that it can be made again.

    `version` and `settings` are those of the derivation that `soft_labels` names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str = Field(
        "preference", max_length=60, title=_("Field"), description=_("Which field of the form the labels belong to.")
    )
    rule: str = Field(
        "majority", max_length=40, title=_("Rule"), description=_("The consensus rule that settled the labels.")
    )
    soft_labels: str = Field(
        "",
        max_length=40,
        title=_("Soft labels"),
        description=_("How votes become the probability that a response is better, and whose votes count for more."),
    )
    version: int = Field(0, ge=0, title=_("Version"))
    settings: dict[str, Any] = Field(default_factory=dict, title=_("Settings"))
    weights: Literal["confidence", "equal"] = Field(
        "confidence",
        title=_("Weights"),
        json_schema_extra={"choices": {"confidence": _("confidence"), "equal": _("equal")}},
        description=_("What a pair weighs in training: as much as its label is sure, or all the same."),
    )
    ties: Literal["drop", "keep"] = Field(
        "drop",
        title=_("Ties"),
        json_schema_extra={"choices": {"drop": _("drop"), "keep": _("keep")}},
        description=_("Keep makes a tie (or an even split of votes) a pair with probability ½."),
    )
    min_confidence: float = Field(
        0.0,
        ge=0,
        le=1,
        title=_("Min confidence"),
        description=_("Labels less confident than this are left out. 0 keeps all."),
    )
    sources: Literal["human", "judge", "both"] = Field(
        "both",
        title=_("Sources"),
        json_schema_extra={"choices": {"human": _("human"), "judge": _("judge"), "both": _("both")}},
        description=_("Whose judgments a label may rest on: people only, judges only, or either."),
    )
    rounds: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field(
        default_factory=list,
        max_length=1000,
        title=_("Rounds"),
        description=_("Rounds of the loop to take, e.g. 1, 2. Empty takes all."),
    )
    test_fraction: float = Field(
        0.2,
        ge=0,
        lt=1,
        title=_("Test fraction"),
        description=_("Share of prompt groups held out for evaluation. A group is never torn apart."),
    )
    split_seed: int = Field(
        0, ge=0, lt=2**31, title=_("Split seed"), description=_("Another seed holds out other groups.")
    )


def parse(values: Derivation | Mapping[str, Any]) -> Derivation:
    """Complete and pinned: which soft labels, in which version, with which settings.

    Raises Invalid with a message for each wrong field; also where a version is named that is no longer this one.
    """
    given = values if isinstance(values, Derivation) else checked(Derivation, values)
    rule(given.rule)  # raises Invalid where there is none of that name
    voted = given.rule in VOTED
    key = given.soft_labels or (DEFAULT if voted else PLAIN)
    try:
        plug = plug_of(key)
    except DomainError as fault:
        raise Invalid(fault.detail, fields={"soft_labels": [fault.detail]}) from fault
    if not voted and key != PLAIN:
        raise _invalid("soft_labels", gettext("By this rule nothing is voted on: take the share of the votes."))
    if given.version not in (0, plug.version):
        words = gettext("This is version %(now)s of it, not %(then)s. Ask for a new snapshot.")
        raise _invalid("version", words % {"now": plug.version, "then": given.version})
    settings = checked(plug.Config, given.settings).model_dump(mode="json")
    return given.model_copy(update={"soft_labels": key, "version": plug.version, "settings": settings})


def plug_of(key: str) -> derivations.Derivation:
    """The derivation called `key`. Raises Invalid where there is none."""
    plug: derivations.Derivation = plugs.load(DERIVATIONS, key, "derivation")
    return plug


def _invalid(field: str, words: str) -> Invalid:
    return Invalid(words, fields={field: [words]})
