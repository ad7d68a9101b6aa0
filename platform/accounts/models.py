"""People, how they prove who they are, and what they did that matters for security."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from knox.models import AbstractAuthToken
from knox.settings import CONSTANTS

from common.models import CleanJSONField, Created


class User(AbstractUser):  # type: ignore[django-manager-missing]  # of knox's tokens, which have no types
    """A person. `may_create_projects` is the only right that stands above a project (beside Django's staff flags)."""

    display_name = models.CharField(max_length=80, blank=True)
    may_create_projects = models.BooleanField(default=False)
    language = models.CharField(max_length=10, blank=True, help_text="Empty: what the browser asks for")
    session_epoch = models.PositiveIntegerField(
        default=0, editable=False, help_text="Counted up to end every session of this person at once"
    )

    def __str__(self) -> str:
        return self.display_name or self.username

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What a session must know to go on: the password's hash, as Django has it, and the epoch."""
        known = f"{self.password}:{self.session_epoch}"
        return salted_hmac("accounts.User.session", known, secret=secret, algorithm="sha256").hexdigest()


class SignInLink(Created):
    """A link that signs one person in, once. Only the hash of its secret is kept."""

    user = models.ForeignKey(User, models.CASCADE, related_name="sign_in_links")
    secret_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"sign-in link {self.pk} of {self.user}"


class SignInAttempt(models.Model):
    """One wrong password, remembered while it counts against its name and address (`accounts/throttle.py`)."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    name_hash = models.CharField(max_length=64, help_text="Of the name as typed: people type passwords there, too")
    address = models.CharField(max_length=64)

    class Meta:
        indexes = [models.Index(fields=["address", "name_hash"], name="attempt_by_address")]

    def __str__(self) -> str:
        return f"a try from {self.address}"


class Scope(models.TextChoices):
    READ = "read", _("Read")
    ANNOTATE = "annotate", _("Annotate")
    WRITE = "write", _("Read, annotate and change")


class ApiToken(AbstractAuthToken):  # type: ignore[misc]  # knox has no types
    """A hashed, expiring token for the API, limited to what its scope names."""

    # Not the primary key, as it is in knox: what names a row in addresses and forms must not be its digest.
    digest = models.CharField(max_length=CONSTANTS.DIGEST_LENGTH, unique=True, editable=False)
    name = models.CharField(max_length=80)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.READ)

    class Meta:
        ordering = ["-created", "-pk"]
        constraints = [models.CheckConstraint(condition=models.Q(scope__in=Scope.values), name="api_token_scope")]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class AuditEvent(models.Model):
    """One security-relevant event. Append-only; holds no secret."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=60, db_index=True)
    subject = models.CharField(max_length=200, blank=True, help_text="What it was done to, e.g. project:demo")
    detail = CleanJSONField(default=dict)
    address = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
