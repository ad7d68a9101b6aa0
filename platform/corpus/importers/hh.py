r"""HH-RLHF text: two whole transcripts a line, turns marked by a blank line and `Human:` or `Assistant:`.

Grammar: ("\n\nHuman: " text | "\n\nAssistant: " text)+. A mark counts only at the start or after a blank line; anywhere
else it is text. One leading space of a turn belongs to the mark, everything else to the turn.
Source of the data: github.com/anthropics/hh-rlhf.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from common.words import gettext_noop as _
from corpus.importers.documents import Document
from corpus.importers.messages import expect, preference, shared_turns
from corpus.importers.records import each
from corpus.importers.rows import Answer, Bad, Fault, Json, Options, Row

MARK = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")
ROLES = {"Human": "user", "Assistant": "assistant"}
MARKS = {"user": "\n\nHuman: ", "assistant": "\n\nAssistant: "}


def parsed(transcript: str) -> list[Json]:
    """The turns of a transcript as chat messages. Raises ValueError where it does not begin with a mark."""
    marks = list(MARK.finditer(transcript))
    if not marks or marks[0].start() != 0:
        raise ValueError(_("does not begin with a turn mark (a blank line, then Human: or Assistant:)"))
    ends = [mark.start() for mark in marks[1:]] + [len(transcript)]
    return [
        {"role": ROLES[mark[1]], "content": transcript[mark.end() : end]} for mark, end in zip(marks, ends, strict=True)
    ]


def transcript(messages: Sequence[Json]) -> str:
    """The inverse of `parsed`. Raises ValueError for what the text form cannot say, rather than change its meaning."""
    parts = []
    for message in messages:
        content = message["content"]
        if message["role"] not in MARKS or not isinstance(content, str):
            raise ValueError(_("only user and assistant text can be written as a transcript"))
        parts.append(MARKS[message["role"]] + content)
    written = "".join(parts)
    if parsed(written) != [{"role": message["role"], "content": message["content"]} for message in messages]:
        raise ValueError(_("a turn holds a turn mark"))
    return written


def _side(record: Json, key: str) -> list[Json]:
    try:
        turns = parsed(expect(record.get(key), str, f"/{key}"))
    except Bad:
        raise
    except ValueError as fault:
        raise Bad(f"/{key}", str(fault)) from fault
    if turns[0]["role"] != "user":
        raise Bad(f"/{key}", _("begins with an Assistant turn"))
    if turns[-1]["role"] != "assistant":
        raise Bad(f"/{key}", _("ends with a Human turn"))
    if len(turns) < 2:
        raise Bad(f"/{key}", _("has only one turn"))
    return turns


def _warnings(sides: list[list[Json]], shared: int) -> list[str]:
    found = []
    if any(len(side) - shared > 1 for side in sides):
        found.append(_("the two sides differ before the last turn: each response keeps all its turns"))
    if any(one["role"] == other["role"] for side in sides for one, other in pairwise(side)):
        found.append(_("two turns in a row by the same speaker (kept as they are)"))
    return found


def _row(record: Json, file: str, line: int) -> Row:
    sides = [_side(record, "chosen"), _side(record, "rejected")]
    shared = shared_turns(*sides)
    if shared == 0:
        raise Bad("", _("the two sides have no turn in common, so there is no prompt"))
    raw = {key: value for key, value in record.items() if key not in {"chosen", "rejected"}}
    for key, side in zip(("chosen", "rejected"), sides, strict=True):
        # A mark without its space or blank line reads the same but is written back otherwise: keep the bytes.
        if "".join(MARKS[turn["role"]] + turn["content"] for turn in side) != record[key]:
            raw[key] = record[key]
    return Row(
        file,
        line,
        sides[0][:shared],
        [Answer(side[shared:]) for side in sides],
        [preference()],
        raw=raw,
        warnings=_warnings(sides, shared),
    )


class HumanAssistantText:
    key = "hh"
    title = _("HH-RLHF text")
    description = _(
        "JSON lines with chosen and rejected, each a whole Human/Assistant transcript. "
        "The turns both sides share become the prompt."
    )
    example = (
        r'{"chosen": "\n\nHuman: How do I fix a flat?\n\nAssistant: Find the hole, then patch it.", '
        r'"rejected": "\n\nHuman: How do I fix a flat?\n\nAssistant: Walk."}'
    )
    use_recorded: bool | None = True

    def rows(self, documents: Sequence[Document], options: Options) -> Iterator[Row | Fault]:
        return each(documents, _row)


IMPORTER = HumanAssistantText()
