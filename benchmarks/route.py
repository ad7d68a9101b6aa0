"""`make bench-route DATA=<folder>`: what routing is worth on items that people judged, beside random and oracle.

A folder holds manifest.json {name, judge, reference} and pairs.jsonl.gz {id, group, prompt, a, b, humans, judges}.
Prints a table, draws the curve (an SVG in --picture), and ends with one JSON line.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import pictures
from benchmarks.pictures import Axis, Curve, Panel
from routing import curves, features
from routing.features import Signals

SHARES = (0, 10, 25, 50, 75, 100)
CODES = {"a": 0, "b": 1, "tie": 2, "both_bad": 3}
SIDES = {"a": "left", "b": "right", "tie": "tie", "both_bad": "both_bad"}


def load(folder: Path) -> tuple[str, curves.Cases]:
    """(name, cases) of a folder. Raises SystemExit, saying what is missing."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        with gzip.open(folder / "pairs.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
    except (OSError, ValueError) as fault:
        sys.exit(f"{folder} is no folder of routing data: {fault}")
    judge = manifest["judge"]
    people = sorted({name for row in rows for name in row.get("humans") or {}})
    places = {name: place for place, name in enumerate(people)}
    said = np.full((len(rows), max(1, len(people))), curves.MISSING)
    for number, row in enumerate(rows):
        for name, label in (row.get("humans") or {}).items():
            said[number, places[name]] = CODES.get(label, curves.MISSING)
    told = [signals(row, judge) for row in rows]
    texts = [(text_row(row), one) for row, one in zip(rows, told, strict=True)]
    labels = [CODES[(row["judges"].get(judge) or {}).get("verdict") or "tie"] for row in rows]
    found = curves.Cases(
        judge=np.array(labels),
        people=said,
        groups=np.array([str(row.get("group", row.get("id"))) for row in rows]),
        features=with_extras(features.matrix(texts), rows),
        doubt=np.array([one.doubt() for one in told]),
        gold=manifest.get("reference") == "gold",
    )
    return manifest["name"], found


def text_row(row: Mapping[str, Any]) -> list[float] | None:
    prompt, left, right = (_text(row.get(key)) for key in ("prompt", "a", "b"))
    return None if left is None or right is None else features.text_row(prompt or "", [left, right])


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def signals(row: Mapping[str, Any], judge: str) -> Signals:
    """What the judges of a row said, in the product's words."""
    own = row["judges"].get(judge) or {}
    others = [other for name, other in sorted(row["judges"].items()) if name != judge]
    return Signals(
        verdict=SIDES.get(own.get("verdict") or ""),
        swapped=SIDES.get(own["swapped"] or "", "tie") if "swapped" in own else None,
        samples=[SIDES.get(one or "", "tie") for one in own.get("samples") or []],
        p_left=own.get("p_a"),
        score_gap=own.get("score_gap"),
        others=[SIDES.get(other.get("verdict") or "") for other in others],
        other_gaps=[other["score_gap"] for other in others if other.get("score_gap") is not None],
    )


def with_extras(matrix: np.ndarray, rows: list[dict[str, Any]]) -> np.ndarray:
    """Numbers and tags that the data bring themselves, as further columns."""
    numbers = sorted({name for row in rows for name, value in (row.get("features") or {}).items() if _number(value)})
    tags = sorted({(name, str(value)) for row in rows for name, value in _tags(row).items()})
    columns = [[float((row.get("features") or {}).get(name, np.nan)) for row in rows] for name in numbers]
    columns += [[float(str(_tags(row).get(name)) == value) for row in rows] for name, value in tags[:50]]
    return np.column_stack([matrix, *columns]) if columns else matrix


def _tags(row: Mapping[str, Any]) -> dict[str, Any]:
    tags = row.get("tags") or {}
    return tags if isinstance(tags, dict) else dict.fromkeys(map(str, tags), True)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def table(found: Mapping[str, Any]) -> str:
    lines = ["agreement, %     " + "".join(f"{share:>9} %" for share in SHARES)]
    for name, row in found["policies"].items():
        lines.append(f"{name:<17}" + "".join(f"{row[str(share)]['agreement']:>11.1f}" for share in SHARES))
    return "\n".join(lines)


def picture(found: Mapping[str, Any]) -> str:
    """The curves as an SVG; the numbers are in the table."""
    rows = found["policies"].items()
    drawn = [Curve(name, [row[str(share)]["agreement"] for share in SHARES]) for name, row in rows]
    title = f"{found['dataset']}: agreement with people, %"
    return pictures.picture(title, Axis("share of people, %", SHARES, SHARES), [Panel("", drawn)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--picture", type=Path, help="where to draw the curves (SVG)")
    given = parser.parse_args()
    name, cases = load(given.data)
    found = curves.measure(cases, name=name, shares=SHARES, seeds=given.seeds)
    print(table(found))
    if given.picture:
        given.picture.write_text(picture(found))
        print(f"The curves are drawn in {given.picture}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
