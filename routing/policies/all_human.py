"""Every item to people. With a judge in the plan, the judge takes over when the budget for people is spent."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from common.words import gettext_noop
from routing.policies import HUMAN, ItemView, Knowledge, Verdict
from routing.sampling import NOTHING


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AllHuman:
    key = "all_human"
    title = gettext_noop("People only")
    description = gettext_noop("Every item goes to people.")
    Config = Settings
    sampling = NOTHING
    needs_certificate = False

    def needs_judge(self, config: Settings) -> bool:
        return False

    def judge_first(self, config: Settings) -> bool:
        return False

    def batch(self, config: Settings) -> int:
        return 1

    def decide(self, items: Sequence[ItemView], config: Settings, known: Knowledge) -> list[Verdict]:
        return [Verdict(HUMAN, 1.0, (gettext_noop("The plan sends every item to people."),)) for _ in items]


POLICY = AllHuman()
