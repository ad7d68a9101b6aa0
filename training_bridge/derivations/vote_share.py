"""The share of the votes: every rater counts the same. A label as its consensus rule has settled it."""

from common.words import gettext_noop as _
from training_bridge import derivations
from training_bridge.derivations import Estimate, Say
from training_bridge.derivations.people_first import in_turn
from training_bridge.derivations.votes import Votes


class VoteShare:
    key = "vote_share"
    version = 1
    title = _("Share of the votes")
    description = _("Every vote counts the same. A rater's reliability is how often the others say the same.")
    Config = derivations.Config
    compares = False

    def estimate(self, votes: Votes, config: derivations.Config, say: Say) -> Estimate:
        """Shares, and each rater's agreement with the others."""
        return in_turn(votes, lambda part, _say: Estimate(part.shares(), *part.agreement()), say)


DERIVATION = VoteShare()
