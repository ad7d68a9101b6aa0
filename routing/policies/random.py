"""A fixed share of items to people, drawn at random: the baseline every other policy is measured against."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from common.words import gettext_noop as _
from routing.policies import HUMAN, JUDGE, ItemView, Knowledge, Verdict, per_cent
from routing.sampling import NOTHING


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    share: float = Field(
        0.25,
        ge=0,
        le=1,
        title=_("Share of people"),
        json_schema_extra={"share": True},
        description=_("The part of the items that people judge, from 0 to 1; the judge takes the rest."),
    )


class Random:
    key = "random"
    title = _("Random share")
    description = _("A fixed share of the items, drawn at random, goes to people; the judge takes the rest.")
    Config = Settings
    sampling = NOTHING
    needs_certificate = False

    def needs_judge(self, config: Settings) -> bool:
        return config.share < 1

    def judge_first(self, config: Settings) -> bool:
        return False

    def batch(self, config: Settings) -> int:
        return 1

    def decide(self, items: Sequence[ItemView], config: Settings, known: Knowledge) -> list[Verdict]:
        return [self._one(item.draw, config.share) for item in items]

    @staticmethod
    def _one(draw: float, share: float) -> Verdict:
        plan = _("The plan sends %(share)s of the items to people at random.") % {"share": per_cent(share)}
        if draw < share:
            return Verdict(
                HUMAN,
                share,
                (
                    plan,
                    _("This item's draw, %(draw)s, fell below %(share)s.")
                    % {"draw": f"{draw:.4f}", "share": f"{share:g}"},
                ),
                threshold=share,
            )
        return Verdict(
            JUDGE,
            1 - share,
            (
                plan,
                _("This item's draw, %(draw)s, did not fall below %(share)s.")
                % {"draw": f"{draw:.4f}", "share": f"{share:g}"},
            ),
            threshold=share,
        )


POLICY = Random()
