"""A run's report card as a file: report.json in the run's output."""

from pathlib import Path

from training_bridge.report_cards.parts import Part
from training_bridge.report_cards.policy import PolicyCard
from training_bridge.report_cards.reward import RewardCard

REPORT = "report.json"


class Report(Part):
    """What one run measured: the cards in report.json. A run that evaluates a policy by a reward model has both."""

    reward: RewardCard | None = None
    policy: PolicyCard | None = None


def read_report(path: Path) -> Report:
    """Raises OSError where it is not there, ValueError where it is no report."""
    return Report.model_validate_json(path.read_bytes())


def write_report(path: Path, report: Report) -> Path:
    """Writes it whole or not at all, the same bytes for the same figures."""
    aside = path.with_suffix(".partial")
    aside.write_text(report.model_dump_json(indent=1, exclude_none=False) + "\n", encoding="utf-8")
    aside.rename(path)
    return path
