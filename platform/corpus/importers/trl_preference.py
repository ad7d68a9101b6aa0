"""TRL preference data: chosen and rejected, with or without a prompt column, as strings or as chat messages.

The prompt of a row without a prompt column is what both sides share at their beginning: whole messages of a
conversation; of plain strings, up to the last speaker mark, else the last line break, else the last word break.
Never within a word, where TRL's own `extract_prompt` cuts. Column names: TRL 1.16, docs/source/dataset_formats.md.
"""

import os.path
import re
from collections.abc import Iterator, Sequence

from common.words import gettext_noop as _
from corpus.importers.documents import Document
from corpus.importers.messages import expect, messages, preference, shared_turns
from corpus.importers.records import each
from corpus.importers.rows import Answer, Bad, Fault, Json, Options, Row

# Where an answer begins in plain text: "Assistant:", "### Response:", "<|assistant|>", "<|im_start|>assistant".
SPEAKER = re.compile(
    r"(?:^|\n)[ \t]*(?:#+[ \t]*)?(?:(?:assistant|response|answer|bot|ai|model)[ \t]*:[ \t]*\n?"
    r"|<\|(?:im_start\|>)?assistant(?:\|>)?[ \t]*\n?)",
    re.IGNORECASE,
)
COLUMNS = frozenset({"prompt", "chosen", "rejected"})


def split_prompt(first: str, second: str) -> int:
    """Where the common prompt of two whole texts ends (a position in both), 0 where they share no beginning.

    Each text keeps at least one character after it; before and after it there is never the same word.
    """
    limit = min(len(first), len(second)) - 1
    # By character, as meant: it is no path here.
    shared = min(len(os.path.commonprefix([first, second])), max(limit, 0))  # noqa: RUF071
    speakers = [match.end() for match in SPEAKER.finditer(first[:shared])]
    if speakers:
        return speakers[-1]
    line = first.rfind("\n", 0, shared) + 1
    if line and first[:line].strip():
        return line
    # A word break is kept on the side of the responses (" blue."), as tokenizers expect it.
    ends = shared + 1 if first[shared : shared + 1].isspace() and second[shared : shared + 1].isspace() else shared
    words = [match.start() for match in re.finditer(r"(?<=\S)\s", first[:ends])]
    return words[-1] if words else 0


def layout_of(record: Json) -> str:
    """Which of the four layouts a record has; they cannot be mixed in a file."""
    if "label" in record and "completion" in record:
        raise Bad("/completion", _("unpaired preference (completion and label): this format needs chosen and rejected"))
    for key in ("chosen", "rejected"):
        if key not in record:
            raise Bad(f"/{key}", _("missing"))
    kinds = {type(record[key]) for key in COLUMNS & set(record)}
    if len(kinds) > 1 or not kinds <= {str, list}:
        raise Bad("", _("prompt, chosen and rejected must all be strings, or all be lists of messages"))
    if kinds == {str}:
        return _("standard, explicit prompt") if "prompt" in record else _("standard, implicit prompt")
    return _("conversational, explicit prompt") if "prompt" in record else _("conversational, implicit prompt")


def _standard(record: Json) -> tuple[list[Json], list[list[Json]]]:
    chosen, rejected = record["chosen"], record["rejected"]
    prompt = record.get("prompt")
    if prompt is None:
        cut = split_prompt(chosen, rejected)
        if not cut:
            raise Bad("", _("the two sides share no beginning to take as the prompt: give a prompt column"))
        prompt, chosen, rejected = chosen[:cut], chosen[cut:], rejected[cut:]
    return [{"role": "user", "content": prompt}], [
        [{"role": "assistant", "content": text}] for text in (chosen, rejected)
    ]


def _conversational(record: Json) -> tuple[list[Json], list[list[Json]]]:
    sides = [messages(record[key], f"/{key}") for key in ("chosen", "rejected")]
    if "prompt" in record:
        return messages(record["prompt"], "/prompt"), sides
    shared = shared_turns(*sides)
    if not shared:
        raise Bad("", _("the two sides share no first message to take as the prompt: give a prompt column"))
    return sides[0][:shared], [side[shared:] for side in sides]


def _meta(record: Json) -> tuple[Json, Json]:
    """(meta, raw) of the columns beside the three. `margin` is what the reward trainer of TRL reads."""
    raw = {key: value for key, value in record.items() if key not in COLUMNS}
    margin = raw.get("margin")
    if margin is None:
        return {}, raw
    if type(margin) is not float:
        expect(margin, int, "/margin")
    return {"margin": raw.pop("margin")}, raw


class TRLPreference:
    key = "trl_preference"
    title = _("TRL preference")
    description = _(
        "JSON lines (or a JSON list) with chosen and rejected and, better, a prompt: strings or lists of messages. "
        "Other columns are kept; margin is kept as such."
    )
    example = (
        '{"prompt": "How do I fix a flat?", "chosen": "Find the hole, then patch it.", "rejected": "Walk."}\n'
        '{"prompt": "Is a used bicycle worth it?", "chosen": "Often: look at the frame first.", "rejected": "No idea."}'
    )
    use_recorded: bool | None = True

    def rows(self, documents: Sequence[Document], options: Options) -> Iterator[Row | Fault]:
        layouts: dict[str, str] = {}

        def row(record: Json, file: str, line: int) -> Row:
            layout = layout_of(record)
            first = layouts.setdefault(file, layout)
            if layout != first:
                raise Bad(
                    "",
                    _("this line is %(layout)s, but the file began with %(first)s")
                    % {"layout": layout, "first": first},
                )
            prompt, sides = _standard(record) if layout.startswith("standard") else _conversational(record)
            meta, raw = _meta(record)
            answers = [Answer(side) for side in sides]
            return Row(file, line, prompt, answers, [preference()], meta=meta | {"layout": layout}, raw=raw)

        return each(documents, row)


IMPORTER = TRLPreference()
