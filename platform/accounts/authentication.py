"""API tokens are the only way into the API: a session cookie is refused there, a token in a query string ignored."""

import binascii
from hmac import compare_digest
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework import exceptions, permissions
from rest_framework.request import Request

from accounts.models import ApiToken, Scope, User
from common.compiled import compiled


class ApiRequest(Request):
    """What a view of the API gets, as its permissions leave it: somebody signed in, by a token. For type checkers."""

    user: User
    auth: ApiToken


READS = {"GET", "HEAD", "OPTIONS"}


@compiled
def _tokens(*, key: str) -> QuerySet[ApiToken]:
    found: QuerySet[ApiToken] = ApiToken.objects.filter(token_key=key).select_related("user").order_by()
    return found


class ApiTokenAuthentication(TokenAuthentication):  # type: ignore[misc]  # knox has no types
    def authenticate_credentials(self, token: bytes) -> Any:
        """The person and their token. As knox has it, by a statement that is compiled once: every request asks."""
        try:
            secret = token.decode("ascii")
            digest = hash_token(secret)
        except (UnicodeDecodeError, TypeError, binascii.Error) as fault:
            raise exceptions.AuthenticationFailed(_("Invalid token.")) from fault
        for found in _tokens(key=secret[: CONSTANTS.TOKEN_KEY_LENGTH]):
            if compare_digest(digest, found.digest) and not self._cleanup_token(found):
                return self.validate_user(found)
        raise exceptions.AuthenticationFailed(_("Invalid token."))

    def _cleanup_token(self, auth_token: ApiToken) -> bool:
        """Whether the token has ended. Knox would read all of the person's tokens here and delete, on every request."""
        return auth_token.expiry is not None and auth_token.expiry < timezone.now()


def scope_allows(token: ApiToken, method: str, annotating: bool) -> bool:
    """Whether a token's scope covers one request. `annotating`: the route belongs to a rater's own work."""
    if token.scope == Scope.WRITE:
        return True
    if token.scope == Scope.ANNOTATE:
        return annotating
    return method in READS


class TokenScope(permissions.BasePermission):
    """For API views outside a project; inside one, `projects.access.ProjectAPIView` asks the same."""

    message = gettext_lazy("The token's scope does not cover this.")

    def has_permission(self, request: Request, view: Any) -> bool:
        token: Any = request.auth
        return token is None or scope_allows(token, str(request.method), getattr(view, "annotating", False))
