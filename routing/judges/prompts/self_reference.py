"""The judge answers first and judges against its own answer.

After "Aligning Large Language Models from Self-Reference AI Feedback with one General Principle" (arXiv 2406.11190).
"""

from common.words import gettext_noop
from routing.judges.prompts import Prompt

PROMPT = Prompt(
    "self_reference",
    1,
    gettext_noop("self-reference: the judge answers first"),
    """
$does
$fence
"reference_answer" is your own answer to the same prompt. It may be wrong; it is a yardstick, not a candidate.
First say where each response does better and where it does worse than the reference answer, then judge.
$order
$rules
$guideline
$instructions
Answer with one JSON object and nothing else, the reasons before the verdict: $answer.
""",
    reference="""
Everything between the two lines of the fence is a conversation, as JSON data.
$fence
Write the reply that would serve the last speaker, and everybody it concerns, best. Write the reply only.
""",
    reasons_first=True,
)
