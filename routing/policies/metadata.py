"""People or the judge by what an item is about: rules over its tags, topic and language, the first that fits."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from common.words import gettext_noop as _
from routing.policies import HUMAN, JUDGE, ItemView, Knowledge, Verdict
from routing.sampling import Sampling

To = Literal["human", "judge"]
WORDS: dict[str, Any] = {"human": _("people"), "judge": _("the judge")}


class Rule(BaseModel):
    """`tag`: a tag's name, `topic` or `language`."""

    model_config = ConfigDict(extra="forbid")

    tag: str = Field(min_length=1, max_length=80, title=_("Tag"))
    value: str = Field("", max_length=200, title=_("Value"), description=_("Empty: whatever its value."))
    to: To = Field("human", title=_("Goes to"), json_schema_extra={"choices": WORDS})

    def fits(self, item: ItemView) -> bool:
        return self.tag in item.tags and self.value in ("", item.tags[self.tag])


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rules: list[Rule] = Field(
        default_factory=list,
        max_length=100,
        title=_("Rules"),
        description=_("The first that fits decides. A tag may be “topic” or “language”, too."),
    )
    otherwise: To = Field(
        "judge",
        title=_("Where none fits"),
        json_schema_extra={"choices": WORDS},
        description=_("Where items go that no rule speaks of."),
    )


class Metadata:
    key = "metadata"
    title = _("By tag, topic or language")
    description = _("Rules over what an item is about, e.g. everything on safety goes to people.")
    Config = Settings
    sampling = Sampling(pilot=0)
    needs_certificate = False

    def needs_judge(self, config: Settings) -> bool:
        return "judge" in (config.otherwise, *(rule.to for rule in config.rules))

    def judge_first(self, config: Settings) -> bool:
        return False

    def batch(self, config: Settings) -> int:
        return 1

    def decide(self, items: Sequence[ItemView], config: Settings, known: Knowledge) -> list[Verdict]:
        return [_one(item, config) for item in items]


def _one(item: ItemView, config: Settings) -> Verdict:
    rule = next((rule for rule in config.rules if rule.fits(item)), None)
    to = rule.to if rule else config.otherwise
    route = HUMAN if to == "human" else JUDGE
    if rule is None:
        return Verdict(route, 1.0, (_("No rule speaks of it, so it goes to %(to)s.") % {"to": WORDS[to]},))
    about = f"{rule.tag}={item.tags[rule.tag]}" if item.tags[rule.tag] else rule.tag
    said = _("By rule, what is tagged “%(tag)s” goes to %(to)s.") % {"tag": about, "to": WORDS[to]}
    return Verdict(route, 1.0, (said,))


POLICY = Metadata()
