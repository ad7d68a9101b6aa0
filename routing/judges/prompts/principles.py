"""One principle of a list, drawn for each item, after Constitutional AI (Bai et al. 2022, arXiv 2212.08073)."""

from common.words import gettext_noop
from routing.judges.prompts import Prompt

PROMPT = Prompt(
    "principles",
    1,
    gettext_noop("principles, one drawn for each item"),
    """
$does
Judge by this principle alone: $principle
$fence
$order
Answer with one JSON object and nothing else: $answer.
$rules
$guideline
$instructions
""",
    draws=True,
)
