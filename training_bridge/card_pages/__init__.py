"""Report cards as people read them: each part a panel of one picture, its table, and why there is nothing to show."""

from training_bridge.card_pages.panels import Panel
from training_bridge.card_pages.policy import policy_panels
from training_bridge.card_pages.reward import reward_panels

__all__ = ["Panel", "policy_panels", "reward_panels"]
