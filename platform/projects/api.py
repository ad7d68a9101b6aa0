"""Projects over the API: mine, their settings, people and guideline."""

from typing import ClassVar

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import ApiRequest, TokenScope
from common.api import Pages, known_parameters, paged, validated
from common.errors import NotFound
from common.http import client_address
from projects import selectors
from projects import serializers as forms
from projects.access import ADMIN, EVERYONE, ProjectAPIView
from projects.models import Project
from projects.services import guidelines, invitations, members, projects


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


class MembersView(ProjectAPIView):
    roles: ClassVar = {"GET": ADMIN}

    @extend_schema(operation_id="members_list", responses=forms.MemberOut(many=True))
    def get(self, request: ApiRequest, slug: str) -> Response:
        """The people of a project and their roles."""
        known_parameters(request, set())
        return paged(self, selectors.members(self.project), forms.MemberOut)


class MemberView(ProjectAPIView):
    roles: ClassVar = {"PATCH": ADMIN, "DELETE": ADMIN}

    @extend_schema(operation_id="members_change", request=forms.RoleIn, responses=forms.MemberOut)
    def patch(self, request: ApiRequest, slug: str, member_id: int) -> Response:
        """Gives a member another role. The last admin keeps theirs (409)."""
        get_object_or_404(self.project.memberships, pk=member_id)  # asked before the body is looked at
        role = validated(forms.RoleIn(data=request.data))["role"]
        changed = members.change_role(project=self.project, member_id=member_id, role=role, actor=request.user)
        return Response(forms.MemberOut(changed).data)

    @extend_schema(operation_id="members_remove", responses={204: None})
    def delete(self, request: ApiRequest, slug: str, member_id: int) -> Response:
        """Shuts a member out; what they judged stays. The last admin cannot be removed (409)."""
        members.remove_member(project=self.project, member_id=member_id, actor=request.user)
        return Response(status=204)


class InvitationsView(ProjectAPIView):
    roles: ClassVar = {"GET": ADMIN, "POST": ADMIN}

    @extend_schema(operation_id="invitations_list", responses=forms.InvitationOut(many=True))
    def get(self, request: ApiRequest, slug: str) -> Response:
        """The invitations that can still be used."""
        known_parameters(request, set())
        return paged(self, selectors.standing_invitations(self.project), forms.InvitationOut)

    @extend_schema(operation_id="invitations_create", request=forms.InvitationIn, responses={201: forms.InvitationMade})
    def post(self, request: ApiRequest, slug: str) -> Response:
        """A link that makes whoever opens it a member, once."""
        values = validated(forms.InvitationIn(data=request.data))
        made, path = invitations.make_invitation(project=self.project, actor=request.user, **values)
        answer = dict(forms.InvitationOut(made).data) | {"link": request.build_absolute_uri(path)}
        return Response(answer, status=201)


class InvitationView(ProjectAPIView):
    roles: ClassVar = {"DELETE": ADMIN}

    @extend_schema(operation_id="invitations_revoke", responses={204: None})
    def delete(self, request: ApiRequest, slug: str, invitation_id: int) -> Response:
        """Takes an invitation back."""
        invitations.revoke_invitation(project=self.project, invitation_id=invitation_id, actor=request.user)
        return Response(status=204)


class JoinView(APIView):
    permission_classes = [IsAuthenticated, TokenScope]

    @extend_schema(operation_id="invitations_accept", request=None, responses={201: forms.JoinedOut})
    def post(self, request: ApiRequest, invitation_secret: str) -> Response:
        """Accepts an invitation: the secret is the last part of its link. 409 for whoever is a member already."""
        _ = request.data  # a broken body is an error also where the route needs none
        address = client_address(request._request)
        member = invitations.accept(secret=invitation_secret, user=request.user, address=address)
        return Response(forms.JoinedOut(member).data, status=201)


class GuidelinesView(ProjectAPIView):
    roles: ClassVar = {"GET": EVERYONE, "POST": ADMIN}

    @extend_schema(operation_id="guidelines_list", responses=forms.GuidelineOut(many=True))
    def get(self, request: ApiRequest, slug: str) -> Response:
        """Every version of the guideline, the newest first."""
        known_parameters(request, set())
        return paged(self, self.project.guidelines.all(), forms.GuidelineOut)

    @extend_schema(operation_id="guidelines_create", request=forms.GuidelineIn, responses={201: forms.GuidelineOut})
    def post(self, request: ApiRequest, slug: str) -> Response:
        """The next version. The same text as the newest one makes no new version."""
        text = validated(forms.GuidelineIn(data=request.data))["text"]
        made = guidelines.add_guideline(project=self.project, text=text, actor=request.user)
        return Response(forms.GuidelineOut(made).data, status=201)


class GuidelineView(ProjectAPIView):
    roles: ClassVar = {"GET": EVERYONE}
    annotating = True

    @extend_schema(operation_id="guidelines_retrieve", responses=forms.GuidelineOut)
    def get(self, request: ApiRequest, slug: str, guideline_number: int) -> Response:
        """One version of the guideline."""
        known_parameters(request, set())
        found = get_object_or_404(self.project.guidelines, number=guideline_number)
        return Response(forms.GuidelineOut(found).data)
