"""How a judge that reads and writes is asked: the settings that all of them have, part of their identity."""

import random
from typing import Any

from pydantic import BaseModel, Field, field_validator, model_validator

from common.errors import Invalid
from common.words import gettext_noop as _
from routing.judges import Question
from routing.judges.prompts import OWN_PLACES, PROMPTS, check_places, prompt

# Part of a judge's identity: raise it when a form's question, its reading or the way readings are settled changes.
VERSION = "questions-2"


class Principle(BaseModel, extra="forbid"):
    name: str = Field(min_length=1, max_length=60, title=_("Name"))
    text: str = Field(min_length=1, max_length=1000, title=_("Principle"))


class Manner(BaseModel, extra="forbid"):
    """How to ask: the settings that all judges have who read and write. All of it is part of a judge's identity."""

    template: str = Field(
        "plain",
        title=_("Prompt"),
        description=_("How the question of the form is put."),
        json_schema_extra=lambda schema: schema.update(
            enum=[*PROMPTS], choices={key: prompt(key).title for key in PROMPTS}
        ),
    )
    instructions: str = Field(
        "",
        max_length=8000,
        title=_("Instructions"),
        description=_(
            "Words of your own that stand at the end of the prompt. $letters, $asks, $guideline and $principle are "
            "filled in; a dollar sign is written $$."
        ),
    )
    principles: list[Principle] = Field(
        default_factory=list,
        max_length=100,
        title=_("Principles"),
        description=_("For the prompt that draws one for each item; the draw is the same whenever the item is asked."),
    )
    guideline: bool = Field(
        True,
        title=_("Tell it the guideline"),
        description=_("The judge reads what the project tells its people."),
    )
    both_orders: bool = Field(
        True,
        title=_("Ask in both orders"),
        description=_("Twice the price; without it a bias for a position goes unseen."),
    )
    samples: int = Field(
        1,
        ge=1,
        le=20,
        title=_("Samples"),
        description=_("How often each order is asked; more than one needs a temperature above 0."),
    )

    @field_validator("template")
    @classmethod
    def _known(cls, template: str) -> str:
        if template not in PROMPTS:
            raise ValueError(_("There is no such prompt."))
        return template

    @field_validator("instructions")
    @classmethod
    def _with_known_places(cls, instructions: str) -> str:
        try:
            check_places(instructions, OWN_PLACES)
        except Invalid as wrong:
            raise ValueError(wrong.detail) from wrong
        return instructions

    @model_validator(mode="after")
    def _has_principles(self) -> "Manner":
        if prompt(self.template).draws != bool(self.principles):
            raise ValueError(_("Principles belong to the prompt that draws one of them, and to no other."))
        if len({one.name for one in self.principles}) < len(self.principles):
            raise ValueError(_("Two principles have the same name."))
        return self

    def identity(self) -> dict[str, Any]:
        """All of the manner that could change a verdict."""
        asked = prompt(self.template)
        return (
            {"prompt": VERSION, "template_version": asked.version}
            | {
                name: getattr(self, name)
                for name in ("template", "instructions", "guideline", "both_orders", "samples")
            }
            | ({"principles": [one.model_dump() for one in self.principles]} if self.principles else {})
        )


def drawn(manner: Manner, question: Question) -> Principle:
    """The principle of an item: drawn by its key, so that asking again asks the same."""
    return random.Random(f"{question.key}/{question.field}").choice(manner.principles)  # noqa: S311  not a secret
