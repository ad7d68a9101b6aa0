"""What the pages of annotation show, made of what the selectors read. Nothing here that a rater must not know."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from annotation import forms, protocols, selectors, shortcuts
from annotation.models import Annotation, Draft, EndedLease, Rater
from annotation.selectors import Answered, Assignment, MessageText, Sample
from annotation.services.flags import FLAG_REASONS
from annotation.services.leases import SKIP_REASONS, Lease
from corpus.models import Response
from projects.models import Guideline, Membership, Project
from projects.selectors import guideline_changes

FIRST_ITEMS = 3
"""For so many items the guidelines open by themselves."""
RENEW_EVERY_SECONDS = 60


@dataclass(frozen=True)
class Content:
    """A prompt and its responses: what came `before`, what is `asked`, the `responses` in the order frozen."""

    before: Sequence[MessageText]
    asked: Sequence[MessageText]
    context: Sequence[Mapping[str, Any]]
    responses: Sequence[selectors.Shown]
    language: str

    @classmethod
    def of(cls, source: Assignment | Answered | Sample) -> "Content":
        messages = source.messages
        return cls(messages[:-1], messages[-1:], source.context, source.shown, source.language)

    @property
    def cards(self) -> list[dict[str, Any]]:
        """The responses alone, with nothing to answer under them."""
        return [{"response": response, "parts": ()} for response in self.responses]

    @property
    def instructions(self) -> Sequence[MessageText]:
        """What stands before the conversation and tells the model how to behave."""
        return list(takewhile(lambda message: message.instructs, self.before))

    @property
    def earlier(self) -> Sequence[MessageText]:
        """What was said before what is asked."""
        return self.before[len(self.instructions) :]

    @property
    def answerable(self) -> protocols.Content:
        """What an answer may speak of. A page knows no response's id: the place stands for it."""
        shown = [protocols.Shown(place, one.letter, one.text, one.steps) for place, one in enumerate(self.responses)]
        texts = tuple(str(passage.get("text", "")) for passage in self.context)
        messages = tuple(message.text for message in (*self.before, *self.asked))
        return protocols.Content(tuple(shown), texts, messages)


@dataclass(frozen=True)
class Work:
    """The questions put to a `content`, and where on the page they are answered."""

    content: Content
    questions: Sequence[forms.Question]

    @property
    def cards(self) -> list[dict[str, Any]]:
        """The responses, each with the questions answered under it."""
        on_cards = [one for one in self.questions if one.asked.on_cards]
        return [
            {
                "response": response,
                "parts": [(one, one.cards[response.letter]) for one in on_cards if response.letter in one.cards],
            }
            for response in self.content.responses
        ]

    @property
    def layout(self) -> str:
        """docked: one short question, in the bar at the bottom; aside: in a column beside the texts."""
        return "docked" if len(self.questions) == 1 and self.questions[0].in_dock else "aside"


@dataclass(frozen=True)
class Place:
    """Where the parts of a page post to; an empty address takes its part away.

    `token` names the work on the rater's device; `former`: tokens it went by before, under the same frozen order.
    """

    token: str
    submit_url: str
    version: int = 0
    draft_url: str = ""
    renew_url: str = ""
    skip_url: str = ""
    flag_url: str = ""
    cancel_url: str = ""
    former: str = ""
    renew_every: int = RENEW_EVERY_SECONDS


def place_of(project: Project, lease: Lease, assignment: Assignment, *, held: bool) -> Place:
    """`held`: the lease is still the rater's; else only handing in is left."""

    def address(name: str) -> str:
        return reverse(f"annotation:{name}", args=[project.slug, assignment.token])

    former = EndedLease.objects.filter(rater=lease.rater, item=lease.item).exclude(token=assignment.token)
    return Place(
        token=str(assignment.token),
        submit_url=address("submit"),
        version=assignment.draft_version,
        draft_url=address("draft"),
        renew_url=address("renew") if held else "",
        skip_url=address("skip") if held else "",
        flag_url=address("flag") if held else "",
        former=" ".join(str(token) for token in former.values_list("token", flat=True)),
    )


def ended_lease(rater: Rater, token: uuid.UUID) -> Lease | None:
    """A lease of this rater that is over, as it was shown; None where `token` names none."""
    ended = (
        EndedLease.objects.select_related("item__prompt", "form_version", "guideline")
        .filter(token=token, rater=rater)
        .first()
    )
    if ended is None:
        return None
    draft = Draft.objects.filter(item=ended.item, rater=rater).first()
    responses = Response.objects.in_bulk(ended.display_order)
    return Lease(
        token=ended.token,
        slot_id=ended.slot_id,
        item=ended.item,
        rater=rater,
        leased_until=ended.ended_at,
        display_order=tuple(ended.display_order),
        responses=tuple(responses[pk] for pk in ended.display_order),
        form=ended.form_version,
        guideline_id=ended.guideline_id,
        guideline_number=ended.guideline.number if ended.guideline else None,
        draft_values=draft.values if draft else None,
        draft_version=draft.version if draft else 0,
    )


def fields_asked(rater: Rater, token: uuid.UUID) -> tuple[selectors.FormField, ...]:
    """The questions that an assignment of this rater, live or over, asks."""
    holders = (rater.slots, EndedLease.objects.filter(rater=rater))
    found = (holder.select_related("form_version").filter(token=token).first() for holder in holders)
    return next((selectors.form_fields(one.form_version) for one in found if one and one.form_version), ())


def guideline_context(rater: Rater, guideline: Guideline | None, in_hand: int | None = None) -> dict[str, Any]:
    """The drawer: open for a rater's first items, and after a change until they have answered under the new version.

    `in_hand`: the guideline of an item that will have been answered by then.
    """
    answered = Annotation.objects.filter(rater=rater, guideline__isnull=False).order_by("-submitted_at")
    earlier = list(answered.values_list("guideline_id", flat=True)[:FIRST_ITEMS])
    seen = earlier if in_hand is None else [in_hand, *earlier]
    changed = bool(guideline and seen and seen[0] != guideline.pk)
    before = Guideline.objects.filter(pk=seen[0]).first() if changed else None
    return {
        "guideline": guideline,
        "guideline_open": changed or len(seen) < FIRST_ITEMS,
        "guideline_changed": changed,
        "changes": guideline_changes(before, guideline),
    }


def work_context(
    source: Assignment | Answered,
    place: Place,
    values: Mapping[str, Any] | None,
    errors: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """What `annotation/assignment.html` shows beside the guideline; its form holds `values` (display terms)."""
    return {
        "heading": source.fields[0].heading if len(source.fields) == 1 else gettext("What do you think?"),
        "title": gettext("Annotate"),
        "shown": (shown := Content.of(source)),
        "work": Work(shown, forms.questions(source.fields, values or {}, shown.answerable, errors)),
        "keys": shortcuts.bindings(source.fields),
        "key_list": shortcuts.drawn(source.fields),
        "place": place,
        "skip_reasons": list(SKIP_REASONS.items()),
        "flag_reasons": list(FLAG_REASONS.items()),
    }


def welcome_address(project: Project) -> str:
    """The page of consent and survey, which leads on to the next item."""
    onward = reverse("annotation:annotate", args=[project.slug])
    return f"{reverse('projects:welcome', args=[project.slug])}?{urlencode({'next': onward})}"


def part_done() -> dict[str, str]:
    return {
        "title": gettext("You have done your part"),
        "text": gettext("Thank you: that is as many answers as were wanted of you. You may go on if you like."),
        "onward": gettext("Go on"),
    }


def _at_rest(project: Project, membership: Membership) -> dict[str, str]:
    """Why nothing new is given out, whatever there is to do."""
    if project.state in {Project.State.PAUSED, Project.State.ARCHIVED}:
        return {
            "title": gettext("This project is resting"),
            "text": gettext("Nobody is asked anything just now. What you did is kept."),
        }
    if membership.welcome_due:
        return {
            "title": gettext("There is something to read first"),
            "text": gettext("Read what you agree to, and say what you like about yourself; then it goes on."),
            "href": welcome_address(project),
            "action": gettext("Read it"),
        }
    if membership.paused_at:
        return {
            "title": gettext("Your work here is paused"),
            "text": gettext("An admin of the project has paused it and decides when it goes on. What you did is kept."),
        }
    if project.state == Project.State.DRAINING:
        text = gettext("No new items are given out any more. What you did is kept. Thank you.")
    else:
        text = gettext("The deadline has passed. What you did is kept. Thank you.")
    return {"title": gettext("This project is being closed"), "text": text}


def rests(project: Project, membership: Membership) -> bool:
    """Whether nothing new is given out at all, or not to this member."""
    resting = membership.paused_at or membership.welcome_due
    return bool(project.state != Project.State.ACTIVE or resting or not project.gives_out(timezone.now()))


def nothing_left(project: Project, membership: Membership) -> dict[str, str]:
    """Why a rater has nothing to do, in words that help."""
    if rests(project, membership):
        return _at_rest(project, membership)
    items = selectors.progress(project=project).items
    if items["new"]:
        text = gettext("New items are on their way: they are being sorted into those for people and those for judges.")
    elif items["open"]:
        text = gettext(
            "What is left is in other hands, or you have dealt with it already. Something may come free later."
        )
    elif items["done"]:
        text = gettext("Every item has its answers. Thank you.")
    else:
        text = gettext("No item has been brought in yet.")
    return {"title": gettext("Nothing left for you right now"), "text": text}
