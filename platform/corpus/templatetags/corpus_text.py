"""Chat content as text, and what formats are called."""

from typing import Any

from django import template
from django.utils.translation import gettext

from common.words import gettext_noop
from corpus.importers import IMPORTERS, importer

register = template.Library()


@register.filter
def plain(content: Any) -> str:
    """The text of a message's content: a string, or typed parts, of which those that are no text are named."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text") or f"[{part.get('type')}]") for part in content)
    return content if isinstance(content, str) else ""


# Whose turn a message of a conversation is.
ROLES = {
    "system": gettext_noop("system"),
    "user": gettext_noop("user"),
    "assistant": gettext_noop("assistant"),
    "tool": gettext_noop("tool"),
}


@register.filter
def role_name(role: str) -> str:
    """What people call the role of a message; the role itself where there is no such one."""
    return gettext(ROLES[role]) if role in ROLES else role


@register.filter
def format_title(key: str) -> str:
    """What people call a format; its key where there is no such importer any more."""
    return gettext(importer(key).title) if key in IMPORTERS else key
