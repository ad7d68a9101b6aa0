"""Errors of the domain: services raise them, the entry points render them (a page or RFC 9457 problem details)."""

from typing import Any

from common.words import gettext_noop as _


class DomainError(Exception):
    """Something a person can be told: `title` is the same for all of a class, `detail` says what happened here."""

    status = 400
    code = "bad-request"
    title = _("The request cannot be carried out")

    def __init__(
        self, detail: str = "", *, code: str | None = None, fields: dict[str, list[str]] | None = None, **extra: Any
    ) -> None:
        self.detail = detail or self.title
        super().__init__(self.detail)
        self.code = code or self.code
        self.fields = fields or {}
        self.extra = extra


class BadRequest(DomainError):
    """The request is malformed."""


class Forbidden(DomainError):
    """Known, but not allowed."""

    status, code, title = 403, "forbidden", _("You may not do this")


class NotFound(DomainError):
    """There is no such thing, or it is none of the asker's business: the two look alike on purpose."""

    status, code, title = 404, "not-found", _("There is nothing here")


class Conflict(DomainError):
    """The state has moved on since the asker last saw it."""

    status, code, title = 409, "conflict", _("Things have changed meanwhile")


class Invalid(DomainError):
    """Understood, but a value is wrong; `fields` says which and why."""

    status, code, title = 422, "invalid", _("Some values are not valid")


class TooLarge(DomainError):
    """More than the product takes in one go."""

    status, code, title = 413, "too-large", _("Too large")


class NotThisWay(DomainError):
    """The address exists, but not for such a request, e.g. one that only forms post to was opened as a page."""

    status, code, title = 405, "method-not-allowed", _("This page cannot be opened in this way")
