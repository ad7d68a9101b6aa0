"""Wrong passwords are counted in the database, so that every web process sees the same number."""

import hashlib
import ipaddress
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import SignInAttempt
from common.errors import DomainError
from common.words import gettext_noop

WINDOW = timedelta(minutes=15)
PER_NAME_AND_ADDRESS = 10
PER_ADDRESS = 30


class TooManyTries(DomainError):
    """Signing in failed too often."""

    status, code, title = 429, "too-many-tries", gettext_noop("Too many tries")


def _network(address: str | None) -> str:
    """What counts as one sender. Whoever has one IPv6 address has the 2^64 beside it, too."""
    if address is None:
        return "local"
    parsed = ipaddress.ip_address(address)
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))


def begin(*, name: str, address: str | None) -> SignInAttempt:
    """Counts one try as wrong before the password is looked at. Raises TooManyTries at the limit.

    Written first and counted second: of any number of tries at the same moment, no more than the limit pass.
    Deleting the row again, when the password was right, is for the caller (`forgive`).
    """
    SignInAttempt.objects.filter(at__lt=timezone.now() - WINDOW).delete()
    attempt = SignInAttempt.objects.create(
        name_hash=hashlib.sha256(name.encode()).hexdigest(), address=_network(address)
    )
    from_here = SignInAttempt.objects.filter(address=attempt.address)
    by_name = from_here.filter(name_hash=attempt.name_hash).count()
    if by_name > PER_NAME_AND_ADDRESS or from_here.count() > PER_ADDRESS:
        attempt.delete()  # a refused try is not held against anybody: the wait does not grow
        raise TooManyTries(_("Wait a quarter of an hour before you try again, or ask for a sign-in link."))
    return attempt


def forgive(attempt: SignInAttempt) -> None:
    """The password was right: earlier slips of the same person from the same place count no more."""
    SignInAttempt.objects.filter(name_hash=attempt.name_hash, address=attempt.address).delete()
