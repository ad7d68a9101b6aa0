"""What the check of an import tells of a file: shapes of rows, kinds of judgment, languages, columns."""

from collections import Counter
from typing import Any


class Recognised:
    """What a person is told of a file before anything is made of it. Counts rows; bounded whatever the file is like."""

    MOST = 50

    def __init__(self) -> None:
        self.shapes: Counter[tuple[int, bool, bool]] = Counter()
        self.kinds: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.columns: dict[str, Any] = {}

    def add(self, body: dict[str, Any]) -> None:
        steps = any(response["meta"].get("steps") for response in body["responses"])
        if not body["open"]:
            self.shapes[len(body["responses"]), steps, bool(body["prompt"]["context"])] += 1
        self.kinds.update(str(entry.get("kind")) for entry in body["feedback"])
        language = body["prompt"]["language"]
        if language in self.languages or len(self.languages) < self.MOST:
            self.languages[language] += 1

    def told(self) -> dict[str, Any]:
        shapes = [
            {"responses": responses, "steps": steps, "context": context, "rows": rows}
            for (responses, steps, context), rows in self.shapes.most_common(self.MOST)
        ]
        return {
            "shapes": shapes,
            "kinds": dict(self.kinds.most_common()),
            "languages": dict(self.languages.most_common()),
            "columns": self.columns,
        }
