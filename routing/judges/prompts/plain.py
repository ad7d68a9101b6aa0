"""The question, the rules of the answer, and nothing else."""

from common.words import gettext_noop
from routing.judges.prompts import Prompt

PROMPT = Prompt(
    "plain",
    1,
    gettext_noop("plain"),
    """
$does
$fence
$order
Answer with one JSON object and nothing else: $answer.
$rules
$guideline
$instructions
""",
)
