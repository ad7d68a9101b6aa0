"""Writes about people: audit events. Keyword-only; each owns its transaction."""

from typing import Any

from accounts.models import AuditEvent, User


def audit(*, actor: User | None, kind: str, subject: str = "", address: str | None = None, **detail: Any) -> None:
    """Appends one security-relevant event; `detail` must hold no secret."""
    AuditEvent.objects.create(actor=actor, kind=kind, subject=subject, address=address, detail=detail)
