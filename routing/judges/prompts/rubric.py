"""One aspect at a time, the reasons before the score, after UltraFeedback (Cui et al. 2023, arXiv 2310.01377).

All responses of an item stand in one asking, so that scores are relative to each other; each aspect has its own.
"""

from common.words import gettext_noop
from routing.judges.prompts import Prompt

PROMPT = Prompt(
    "rubric",
    1,
    gettext_noop("rubric, one aspect at a time"),
    """
$does
Judge by the rubric below and by nothing else. For every score or verdict weigh each response on its own terms first.
$fence
$order
$rules
$guideline
$instructions
Answer with one JSON object and nothing else, the reasons before the verdict: $answer.
""",
    by_portion=True,
    reasons_first=True,
)
