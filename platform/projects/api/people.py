"""The people of a project over the API."""

from typing import ClassVar

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.authentication import ApiRequest
from common.api import known_parameters, paged, validated
from projects import selectors
from projects import serializers as forms
from projects.access import ADMIN, ProjectAPIView
from projects.services import members


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
