"""Errors of the domain: services raise them, the entry points render them (a page or RFC 9457 problem details)."""

from typing import Any


class DomainError(Exception):
    """Something a person can be told: `title` is the same for all of a class, `detail` says what happened here."""

    status = 400
    code = "bad-request"
    title = "The request cannot be carried out"

    def __init__(
        self, detail: str = "", *, code: str | None = None, fields: dict[str, list[str]] | None = None, **extra: Any
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.code = code or self.code
        self.fields = fields or {}
        self.extra = extra


class BadRequest(DomainError):
    """The request is malformed."""


class Forbidden(DomainError):
    """Known, but not allowed."""

    status, code, title = 403, "forbidden", "You may not do this"


class NotFound(DomainError):
    """There is no such thing, or it is none of the asker's business: the two look alike on purpose."""

    status, code, title = 404, "not-found", "There is nothing here"


class Conflict(DomainError):
    """The state has moved on since the asker last saw it."""

    status, code, title = 409, "conflict", "Things have changed meanwhile"


class Invalid(DomainError):
    """Understood, but a value is wrong; `fields` says which and why."""

    status, code, title = 422, "invalid", "Some values are not valid"


class TooLarge(DomainError):
    """More than the product takes in one go."""

    status, code, title = 413, "too-large", "Too large"


class NotThisWay(DomainError):
    """The address exists, but not for such a request, e.g. one that only forms post to was opened as a page."""

    status, code, title = 405, "method-not-allowed", "This page cannot be opened in this way"
