"""Writes about people: who they are, how they prove it, and what is remembered of it. Keyword-only."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import throttle
from accounts.models import ApiToken, AuditEvent, Scope, SignInLink, User
from common.errors import Invalid, NotFound

MAX_TOKEN_DAYS = 366


def audit(*, actor: User | None, kind: str, subject: str = "", address: str | None = None, **detail: Any) -> None:
    """Appends one security-relevant event; `detail` must hold no secret."""
    AuditEvent.objects.create(actor=actor, kind=kind, subject=subject, address=address, detail=detail)


def hashed(secret: str) -> str:
    """What is kept of a link's secret. It is random and long, so one round of SHA-256 suffices."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def _about(user: User) -> str:
    return f"user:{user.username}"


def _checked(user: User, password: str) -> str:
    try:
        validate_password(password, user)
    except ValidationError as fault:
        raise Invalid(_("The password does not do."), fields={"password": list(fault.messages)}) from fault
    return password


@transaction.atomic
def create_user(
    *,
    username: str,
    display_name: str = "",
    password: str | None = None,
    may_create_projects: bool = False,
    email: str = "",
) -> User:
    """A new person; without a password only a sign-in link lets them in. Raises Invalid, naming the field."""
    user = User(username=username, display_name=display_name, may_create_projects=may_create_projects, email=email)
    if password is None:
        user.set_unusable_password()
    else:
        user.set_password(_checked(user, password))
    try:
        user.full_clean()
        with transaction.atomic():
            user.save()
    except ValidationError as fault:
        raise Invalid(_("Some values are not valid."), fields=fault.message_dict) from fault
    except IntegrityError as fault:
        raise Invalid(_("This name is taken."), fields={"username": [_("This name is taken.")]}) from fault
    return user


def check_password(*, username: str, password: str, address: str | None) -> User:
    """The person who has this name and password. Raises TooManyTries, or Invalid with the same words whatever is wrong.

    Not one transaction: a wrong try must stay counted. An unknown name takes as long as a wrong password, because
    Django hashes the password for nobody, too.
    """
    attempt = throttle.begin(name=username, address=address)
    user = authenticate(None, username=username, password=password)
    # What was typed is kept only if it is a name: people type passwords there, too.
    known = User.objects.filter(username=username).first()
    if user is None or known is None:
        audit(actor=None, kind="sign-in-failed", subject=_about(known) if known else "", address=address)
        raise Invalid(_("User name or password is wrong."))
    throttle.forgive(attempt)
    return known


def make_sign_in_link(*, user: User, minutes: int = 60, actor: User | None = None) -> str:
    """The path of a page that signs `user` in, once, within `minutes`. The secret in it is not kept."""
    secret = new_secret()
    with transaction.atomic():
        SignInLink.objects.create(
            user=user, secret_hash=hashed(secret), expires_at=timezone.now() + timedelta(minutes=minutes)
        )
        audit(actor=actor, kind="sign-in-link-made", subject=_about(user), minutes=minutes)
    return reverse("accounts:link", kwargs={"link_secret": secret})


def find_sign_in_link(*, secret: str) -> SignInLink:
    """The link, if it can still be used. Raises NotFound."""
    link = SignInLink.objects.select_related("user").filter(secret_hash=hashed(secret), used_at=None).first()
    if link is None or link.expires_at <= timezone.now() or not link.user.is_active:
        raise NotFound(_("This sign-in link was used already, or its time has run out. Ask for a new one."))
    return link


def use_sign_in_link(*, secret: str, address: str | None) -> User:
    """Spends the link and returns whom it signs in. Of two at the same moment one gets NotFound."""
    link = find_sign_in_link(secret=secret)
    with transaction.atomic():
        if not SignInLink.objects.filter(pk=link.pk, used_at=None).update(used_at=timezone.now()):
            raise NotFound(_("This sign-in link was used already."))
        audit(actor=link.user, kind="sign-in-link-used", subject=_about(link.user), address=address)
    return link.user


def _end_sessions(user: User) -> None:
    """Ends everything that lets anybody in as `user`: sessions, tokens, links not yet used."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    ApiToken.objects.filter(user=user).delete()
    SignInLink.objects.filter(user=user, used_at=None).delete()


@transaction.atomic
def sign_out_everywhere(*, user: User, address: str | None = None) -> None:
    _end_sessions(user)
    audit(actor=user, kind="signed-out-everywhere", subject=_about(user), address=address)


@transaction.atomic
def set_password(*, user: User, password: str, address: str | None = None) -> None:
    """Gives `user` a new password and ends their sessions, tokens and links. Raises Invalid for a weak one."""
    user.set_password(_checked(user, password))
    user.save(update_fields=["password"])
    _end_sessions(user)
    audit(actor=user, kind="password-changed", subject=_about(user), address=address)


@transaction.atomic
def set_active(*, user: User, active: bool, actor: User) -> None:
    """Lets a person in again, or shuts them out at once: sessions and tokens die and do not come back."""
    user.is_active = active
    user.save(update_fields=["is_active"])
    if not active:
        _end_sessions(user)
    audit(actor=actor, kind="activated" if active else "deactivated", subject=_about(user))


def set_language(*, user: User, language: str) -> None:
    """Which language pages speak to `user`: one of the settings' LANGUAGES, or empty for what the browser asks for."""
    user.language = language
    user.save(update_fields=["language"])


@transaction.atomic
def make_token(*, user: User, name: str, scope: str, days: int, address: str | None = None) -> tuple[ApiToken, str]:
    """A token for the API and its secret, which nobody can read again. Raises Invalid."""
    if scope not in Scope.values:
        raise Invalid(
            _("No such scope."), fields={"scope": [_("One of: %(values)s.") % {"values": ", ".join(Scope.values)}]}
        )
    if not 1 <= days <= MAX_TOKEN_DAYS:
        raise Invalid(
            _("Not a time a token may live."),
            fields={"days": [_("From 1 to %(max_token_days)s days.") % {"max_token_days": MAX_TOKEN_DAYS}]},
        )
    token, secret = ApiToken.objects.create(user=user, expiry=timedelta(days=days), name=name[:80], scope=scope)
    audit(actor=user, kind="token-made", subject=_about(user), address=address, name=token.name, scope=scope, days=days)
    return token, secret


@transaction.atomic
def revoke_token(*, user: User, token_id: int, address: str | None = None) -> None:
    """Ends one of `user`'s own tokens. Raises NotFound for anybody else's."""
    token = ApiToken.objects.filter(user=user, pk=token_id).first()
    if token is None:
        raise NotFound
    token.delete()
    audit(actor=user, kind="token-revoked", subject=_about(user), address=address, name=token.name)
