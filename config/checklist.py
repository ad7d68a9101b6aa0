"""What a project lacks before its raters can begin, each with the page where it is mended."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.presets import unfilled
from projects.models import Project
from projects.selectors import newest_guideline, open_links, standing_invitations


@dataclass(frozen=True)
class Point:
    """`text` says what is so, done or not; `posts`: the action is a button that changes something."""

    text: str
    done: bool
    action: str
    href: str
    posts: bool = False


def checklist(project: Project) -> list[Point]:
    """Every point, in the order to take them; empty once all are done, or where the project is archived."""
    if project.state == Project.State.ARCHIVED:
        return []
    points = [_form(project), _guideline(project), _items(project), _judged(project), _people(project), _start(project)]
    return [] if all(point.done for point in points) else points


def _page(name: str, project: Project) -> str:
    return reverse(name, args=[project.slug])


def _form(project: Project) -> Point:
    if project.form_versions.exists():
        return Point(_("Raters have a form."), True, _("Look at it"), _page("annotation:form", project))
    return Point(_("Raters have no form yet."), False, _("Choose it"), _page("annotation:form", project))


def _guideline(project: Project) -> Point:
    newest = newest_guideline(project)
    write = _page("projects:guideline_new", project)
    if newest is None:
        return Point(_("Raters have no guideline yet."), False, _("Write it"), write)
    if places := unfilled(newest.text):
        text = ngettext(
            "The guideline has %(places)d place to fill in.", "The guideline has %(places)d places to fill in.", places
        )
        return Point(text % {"places": places}, False, _("Fill it in"), write)
    return Point(_("Raters have a guideline."), True, _("Read it"), _page("projects:guideline", project))


def _items(project: Project) -> Point:
    href = _page("corpus:imports", project)
    if project.items.exists():
        return Point(_("There are items to judge."), True, _("Import more"), href)
    return Point(_("There is nothing to judge yet."), False, _("Import items"), href)


def _judged(project: Project) -> Point:
    href = _page("routing:desk", project)
    if project.routing_plans.exists():
        return Point(_("It is settled who judges: people, a judge, or both."), True, _("Look at it"), href)
    return Point(_("It is not settled who judges."), False, _("Choose a routing policy"), href)


def _people(project: Project) -> Point:
    href = _page("projects:members", project)
    invited = standing_invitations(project).exists() or open_links(project).filter(expires_at__gt=timezone.now())
    if project.memberships.count() > 1 or project.raters.filter(annotations__isnull=False).exists() or invited:
        return Point(_("Raters are invited."), True, _("Invite more"), href)
    return Point(_("You are alone here."), False, _("Invite raters"), href)


def _start(project: Project) -> Point:
    if project.state == Project.State.ACTIVE:
        return Point(_("The project is started."), True, _("Settings"), _page("projects:settings", project))
    return Point(_("The project is not started."), False, _("Start"), _page("projects:start", project), posts=True)
