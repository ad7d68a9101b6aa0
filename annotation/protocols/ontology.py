"""What a project calls the faults of a text: categories with their letter, colour and granularity, and severities."""

from collections.abc import Sequence
from typing import Literal

from django.utils.translation import gettext as _
from pydantic import Field, model_validator

from annotation.protocols import Config
from common.words import gettext_noop

NAME = r"^[a-z][a-z0-9_]{0,39}$"
GRANULARITIES = ("sub-sentence", "sentence", "response")
Need = Literal["off", "optional", "required"]


class Term(Config):
    """`key` is what is stored, `name` what raters read."""

    key: str = Field(pattern=NAME)
    name: str = Field(min_length=1, max_length=60)


class Category(Term):
    """One type of fault. `letter` stands at its marks, so that colour is never the only signal."""

    letter: str = Field(min_length=1, max_length=2)
    color: int = Field(1, ge=1, le=8)
    description: str = Field("", max_length=500)
    granularity: Literal["sub-sentence", "sentence", "response"] = "sub-sentence"
    subcategories: list[Term] = Field(default_factory=list, max_length=10)


def _categories() -> list[Category]:
    return [
        Category(
            key="incorrect",
            name=gettext_noop("Incorrect"),
            letter="I",
            color=1,
            description=gettext_noop("It is not true."),
        ),
        Category(
            key="unclear",
            name=gettext_noop("Unclear"),
            letter="U",
            color=2,
            description=gettext_noop("It cannot be understood."),
        ),
        Category(
            key="off_topic",
            name=gettext_noop("Off topic"),
            letter="O",
            color=3,
            granularity="sentence",
            description=gettext_noop("It does not help to answer."),
        ),
    ]


def _severities() -> list[Term]:
    return [Term(key="minor", name=gettext_noop("Minor")), Term(key="major", name=gettext_noop("Major"))]


class SpansConfig(Config):
    categories: list[Category] = Field(
        default_factory=_categories,
        min_length=1,
        max_length=30,
        title=gettext_noop("Types of fault"),
        description=gettext_noop(
            "Each with key, name, letter, color (1 to 8), description, granularity (sub-sentence, sentence or "
            "response) and subcategories. The first nine have a digit."
        ),
    )
    severity: Need = Field("required", title=gettext_noop("Severity"))
    severities: list[Term] = Field(
        default_factory=_severities,
        max_length=9,
        title=gettext_noop("Severities"),
        description=gettext_noop("From the least to the worst, each with key and name."),
    )
    note: Need = Field(
        "optional", title=gettext_noop("Note"), description=gettext_noop("A few words on what is wrong.")
    )
    correction: Need = Field(
        "off", title=gettext_noop("Correction"), description=gettext_noop("What should stand there instead.")
    )
    evidence: bool = Field(
        False,
        title=gettext_noop("Ask for evidence"),
        description=gettext_noop("The sentence of a context passage that shows the fault."),
    )
    omissions: bool = Field(
        True,
        title=gettext_noop("Ask for what is missing"),
        description=gettext_noop("Information that a response should have given."),
    )
    targets: list[Literal["responses", "context", "messages"]] = Field(
        default_factory=lambda: ["responses"],  # type: ignore[arg-type]  # a list of literals
        min_length=1,
        max_length=3,
        title=gettext_noop("Texts to mark"),
        json_schema_extra={
            "choices": {
                "responses": gettext_noop("responses"),
                "context": gettext_noop("context passages"),
                "messages": gettext_noop("messages of the prompt"),
            }
        },
        description=gettext_noop("responses, context (its passages), messages (of the prompt)."),
    )

    @model_validator(mode="after")
    def _each_once(self) -> "SpansConfig":
        lists: list[Sequence[Term]] = [
            self.categories,
            self.severities,
            *(one.subcategories for one in self.categories),
        ]
        for keys in ([term.key for term in terms] for terms in lists):
            if len(set(keys)) < len(keys):
                raise ValueError(_("A key stands twice."))
        letters = [one.letter for one in self.categories]
        if len(set(letters)) < len(letters):
            raise ValueError(_("Two types of fault have the same letter."))
        if self.severity != "off" and not self.severities:
            raise ValueError(_("Name the severities, or do not ask for one."))
        return self
