"""What a reward model or a policy is worth, measured: the schema of report cards and the measures on plain numbers.

Knows no torch, no database and no request: methods fill cards in a run's own process, pages only read them.
"""

from training_bridge.report_cards.policy import PolicyCard
from training_bridge.report_cards.report import REPORT, Report, read_report, write_report
from training_bridge.report_cards.reward import RewardCard

__all__ = ["REPORT", "PolicyCard", "Report", "RewardCard", "read_report", "write_report"]
