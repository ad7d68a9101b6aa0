"""The people of a project over the API, and one's own choices."""

from typing import Any, ClassVar

from django.db import transaction
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.authentication import ApiRequest
from common.api import known_parameters, paged, validated
from projects import selectors
from projects.access import ADMIN, EVERYONE, ProjectAPIView
from projects.serializers import people as forms
from projects.services import members, open_links


class MembersView(ProjectAPIView):
    roles: ClassVar = {"GET": ADMIN}

    @extend_schema(operation_id="members_list", responses=forms.MemberOut(many=True))
    def get(self, request: ApiRequest, slug: str) -> Response:
        """The people of a project, their roles, and what each is given."""
        known_parameters(request, set())
        return paged(self, selectors.members(self.project), forms.MemberOut)


class MemberView(ProjectAPIView):
    roles: ClassVar = {"GET": ADMIN, "PATCH": ADMIN, "DELETE": ADMIN}

    @extend_schema(operation_id="members_retrieve", responses=forms.MemberOut)
    def get(self, request: ApiRequest, slug: str, member_id: int) -> Response:
        """One member."""
        known_parameters(request, set())
        return Response(forms.MemberOut(get_object_or_404(selectors.members(self.project), pk=member_id)).data)

    @extend_schema(operation_id="members_change", request=forms.MemberIn, responses=forms.MemberOut)
    def patch(self, request: ApiRequest, slug: str, member_id: int) -> Response:
        """Another role, cohort or languages; pauses and resumes. The last admin keeps their role (409)."""
        changed = get_object_or_404(self.project.memberships, pk=member_id)  # asked before the body is looked at
        values = validated(forms.MemberIn(data=request.data))
        who: dict[str, Any] = {"project": self.project, "member_id": member_id, "actor": request.user}
        with transaction.atomic():
            if "role" in values:
                changed = members.change_role(**who, role=values["role"])
            reach: dict[str, Any] = {name: values[name] for name in ("cohort", "languages") if name in values}
            if reach:
                changed = members.change_reach(**who, **reach)
            if "paused" in values:
                changed = members.set_paused(**who, paused=values["paused"])
        return Response(forms.MemberOut(changed).data)

    @extend_schema(operation_id="members_remove", responses={204: None})
    def delete(self, request: ApiRequest, slug: str, member_id: int) -> Response:
        """Shuts a member out; what they judged stays. The last admin cannot be removed (409)."""
        members.remove_member(project=self.project, member_id=member_id, actor=request.user)
        return Response(status=204)


class WayBackView(ProjectAPIView):
    roles: ClassVar = {"POST": ADMIN}

    @extend_schema(operation_id="members_way_back", request=None, responses={201: forms.WayBackOut})
    def post(self, request: ApiRequest, slug: str, member_id: int) -> Response:
        """A sign-in link for who came by an open link and has no password; 409 for anybody else."""
        path = open_links.way_back(project=self.project, member_id=member_id, actor=request.user)
        return Response({"link": request.build_absolute_uri(path)}, status=201)


class ChoicesView(ProjectAPIView):
    roles: ClassVar = {"GET": EVERYONE, "PATCH": EVERYONE}
    annotating = True

    @extend_schema(operation_id="choices_retrieve", responses=forms.ChoicesOut)
    def get(self, request: ApiRequest, slug: str) -> Response:
        """What the caller wants to be given here."""
        known_parameters(request, set())
        return Response(forms.ChoicesOut(self.membership).data)

    @extend_schema(operation_id="choices_change", request=forms.ChoicesIn, responses=forms.ChoicesOut)
    def patch(self, request: ApiRequest, slug: str) -> Response:
        """Other languages or topics for the caller; an empty list stands for all."""
        values = validated(forms.ChoicesIn(data=request.data))
        return Response(forms.ChoicesOut(members.choose(member=self.membership, **values)).data)
