"""What one rater's pages are made of: nothing of other raters, models, gold or routing, and no id of a response."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.content import MessageText, conversation, response_text, shape_of, steps_of
from annotation.models import Annotation, FormVersion, Item, Rater
from annotation.protocols import LETTERS, full_config, protocol
from annotation.services.forms import check_item, default_fields
from annotation.services.leases import Lease
from annotation.services.submissions import can_undo, displayed
from annotation.services.turns import midnight_of
from annotation.standings import NO_RATERS_WORK, answered_since, shown_standing
from common.errors import NotFound
from corpus.models import Prompt, Response
from projects.models import Guideline, Project

PASSAGE = ("kind", "title", "text", "sentences")
SAMPLED = 10
"""Items looked at to find one that a form can be put to."""


@dataclass(frozen=True)
class Shown:
    """One response under the letter of its place."""

    letter: str
    text: str
    steps: tuple[str, ...] = ()
    turns: tuple[MessageText, ...] = ()
    """Its messages; `text` is what they say together."""


@dataclass(frozen=True)
class FormField:
    """One question of the form; `label` and `help` are the project's own words, empty where there are none."""

    name: str
    label: str
    help: str
    protocol: str
    config: dict[str, Any]
    required: bool

    @property
    def title(self) -> str:
        return self.label or str(protocol(self.protocol).title)

    @property
    def heading(self) -> str:
        """What a page that asks nothing else is headed by."""
        return self.label or str(protocol(self.protocol).asks)

    @property
    def template(self) -> str:
        return protocol(self.protocol).form_template

    @property
    def script(self) -> str:
        return protocol(self.protocol).script

    @property
    def on_cards(self) -> bool:
        return protocol(self.protocol).on_cards


@dataclass(frozen=True)
class FormInForce:
    """`number` 0: the default, which nobody has answered yet."""

    number: int
    fields: tuple[FormField, ...]


@dataclass(frozen=True)
class Assignment:
    """One item in a rater's hands, as their page or the API shows it."""

    token: uuid.UUID
    idempotency_key: uuid.UUID
    leased_until: datetime
    messages: tuple[MessageText, ...]
    context: list[dict[str, Any]]
    language: str
    shown: tuple[Shown, ...]
    form_number: int
    fields: tuple[FormField, ...]
    guideline_id: int | None
    guideline_number: int | None
    draft_values: dict[str, Any] | None
    draft_version: int

    @property
    def guideline(self) -> Guideline | None:
        """Read on use: the API leaves it out, where a guideline has an address of its own."""
        return Guideline.objects.filter(pk=self.guideline_id).first() if self.guideline_id else None


@dataclass(frozen=True)
class Answered:
    """An answer that was given, as its rater sees it again. `values` in display terms."""

    annotation_id: int
    messages: tuple[MessageText, ...]
    context: list[dict[str, Any]]
    language: str
    shown: tuple[Shown, ...]
    fields: tuple[FormField, ...]
    guideline: Guideline | None
    values: dict[str, Any]
    standing: str
    submitted_at: datetime
    is_correction: bool
    can_undo: bool


def form_fields(form: FormVersion) -> tuple[FormField, ...]:
    """The questions of a form."""
    return tuple(
        FormField(
            name=field["name"],
            label=field.get("label", ""),
            help=field.get("help", ""),
            protocol=field["protocol"],
            config=full_config(field),
            required=field.get("required", True),
        )
        for field in form.fields
    )


def form(*, project: Project) -> FormInForce:
    """What raters of a project are asked now."""
    newest = FormVersion.objects.filter(project=project).order_by("-number").first()
    found = newest or FormVersion(number=0, fields=default_fields())
    return FormInForce(found.number, form_fields(found))


def _shown(responses: Sequence[Response]) -> tuple[Shown, ...]:
    return tuple(
        Shown(LETTERS[place], response_text(response.messages), steps_of(response), conversation(response.messages))
        for place, response in enumerate(responses)
    )


def _context(prompt: Prompt) -> list[dict[str, Any]]:
    return [{key: part[key] for key in PASSAGE if key in part} for part in prompt.context]


def assignment(lease: Lease) -> Assignment:
    """The view of a lease. No query of its own."""
    prompt = lease.item.prompt
    return Assignment(
        token=lease.token,
        idempotency_key=lease.token,
        leased_until=lease.leased_until,
        messages=conversation(prompt.messages),
        context=_context(prompt),
        language=prompt.language,
        shown=_shown(lease.responses),
        form_number=lease.form.number,
        fields=form_fields(lease.form),
        guideline_id=lease.guideline_id,
        guideline_number=lease.guideline_number,
        draft_values=lease.draft_values,
        draft_version=lease.draft_version,
    )


def answered(*, rater: Rater, annotation_id: int) -> Answered:
    """An answer of this rater, or the correction that stands in its place. Raises NotFound, also where taken back."""
    own = Annotation.objects.exclude(standing__in=NO_RATERS_WORK).filter(rater=rater, retracted_at=None)
    own = own.select_related("item__prompt", "form_version", "guideline", "revised_by")
    found = own.filter(pk=annotation_id).first()
    while found is not None and (later := getattr(found, "revised_by", None)) is not None:
        found = own.filter(pk=later.pk).first()
    if found is None or found.form_version is None or found.display_order is None:
        raise NotFound(_("There is no such answer of yours."))
    responses = Response.objects.in_bulk(found.display_order)
    prompt = found.item.prompt
    return Answered(
        annotation_id=found.pk,
        messages=conversation(prompt.messages),
        context=_context(prompt),
        language=prompt.language,
        shown=_shown([responses[pk] for pk in found.display_order]),
        fields=form_fields(found.form_version),
        guideline=found.guideline,
        values=displayed(found),
        standing=shown_standing(found),
        submitted_at=found.submitted_at,
        is_correction=found.revises_id is not None,
        can_undo=can_undo(found),
    )


def today(*, rater: Rater) -> int:
    """How many items this rater has answered since midnight (UTC); a correction answers none anew. By index."""
    return answered_since(Annotation.objects.filter(rater=rater), midnight_of(timezone.now())).count()


@dataclass(frozen=True)
class Sample:
    """An item as any rater would see it, in no one's hands."""

    messages: tuple[MessageText, ...]
    context: list[dict[str, Any]]
    shown: tuple[Shown, ...]
    language: str


def sample(*, project: Project, fields: Sequence[dict[str, Any]]) -> Sample | None:
    """One of the newest items that a form of these fields can be put to; None where none of them fits."""
    newest = Item.objects.filter(project=project).select_related("prompt").order_by("-pk")
    for item in newest.prefetch_related("item_responses__response")[:SAMPLED]:
        responses = [row.response for row in item.item_responses.all()]
        if not check_item(fields, shape_of(item.prompt, responses)):
            return sample_of(item.prompt, responses)
    return None


def sample_of(prompt: Prompt, responses: Sequence[Response]) -> Sample:
    """A prompt and its responses in this order, as any rater would see them."""
    return Sample(conversation(prompt.messages), _context(prompt), _shown(responses), prompt.language)
