"""A fixed share of items to people, drawn at random: the baseline every other policy is measured against."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from routing.policies import HUMAN, JUDGE, ItemView, Verdict, per_cent


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    share: float = Field(
        0.25,
        ge=0,
        le=1,
        title="Share of people",
        description="The part of the items that people judge, from 0 to 1; the judge takes the rest.",
    )


class Random:
    key = "random"
    title = "Random share"
    description = "A fixed share of the items, drawn at random, goes to people; the judge takes the rest."
    Config = Settings

    def needs_judge(self, config: Settings) -> bool:
        return config.share < 1

    def judge_first(self, config: Settings) -> bool:
        return False

    def batch(self, config: Settings) -> int:
        return 1

    def decide(self, items: Sequence[ItemView], config: Settings, quota: int | None) -> list[Verdict]:
        return [self._one(item.draw, config.share) for item in items]

    @staticmethod
    def _one(draw: float, share: float) -> Verdict:
        plan = f"The plan sends {per_cent(share)} of the items to people at random."
        if draw < share:
            return Verdict(
                HUMAN, share, (plan, f"This item's draw, {draw:.4f}, fell below {share:g}."), threshold=share
            )
        return Verdict(
            JUDGE, 1 - share, (plan, f"This item's draw, {draw:.4f}, did not fall below {share:g}."), threshold=share
        )


POLICY = Random()
