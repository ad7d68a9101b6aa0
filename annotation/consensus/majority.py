"""The outcome that most people voted for; where no person has judged, most judges.

A person's answer is bought where a judge is in doubt, so a judge's vote must not cancel it; and judges err together, so
several of them would drown one person.

A vote that is split at the top is not a tie ("about the same" is itself an outcome): the label says `split`, its
confidence is the top share, and training takes no pair from it unless a derivation asks for soft labels.
"""

from collections import Counter
from collections.abc import Sequence

from django.utils.translation import gettext_lazy

from annotation.consensus import Settled, Vote
from annotation.protocols import Protocol


class Majority:
    key = "majority"
    title = gettext_lazy("Majority of votes")

    def settle(self, votes: Sequence[Vote], protocol: Protocol) -> Settled | None:
        cast = [(vote, outcome) for vote in votes if (outcome := protocol.outcome(vote.value)) is not None]
        if not cast:
            return None
        if any(vote.human for vote, _ in cast):
            cast = [(vote, outcome) for vote, outcome in cast if vote.human]
        counts = Counter(outcome for _, outcome in cast)
        (first, most), *others = counts.most_common(2)
        soft = {outcome: counts[outcome] / len(cast) for outcome in (*protocol.outcomes, *counts)}
        if others and others[0][1] == most:
            value = protocol.split([vote.value for vote, _ in cast])
        else:
            value = protocol.merged(first, [vote.value for vote, outcome in cast if outcome == first])
        return Settled(value, soft, most / len(cast), tuple(vote for vote, _ in cast))


RULE = Majority()
