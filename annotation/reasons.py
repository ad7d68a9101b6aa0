"""Why a rater is given nothing, and where they are in a qualification: words that help and tell nothing of others."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from annotation import forms, selectors
from annotation.models import Annotation, GoldResult, Lane, Qualification, Rater, Slot
from annotation.protocols import Content
from annotation.services import forms as form_service
from annotation.services import qualification, raters
from annotation.services.lanes import EVERYBODY, Open
from annotation.services.queue import free_slots
from annotation.services.turns import Barred
from annotation.watch import Watch, watch_of
from projects.models import Membership, Project, Role


@dataclass(frozen=True)
class Reason:
    """`code`: for programs; `again`: the rater may begin another attempt."""

    code: str
    title: str
    text: str
    again: bool = False

    @property
    def drawn(self) -> dict[str, Any]:
        return {"title": self.title, "text": self.text, "again": self.again}


def barred(*, project: Project, membership: Membership, rater: Rater) -> Reason | None:
    """What keeps this rater from new items, whatever there is to do; None where nothing does."""
    standing = raters.desk(project=project, rater=rater, membership=membership).standing
    watch = watch_of(project)
    if standing.barred == Barred.QUALITY:
        return _paused()
    if standing.barred == Barred.NOT_QUALIFIED:
        return _not_qualified(rater, watch)
    if standing.barred == Barred.CAP_DAY:
        text = ngettext(
            "One item a day is what one person may answer here. It goes on after midnight (UTC).",
            "%(n)d items a day are what one person may answer here. It goes on after midnight (UTC).",
            watch.cap_day,
        )
        return Reason(Barred.CAP_DAY, gettext("Enough for today"), text % {"n": watch.cap_day})
    if standing.barred == Barred.CAP_TOTAL:
        text = ngettext(
            "One item is what one person may answer here. Thank you.",
            "%(n)d items are what one person may answer here, and you have answered them. Thank you.",
            watch.cap_total,
        )
        return Reason(Barred.CAP_TOTAL, gettext("You have done your share"), text % {"n": watch.cap_total})
    if standing.qualifying and standing.turn is None:
        text = gettext("Its items are not there yet. Those who run the project have to add them; look again later.")
        return Reason("not-ready", gettext("The qualification is being prepared"), text)
    return None


def _paused() -> Reason:
    text = gettext(
        "Some of your latest answers are not what was expected. There can be good reasons for that, so a person of the "
        "project looks at them and decides how it goes on. What you did is kept."
    )
    return Reason(Barred.QUALITY, gettext("A pause, until somebody has had a look"), text)


def _not_qualified(rater: Rater, watch: Watch) -> Reason:
    found = Qualification.objects.get(rater=rater)
    passed, asked = qualification.result_of(rater=rater, attempt=found.attempt)
    said = gettext("%(passed)d of %(asked)d answers were as expected; %(bar)d percent are needed.")
    said %= {"passed": passed, "asked": asked, "bar": round(100 * watch.qualification_bar)}
    left = found.attempts - found.attempt
    if left > 0:
        more = ngettext("You have one more attempt.", "You have %(n)d more attempts.", left) % {"n": left}
    else:
        more = gettext("There is no further attempt, but a person of the project can let you in.")
    return Reason(Barred.NOT_QUALIFIED, gettext("Not passed this time"), f"{said} {more}", again=left > 0)


def for_others(*, project: Project, membership: Membership) -> Reason | None:
    """Where what is left is for other languages, topics or groups than this rater's; else None."""
    lanes = Lane.objects.filter(project=project)
    theirs = set(lanes.filter(Open.to(membership).lanes).values_list("number", flat=True)) | {EVERYBODY}
    free = free_slots(timezone.now()).filter(~Q(lane__in=theirs), project=project)
    if not free.exists():
        return None
    text = gettext(
        "What is left is in languages or on topics that you have not named, or for another group of raters. Those who "
        "run the project can change what you are given."
    )
    return Reason("for-others", gettext("Nothing for you right now"), text)


def step(*, project: Project, membership: Membership, rater: Rater) -> tuple[int, int] | None:
    """(which item, of how many) of a qualification under way; None outside of one. No query where there is none."""
    watch = watch_of(project)
    if not watch.qualification_items or membership.role != Role.RATER:
        return None
    found = Qualification.objects.filter(rater=rater).first()
    if found is None or found.state != Qualification.State.PENDING:
        return None
    done = Slot.objects.filter(rater=rater, purpose="qualification", ordinal=found.attempt, state=Slot.State.DONE)
    return min(done.count() + 1, watch.qualification_items), watch.qualification_items


@dataclass(frozen=True)
class Feedback:
    """What a rater is told of an answer in the qualification. `known`: the known answer in words, as they saw it."""

    passed: bool
    known: str
    explanation: str

    @property
    def words(self) -> str:
        if self.passed:
            found = gettext("As expected.")
        else:
            found = gettext("Expected: %(answer)s.") % {"answer": self.known.rstrip(".")}
        return f"{found} {self.explanation}".strip()


def feedback(*, project: Project, annotation: Annotation) -> Feedback | None:
    """What is said after an answer; None outside a qualification, and where the project tells nothing.

    It is scored at once: what has been told cannot be taken back and answered again.
    """
    watch = watch_of(project)
    if not (watch.qualification_items and watch.qualification_feedback) or annotation.standing != "test":
        return None
    found = qualification.result_now(annotation=annotation)
    return _told(found) if found else None


def told(*, project: Project, rater: Rater) -> list[Feedback]:
    """The same of all answers of the attempt under way or just over, in order."""
    found = Qualification.objects.filter(rater=rater).first()
    if found is None or not watch_of(project).qualification_feedback:
        return []
    results = GoldResult.objects.filter(rater=rater, purpose="qualification", attempt=found.attempt)
    related = ("gold__annotation__form_version", "annotation")
    return [_told(one) for one in results.select_related(*related).order_by("pk")]


def _told(result: GoldResult) -> Feedback:
    known, order = result.gold.annotation, result.annotation.display_order or []
    words = ""
    if known.form_version is not None:
        values = form_service.display_values(known.form_version.fields, known.values, Content.of_ids(order, order))
        fields = [one for one in selectors.form_fields(known.form_version) if one.name in values]
        words = "; ".join(forms.in_words(fields, values))
    return Feedback(result.passed, words, result.gold.explanation)
