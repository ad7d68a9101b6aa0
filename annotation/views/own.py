"""Pages of one person over all their projects: their keys, their statistics, their answers."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from annotation import selectors, shortcuts
from annotation.selectors import statistics
from annotation.services import habits
from annotation.views.answers import rows_of
from common.errors import Invalid
from common.http import show_or_send
from projects.selectors import memberships_of


class PersonRequest(HttpRequest):
    """A request of somebody signed in."""

    user: User


@login_required
@show_or_send
def keys(request: PersonRequest) -> HttpResponse:
    """Each action with its key in a box: press another one there. An empty box is the default again."""
    own = habits.habits_of(request.user)
    if request.method != "POST":
        return _keys(request, shortcuts.bound(own.keys), {})
    typed = {key.action: request.POST[key.action] for key in shortcuts.every() if request.POST.get(key.action)}
    wanted = {} if "reset" in request.POST else {name: _pressed(text) for name, text in typed.items()}
    try:
        habits.bind(user=request.user, keys=wanted)
    except Invalid as fault:
        return _keys(request, shortcuts.bound(own.keys) | typed, fault.fields, status=fault.status)
    messages.success(request, _("Your keys are saved."))
    return redirect("rater:keys")


def _pressed(text: str) -> str:
    return " " if text == shortcuts.named(" ") else text


def _keys(request: PersonRequest, bound: dict[str, str], errors: dict[str, Any], *, status: int = 200) -> HttpResponse:
    rows = [
        {
            "action": key.action,
            "words": key.words,
            "key": shortcuts.named(bound[key.action]),
            "default": shortcuts.named(key.key),
            "errors": errors.get(key.action, ()),
        }
        for key in shortcuts.every()
    ]
    return render(request, "annotation/keys.html", {"rows": rows, "wrong": bool(errors)}, status=status)


@require_safe
@login_required
def answers(request: PersonRequest) -> HttpResponse:
    """The latest answers over all projects, or of one, with a text in them."""
    text, slug = request.GET.get("q", "").strip(), request.GET.get("project", "")
    rows = rows_of(selectors.own_history(user=request.user, slug=slug, text=text))
    members = memberships_of(request.user)
    return render(request, "annotation/answers.html", {"rows": rows, "text": text, "slug": slug, "members": members})


@require_safe
@login_required
def figures(request: PersonRequest) -> HttpResponse:
    found = statistics.of_person(user=request.user, members=list(memberships_of(request.user)))
    context = {"found": found, "habits": habits.habits_of(request.user)}
    return render(request, "annotation/statistics.html", context)


@require_POST
@login_required
def telling(request: PersonRequest) -> HttpResponse:
    """Whether days are counted and breaks hinted at."""
    habits.show(user=request.user, shows_days="shows_days" in request.POST, hints_breaks="hints_breaks" in request.POST)
    messages.success(request, _("Saved."))
    return redirect("rater:statistics")
