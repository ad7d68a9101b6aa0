"""Who may do what: one question, "is this person a member of this project with one of these roles?".

Whoever is not gets 404, never 403: that a project, or a page for another role, exists is none of their business.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import READS, scope_allows
from accounts.models import User
from common.api import Pages
from common.compiled import compiled, first
from common.errors import NotFound
from projects.models import Membership, Project, Role

ADMIN = frozenset({Role.ADMIN})
RESEARCH = frozenset({Role.ADMIN, Role.RESEARCHER})
REVIEW = frozenset({Role.ADMIN, Role.RESEARCHER, Role.REVIEWER})
EVERYONE = frozenset(Role)


class ProjectRequest(HttpRequest):
    """A request whose sender was found to be a member: `project` and `membership` are set."""

    user: User
    project: Project
    membership: Membership


@compiled
def _memberships(*, user: int, slug: str) -> QuerySet[Membership]:
    return Membership.objects.select_related("project").filter(user=user, project__slug=slug)


def membership(user: User, slug: str, roles: frozenset[Role]) -> Membership:
    """The membership that lets `user` act in the project `slug`. Raises NotFound without one of `roles`."""
    found = first(_memberships(user=user.pk, slug=slug))
    if found is None or found.role not in roles:
        raise NotFound
    return found


def project_view(roles: frozenset[Role]) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Guards an HTML view `view(request, **kwargs)` under `/projects/<slug>/`; the view reads `request.project`."""

    def guard(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @login_required
        @wraps(view)
        def inner(request: ProjectRequest, slug: str, **kwargs: Any) -> HttpResponse:
            request.membership = membership(request.user, slug, roles)
            request.project = request.membership.project
            return view(request, **kwargs)

        inner.roles = roles  # type: ignore[attr-defined]  # the access matrix of the tests reads it
        return inner

    return guard


class ProjectAPIView(APIView):
    """The base of every API view under `/api/v1/projects/<slug>/`: sets `self.project` and `self.membership`.

    `roles`: HTTP method → who may. `annotating`: the route is a rater's own work (tokens of scope `annotate` may).
    """

    roles: ClassVar[dict[str, frozenset[Role]]]
    annotating: ClassVar[bool] = False
    # Lists are paged; one that is not says None, so that the API's description is true.
    pagination_class: ClassVar[type[Pages] | None] = Pages
    project: Project
    membership: Membership

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in self.roles:
            raise exceptions.MethodNotAllowed(str(request.method))
        if not isinstance(request.user, User):
            raise exceptions.NotAuthenticated
        self.membership = membership(request.user, kwargs["slug"], self.roles[request.method])
        self.project = self.membership.project
        token: Any = request.auth
        if token is not None and not scope_allows(token, str(request.method), self.annotating):
            raise exceptions.PermissionDenied(gettext("The token's scope does not cover this."))
        if request.method not in READS:
            _ = request.data  # a broken body is an error also where the route needs none
