"""Hypothesis strategies for the forms made of choices: a protocol, its configuration, an item, an answer to it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from annotation.protocols import LETTERS, Content, Protocol, Shown, Value, check_config, protocol

KEYS = ("best_of_n", "ranking", "rating", "thumbs", "labels", "steps")
NEEDS = st.sampled_from(["off", "optional", "required"])
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), min_size=1, max_size=8)
ASPECTS = ("helpfulness", "style", "overall")
REASONS = ("funny", "wrong", "long")
Drawn = tuple[Value, Content, Callable[[], Value]]
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 30) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@dataclass(frozen=True)
class Case:
    plug: Protocol
    config: Value
    content: Content
    answers: tuple[Value, ...]

    @property
    def answer(self) -> Value:
        return self.answers[0]

    @property
    def value(self) -> Value:
        return self.stored(self.answer)

    @property
    def values(self) -> list[Value]:
        return [self.stored(answer) for answer in self.answers]

    def stored(self, answer: object) -> Value:
        return self.plug.normal_form(answer, self.config, self.content)

    @property
    def names(self) -> dict[int, str]:
        return {pk: f"r{pk}" for pk in self.content.ids}


def shown_otherwise(content: Content, order: list[int]) -> Content:
    """The same item in another order: `order` permutes the letters."""
    letters = {LETTERS[old]: LETTERS[new] for old, new in enumerate(order)}
    return replace(content, responses=tuple(replace(one, letter=letters[one.letter]) for one in content.responses))


@st.composite
def contents(draw: Any, least: int = 1, most: int = 5, steps: bool = False) -> Content:
    count = draw(st.integers(least, most))
    ids = draw(st.lists(st.integers(1, 999), min_size=count, max_size=count, unique=True))
    letters = draw(st.permutations(LETTERS[:count]))
    sizes = draw(st.lists(st.integers(0, 4), min_size=count, max_size=count).filter(lambda n: not steps or any(n)))
    made = [
        Shown(pk, letter, "one\r\n\r\ntwo\n three", tuple(f"step {i}" for i in range(size)))
        for pk, letter, size in zip(ids, letters, sizes, strict=True)
    ]
    return Content(tuple(made), (), tuple(f"message {i}" for i in range(draw(st.integers(1, 3)))))


def _rationale(draw: Any, need: str) -> Value:
    given = need == "required" or (need == "optional" and draw(st.booleans()))
    return {"rationale": draw(WORDS.filter(str.strip))} if given else {}


def names_of(target: str, content: Content) -> list[str]:
    if target == "item":
        return ["item"]
    many = [f"message:{i}" for i in range(len(content.messages))]
    return many if target == "messages" else [one.letter for one in content.displayed]


@st.composite
def best_of_n(draw: Any) -> Drawn:
    config = {"worst": draw(NEEDS), "none": draw(st.booleans()), "rationale": draw(NEEDS)}
    content = draw(contents(least=3))
    letters = [one.letter for one in content.displayed]

    def answer() -> Value:
        said = {"best": draw(st.sampled_from(letters + ["none"] * config["none"]))}
        if config["worst"] == "required" or (config["worst"] == "optional" and draw(st.booleans())):
            said["worst"] = draw(st.sampled_from([letter for letter in letters if letter != said["best"]]))
        return said | _rationale(draw, config["rationale"])

    return config, content, answer


@st.composite
def ranking(draw: Any) -> Drawn:
    config = {"ties": draw(st.booleans()), "reject": draw(st.booleans()), "rationale": draw(NEEDS)}
    content = draw(contents(least=2, most=8))

    def answer() -> Value:
        letters = draw(st.permutations([one.letter for one in content.displayed]))
        cut = draw(st.integers(0, len(letters))) if config["reject"] else len(letters)
        tiers: list[list[str]] = []
        for letter in letters[:cut]:
            if tiers and config["ties"] and draw(st.booleans()):
                tiers[-1] = sorted([*tiers[-1], letter])
            else:
                tiers.append([letter])
        return {"tiers": tiers, "rejected": sorted(letters[cut:])} | _rationale(draw, config["rationale"])

    return config, content, answer


@st.composite
def rating(draw: Any) -> Drawn:
    keys = draw(st.lists(st.sampled_from(ASPECTS), min_size=1, unique=True))
    scales = {key: draw(st.sampled_from(["likert5", "likert7", "stars", "slider"])) for key in keys}
    ends = {"likert5": (1, 5), "likert7": (1, 7), "stars": (1, 5), "slider": (0, 100)}
    config = {
        "target": draw(st.sampled_from(["responses", "item"])),
        "aspects": [{"key": key, "name": key.title(), "scale": scales[key], "high": "best"} for key in keys],
        "rationale": draw(NEEDS),
    }
    content = draw(contents())

    def answer() -> Value:
        scores = {
            name: {key: draw(st.none() | st.integers(*ends[scales[key]])) for key in keys}
            for name in names_of(config["target"], content)
        }
        return {"scores": scores} | _rationale(draw, config["rationale"])

    return config, content, answer


@st.composite
def thumbs(draw: Any) -> Drawn:
    config = {
        "target": draw(st.sampled_from(["responses", "item", "messages"])),
        "neutral": draw(st.booleans()),
        "every": draw(st.booleans()),
        "reasons": [{"key": key, "label": key} for key in REASONS],
    }
    content = draw(contents())

    def answer() -> Value:
        names = names_of(config["target"], content)
        if not config["every"]:
            names = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        said = {}
        for name in names:
            chosen = draw(st.sets(st.sampled_from(REASONS)))
            reasons = {"reasons": [key for key in REASONS if key in chosen]} if chosen else {}
            said[name] = {"value": draw(st.sampled_from(["up", "down", *(["neutral"] * config["neutral"])]))} | reasons
        return said

    return config, content, answer


FAULTS = ("long", "wrong", "rude")
QUESTIONS: list[tuple[Value, Any]] = [
    ({"key": "safe", "label": "Safe?", "cannot_tell": True}, st.none() | st.booleans()),
    (
        {"key": "tone", "label": "Tone", "kind": "single", "options": ["warm", "cold"]},
        st.sampled_from(["warm", "cold"]),
    ),
    (
        {"key": "faults", "label": "Faults", "kind": "multiple", "options": FAULTS, "cannot_tell": True},
        st.none() | st.sets(st.sampled_from(FAULTS)).map(lambda found: [key for key in FAULTS if key in found]),
    ),
    (
        {"key": "count", "label": "How many?", "kind": "number", "minimum": -3, "required": False},
        st.integers(-3, 99) | st.sampled_from([0.5, 2.25]),
    ),
]


@st.composite
def labels(draw: Any) -> Drawn:
    chosen = [QUESTIONS[i] for i in draw(st.lists(st.sampled_from(range(len(QUESTIONS))), min_size=1, unique=True))]
    questions = []
    for question, _said in chosen:
        options = [{"key": key, "label": key.title()} for key in question.get("options", [])]
        questions.append(question | ({"options": options} if options else {}))
    config = {"target": draw(st.sampled_from(["responses", "item", "messages"])), "questions": questions}
    content = draw(contents())

    def answer() -> Value:
        names = names_of(config["target"], content)
        found: Value = {}
        for name in names:
            asked = [(q["key"], said) for q, said in chosen if q.get("required", True) or draw(st.booleans())]
            found |= {name: {key: draw(said) for key, said in asked}} if asked else {}
        return {"answers": found or {names[0]: {chosen[0][0]["key"]: draw(chosen[0][1])}}}

    return config, content, answer


@st.composite
def steps(draw: Any) -> Drawn:
    config = {
        "steps": draw(st.sampled_from(["recorded", "paragraphs", "lines"])),
        "ask": draw(st.sampled_from(["each", "first_error"])),
    }
    content = draw(contents(steps=True))
    mark = st.sampled_from(["good", "neutral", "bad", "unknown"])

    def answer() -> Value:
        said: Value = {}
        for one in content.displayed:
            count = {"recorded": len(one.steps), "paragraphs": 2, "lines": 3}[config["steps"]]
            if count and config["ask"] == "first_error":
                said[one.letter] = {"first_error": draw(st.none() | st.integers(0, count - 1))}
            elif count:
                said[one.letter] = {"labels": draw(st.lists(mark, min_size=count, max_size=count))}
        return said

    return config, content, answer


MAKERS = {
    "best_of_n": best_of_n,
    "ranking": ranking,
    "rating": rating,
    "thumbs": thumbs,
    "labels": labels,
    "steps": steps,
}


@st.composite
def cases(draw: Any, key: str) -> Case:
    """An item, and three answers to it under one configuration."""
    config, content, answer = draw(MAKERS[key]())
    answers = tuple(answer() for _ in range(3))
    return Case(protocol(key), check_config(key, config), content, answers)


ABC = Content(
    (Shown(11, "C", "one\ntwo", ("a", "b")), Shown(22, "A", "three", ("c",)), Shown(33, "B", "four")),
    (),
    ("Hello?", "And then?"),
)
ASPECT = {"key": "style", "name": "Style"}
TONE = {"key": "tone", "label": "Tone", "kind": "single", "options": [{"key": "warm", "label": "Warm"}]}
SLIDER = {"aspects": [{"key": "style", "name": "Style", "scale": "slider"}]}
