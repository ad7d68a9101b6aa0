"""Links that let people in, over the API: made, taken back, accepted."""

from dataclasses import asdict
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import ApiRequest, TokenScope
from common.api import known_parameters, paged, validated
from common.http import client_address
from projects import selectors
from projects.access import ADMIN, ProjectAPIView
from projects.serializers import people as forms
from projects.services import invitations, invite_many, open_links


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


class GuestsView(ProjectAPIView):
    roles: ClassVar = {"POST": ADMIN}

    @extend_schema(
        operation_id="invitations_create_many",
        request=forms.GuestsIn,
        responses={200: forms.GuestsOut, 201: forms.GuestsOut},
    )
    def post(self, request: ApiRequest, slug: str) -> Response:
        """Looks a table of people through; with `make` true, and no fault in it, makes a link for each (201)."""
        values = validated(forms.GuestsIn(data=request.data))
        text, actor = values["table"], request.user
        if not values["make"]:
            found = invite_many.look_through(project=self.project, text=text)
            return Response(forms.GuestsOut(found).data)
        made = invite_many.invite_all(project=self.project, text=text, actor=actor, days=values["days"])
        rows = [asdict(guest) | {"link": request.build_absolute_uri(path)} for guest, path in made]
        return Response(forms.GuestsOut({"rows": rows, "faults": []}).data, status=201)


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


class OpenLinksView(ProjectAPIView):
    roles: ClassVar = {"GET": ADMIN, "POST": ADMIN}

    @extend_schema(operation_id="open_links_list", responses=forms.OpenLinkOut(many=True))
    def get(self, request: ApiRequest, slug: str) -> Response:
        """The links for many that were not taken back, and how many came by each."""
        known_parameters(request, set())
        return paged(self, selectors.open_links(self.project), forms.OpenLinkOut)

    @extend_schema(operation_id="open_links_create", request=forms.OpenLinkIn, responses={201: forms.OpenLinkMade})
    def post(self, request: ApiRequest, slug: str) -> Response:
        """A link that makes raters of at most `capacity` people."""
        values = validated(forms.OpenLinkIn(data=request.data))
        made, path = open_links.make_open_link(project=self.project, actor=request.user, **values)
        answer = dict(forms.OpenLinkOut(made).data) | {"link": request.build_absolute_uri(path)}
        return Response(answer, status=201)


class OpenLinkView(ProjectAPIView):
    roles: ClassVar = {"DELETE": ADMIN}

    @extend_schema(operation_id="open_links_revoke", responses={204: None})
    def delete(self, request: ApiRequest, slug: str, open_link_id: int) -> Response:
        """Takes a link back: nobody else comes in by it; who has, stays."""
        open_links.revoke_open_link(project=self.project, link_id=open_link_id, actor=request.user)
        return Response(status=204)


class OpenJoinView(APIView):
    permission_classes = [IsAuthenticated, TokenScope]

    @extend_schema(operation_id="open_links_join", request=forms.ParticipantIn, responses={201: forms.JoinedOut})
    def post(self, request: ApiRequest, open_link_secret: str) -> Response:
        """Makes the caller a rater by a link for many; its secret is the last part of the link."""
        open_links.find_open_link(secret=open_link_secret)  # asked before the body is looked at
        external_id = validated(forms.ParticipantIn(data=request.data))["participant"]
        address = client_address(request._request)
        member = open_links.join(secret=open_link_secret, user=request.user, external_id=external_id, address=address)
        return Response(forms.JoinedOut(member).data, status=201)
