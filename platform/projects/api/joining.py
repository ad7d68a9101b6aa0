"""Invitations over the API: made, taken back, accepted."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import ApiRequest, TokenScope
from common.api import known_parameters, paged, validated
from common.http import client_address
from projects import selectors
from projects import serializers as forms
from projects.access import ADMIN, ProjectAPIView
from projects.services import invitations


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
