"""Projects over the API: mine, and the settings of one."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import ApiRequest, TokenScope
from common.api import Pages, known_parameters, paged, validated
from common.errors import NotFound
from projects import selectors
from projects.access import ADMIN, EVERYONE, ProjectAPIView
from projects.models import Project
from projects.serializers import project as forms
from projects.services import projects


class ProjectsView(APIView):
    permission_classes = [IsAuthenticated, TokenScope]
    pagination_class = Pages

    @extend_schema(operation_id="projects_list", responses=forms.ProjectOut(many=True))
    def get(self, request: ApiRequest) -> Response:
        """The projects that the caller is a member of."""
        known_parameters(request, set())
        mine = {member.project_id: member for member in selectors.memberships_of(request.user)}
        rows = Project.objects.filter(pk__in=mine).order_by("state", "name", "pk")
        return paged(self, rows, forms.ProjectOut, roles={key: member.role for key, member in mine.items()})

    @extend_schema(operation_id="projects_create", request=forms.ProjectIn, responses={201: forms.ProjectOut})
    def post(self, request: ApiRequest) -> Response:
        """A new project, the caller its admin. For those who may create projects."""
        if not request.user.may_create_projects:
            raise NotFound  # asked before the body is looked at
        made = projects.create_project(actor=request.user, **validated(forms.ProjectIn(data=request.data)))
        return Response(forms.ProjectOut(made, context={"roles": {made.pk: "admin"}}).data, status=201)


class ProjectView(ProjectAPIView):
    roles: ClassVar = {"GET": EVERYONE, "PATCH": ADMIN}

    def _answer(self, project: Project) -> Response:
        return Response(forms.ProjectOut(project, context={"roles": {project.pk: self.membership.role}}).data)

    @extend_schema(operation_id="projects_retrieve", responses=forms.ProjectOut)
    def get(self, request: ApiRequest, slug: str) -> Response:
        """A project and its settings."""
        known_parameters(request, set())
        return self._answer(self.project)

    @extend_schema(operation_id="projects_change", request=forms.ProjectChange, responses=forms.ProjectOut)
    def patch(self, request: ApiRequest, slug: str) -> Response:
        """Changes the settings that are given."""
        values = validated(forms.ProjectChange(data=request.data, partial=True))
        return self._answer(projects.change_settings(project=self.project, actor=request.user, **values))
