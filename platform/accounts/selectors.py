"""Reads about people."""

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import ApiToken, User


def live_tokens(user: User) -> QuerySet[ApiToken]:
    """The tokens of `user` that have not ended, newest first."""
    found: QuerySet[ApiToken] = ApiToken.objects.filter(user=user, expiry__gt=timezone.now())
    return found
