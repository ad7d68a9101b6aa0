"""UKPConvArg1: which of two arguments convinces more, with a tie and a written reason, five workers a pair."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.replay.cases import Case, Facts, Json, Judgment, Source, entry_of, letter_of, opened, text_by_id

FORM = [
    {"name": "preference", "protocol": "pairwise",
     "config": {"points": 3, "rationale": "optional", "both_bad": False}}
]  # fmt: skip


def _pairs(folder: Path) -> Iterator[tuple[str, Any]]:
    for place, path in enumerate(sorted(folder.glob("dev/*.xml.gz"))):
        with opened(path) as handle:
            text = handle.read()
        # Entities and DTDs have no place in these files, and none is ever resolved.
        assert "<!DOCTYPE" not in text and "<!ENTITY" not in text
        for pair in ElementTree.fromstring(text):
            yield f"ukp-{place}-{pair.findtext('id')}", pair


def _judgment(vote: Any, texts: dict[str, str]) -> Judgment:
    value, reason = vote.findtext("value"), vote.findtext("reason")

    def answer(assignment: Json) -> Json:
        choice = "tie" if value == "equal" else letter_of(assignment, texts[value])
        return {"preference": {"choice": choice} | ({"rationale": reason} if reason else {})}

    return Judgment(vote.findtext("turkID"), answer)


def cases(folder: Path) -> Iterator[Case]:
    for name, pair in _pairs(folder):
        texts = {f"a{side}": pair.find(f"arg{side}").findtext("text") for side in (1, 2)}
        line = {
            "external_id": name,
            "group": str(pair.find("debateMetaData").findtext("title")),
            "prompt": str(pair.find("debateMetaData").findtext("title")),
            "responses": [{"id": side, "text": text} for side, text in texts.items()],
        }
        yield Case(line, tuple(_judgment(vote, texts) for vote in pair.find("mTurkAssignments")))


VOTE = re.compile(
    r"<turkID>(?P<who>[^<]+)</turkID>.*?<value>(?P<value>[^<]+)</value>\s*<reason>(?P<reason>.*?)</reason>", re.DOTALL
)
ARGUMENT = re.compile(r"<arg(?P<side>[12])>.*?<text>(?P<text>.*?)</text>.*?</arg(?P=side)>", re.DOTALL)
ENTITIES = {"lt": "<", "gt": ">", "quot": '"', "apos": "'", "amp": "&"}


def _unescaped(text: str) -> str:
    """XML's own entities and numbers; line ends as XML has them."""
    return re.sub(
        r"&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));",
        lambda m: chr(int(m[1])) if m[1] else chr(int(m[2], 16)) if m[2] else ENTITIES[m[3]],
        text.replace("\r\n", "\n").replace("\r", "\n"),
    )


def facts(folder: Path, wanted: Collection[str] | None = None) -> dict[tuple[str, str], Facts]:
    """Read by pattern, not by the parser that made the items: the text that convinced, and the reason."""
    found: dict[tuple[str, str], Facts] = {}
    for place, path in enumerate(sorted(folder.glob("dev/*.xml.gz"))):
        with opened(path) as handle:
            blocks = handle.read().split("<annotatedArgumentPair>")[1:]
        for block in blocks:
            [name] = re.findall(r"\A\s*<id>(.*?)</id>", block)
            if wanted is not None and f"ukp-{place}-{name}" not in wanted:
                continue
            texts = {f"a{one['side']}": _unescaped(one["text"]) for one in ARGUMENT.finditer(block)}
            for vote in VOTE.finditer(block):
                said = [texts.get(vote["value"]), _unescaped(vote["reason"]), sorted(texts.values())]
                found[f"ukp-{place}-{name}", vote["who"]] = said
    return found


def told(line: Json, entries: list[Json]) -> Facts:
    texts = text_by_id(line)
    said = entry_of(entries, "preference")
    assert said is not None
    winner = None if said["choice"] == "tie" else texts[said[said["choice"]]]
    return [winner, said.get("rationale", ""), sorted(texts.values())]


SOURCES = [Source("ukpconvarg1: pairs with reasons", "ukpconvarg1", FORM, cases, facts, told)]
