"""API tokens are the only way into the API: a session cookie is refused there, a token in a query string ignored."""

from typing import Any

from knox.auth import TokenAuthentication
from rest_framework import exceptions

from accounts.models import ApiToken, Scope

READS = {"GET", "HEAD", "OPTIONS"}


class ApiTokenAuthentication(TokenAuthentication):
    def authenticate_credentials(self, token: bytes) -> Any:
        try:
            token.decode("ascii")
        except UnicodeDecodeError as fault:
            raise exceptions.AuthenticationFailed("Invalid token.") from fault
        return super().authenticate_credentials(token)


def scope_allows(token: ApiToken, method: str, annotating: bool) -> bool:
    """Whether a token's scope covers one request. `annotating`: the route belongs to a rater's own work."""
    if token.scope == Scope.WRITE:
        return True
    if token.scope == Scope.ANNOTATE:
        return annotating
    return method in READS
