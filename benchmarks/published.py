"""Published human judgments of pairs (docs/how-to/public-data.md): texts and votes, left (0), right (1) or tie (2)."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

LEFT, RIGHT, TIE = range(3)


@dataclass(frozen=True)
class Published:
    """U pairs. `texts`: prompt, left and right; `sides` [U, 2]: the two things compared, by number; `votes` [V, 3]:
    unit, rater, outcome; `groups` [U]: what must not be torn apart; `prompts` [U]: what intervals are drawn over;
    `gold` [U]: an outcome by the publishers' own reckoning, -1 where there is none."""

    name: str
    texts: Sequence[tuple[str, str, str]]
    sides: np.ndarray
    votes: np.ndarray
    groups: Sequence[str]
    prompts: Sequence[str]
    gold: np.ndarray


def pandalm(data: Path) -> Published:
    """999 pairs of responses to 170 instructions, three named raters each; gold where all three agree on a side."""
    with gzip.open(data / "pandalm" / "testset-v1.json.gz", "rt", encoding="utf-8") as handle:
        items = json.load(handle)
    code = {0: TIE, 1: LEFT, 2: RIGHT}
    said = np.array([[code[int(one[f"annotator{who}"])] for who in (1, 2, 3)] for one in items])
    votes = np.array([(unit, who, outcome) for unit, row in enumerate(said) for who, outcome in enumerate(row)])
    asked = [str(one["instruction"]) + (f"\n\n{one['input']}" if one["input"] else "") for one in items]
    texts = [(prompt, *(str(one[f"response{n}"]) for n in (1, 2))) for prompt, one in zip(asked, items, strict=True)]
    instructions = [str(one["instruction"]) for one in items]
    gold = np.where((said == said[:, :1]).all(1) & (said[:, 0] != TIE), said[:, 0], -1)
    sides = np.arange(2 * len(items)).reshape(-1, 2)
    return Published("pandalm", texts, sides, votes, instructions, instructions, gold)


def ukpconvarg1(data: Path) -> Published:
    """6,447 pairs of arguments on 12 sides of 6 debates, five workers each of 3,335; an argument is compared with many
    others. Gold is the publishers' label, by MACE."""
    code = {"a1": LEFT, "a2": RIGHT, "equal": TIE}
    texts, sides, votes, gold = [], [], list[tuple[int, int, int]](), []
    debates, prompts = [], []
    workers: dict[str, int] = {}
    arguments: dict[tuple[str, str], int] = {}
    for path in sorted((data / "ukpconvarg1" / "dev").glob("*.xml.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as handle:
            text = handle.read()
        assert "<!DOCTYPE" not in text and "<!ENTITY" not in text
        for pair in ElementTree.fromstring(text):
            for vote in pair.iterfind("mTurkAssignments/mTurkAssignment"):
                worker = workers.setdefault(str(vote.findtext("turkID")), len(workers))
                votes.append((len(sides), worker, code[str(vote.findtext("value"))]))
            named = [(path.name, str(pair.findtext(f"arg{side}/id"))) for side in (1, 2)]
            sides.append([arguments.setdefault(name, len(arguments)) for name in named])
            prompt = f"{pair.findtext('debateMetaData/title')}\n{pair.findtext('arg1/stance')}"
            texts.append((prompt, *(str(pair.findtext(f"arg{side}/text")) for side in (1, 2))))
            gold.append({"a1": LEFT, "a2": RIGHT}.get(str(pair.findtext("goldLabel")), -1))
            prompts.append(path.name)
            debates.append(path.name.split("_", 1)[0])
    return Published("ukpconvarg1", texts, np.array(sides), np.array(votes), debates, prompts, np.array(gold))


def hh_rlhf_harmless(data: Path) -> Published:
    """1,634 pairs of last turns of a conversation, one unnamed rater each; the left one was chosen."""
    with gzip.open(data / "hh_rlhf_harmless" / "dev" / "harmless-base.test.jsonl.gz", "rt", encoding="utf-8") as handle:
        rows = [json.loads(line) for line in handle]
    mark = "\n\nAssistant:"
    parted = [[row[key].rpartition(mark) for key in ("chosen", "rejected")] for row in rows]
    kept = [(a[0], a[2].strip(), b[2].strip()) for a, b in parted if a[2].strip() and b[2].strip()]
    return _single("hh_rlhf_harmless", kept, [LEFT] * len(kept))


def fine_grained_rlhf(data: Path) -> Published:
    """All pairs of four responses to each of 343 questions, one rater each; ties are votes."""
    with gzip.open(data / "fine_grained_rlhf" / "dev" / "dev_feedback.json.gz", "rt", encoding="utf-8") as handle:
        items: list[Mapping[str, Any]] = json.load(handle)
    code = {0: TIE, 1: LEFT, 2: RIGHT}
    rows, said = list[tuple[str, str, str]](), list[int]()
    for one in items:
        for (a, b), outcome in zip(combinations(range(1, 5), 2), one["preference"], strict=True):
            rows.append((one["question"], one[f"prediction {a}"], one[f"prediction {b}"]))
            said.append(code[int(outcome)])
    return _single("fine_grained_rlhf", rows, said)


def _single(name: str, texts: Sequence[tuple[str, str, str]], said: Sequence[int]) -> Published:
    count = len(texts)
    votes = np.stack([np.arange(count), np.zeros(count, int), np.array(said)], 1)
    prompts = [prompt for prompt, _a, _b in texts]
    sides = np.arange(2 * count).reshape(-1, 2)
    return Published(name, texts, sides, votes, prompts, prompts, np.full(count, -1))
