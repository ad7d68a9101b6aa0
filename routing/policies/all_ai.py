"""Every item to the judge; people see only what the judge could not answer."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from common.words import gettext_noop
from routing.policies import JUDGE, ItemView, Knowledge, Verdict
from routing.sampling import NOTHING


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AllAI:
    key = "all_ai"
    title = gettext_noop("Judge only")
    description = gettext_noop("Every item goes to the judge; people see what the judge could not answer.")
    Config = Settings
    sampling = NOTHING
    needs_certificate = False

    def needs_judge(self, config: Settings) -> bool:
        return True

    def judge_first(self, config: Settings) -> bool:
        return False

    def batch(self, config: Settings) -> int:
        return 1

    def decide(self, items: Sequence[ItemView], config: Settings, known: Knowledge) -> list[Verdict]:
        return [Verdict(JUDGE, 1.0, (gettext_noop("The plan sends every item to the judge."),)) for _ in items]


POLICY = AllAI()
