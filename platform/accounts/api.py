"""Who the caller is, and the tokens they have. Tokens are made in the browser or by `manage.py create_token`."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.authentication import ApiRequest, TokenScope
from accounts.models import ApiToken, User
from common.api import Pages, known_parameters, paged
from common.http import client_address


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its metaclass has no types
    """How the API's own description names the way in."""

    target_class = "accounts.authentication.ApiTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Authorization: Token <secret>`. Make one on your account page.",
        }


class MeOut(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["username", "display_name", "may_create_projects"]


class TokenOut(serializers.ModelSerializer[ApiToken]):
    class Meta:
        model = ApiToken
        fields = ["id", "name", "scope", "created", "expiry"]


class OwnAPIView(APIView):
    permission_classes = [IsAuthenticated, TokenScope]


class MeView(OwnAPIView):
    annotating = True

    @extend_schema(operation_id="me", responses=MeOut)
    def get(self, request: ApiRequest) -> Response:
        """The person the token belongs to."""
        known_parameters(request, set())
        return Response(MeOut(request.user).data)


class TokensView(OwnAPIView):
    pagination_class = Pages

    @extend_schema(operation_id="tokens_list", responses=TokenOut(many=True))
    def get(self, request: ApiRequest) -> Response:
        """The caller's tokens that have not ended. No secret is among it: those were shown once, when made."""
        known_parameters(request, set())
        return paged(self, selectors.live_tokens(request.user), TokenOut)


class TokenView(OwnAPIView):
    @extend_schema(operation_id="tokens_revoke", responses={204: None})
    def delete(self, request: ApiRequest, token_id: int) -> Response:
        """Ends a token of the caller's, at once."""
        services.revoke_token(user=request.user, token_id=token_id, address=client_address(request._request))
        return Response(status=204)
