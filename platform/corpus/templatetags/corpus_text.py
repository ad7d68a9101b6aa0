"""Chat content as text, and what formats are called."""

from typing import Any

from django import template

from corpus.importers import IMPORTERS, importer

register = template.Library()


@register.filter
def plain(content: Any) -> str:
    """The text of a message's content: a string, or typed parts, of which those that are no text are named."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text") or f"[{part.get('type')}]") for part in content)
    return content if isinstance(content, str) else ""


@register.filter
def format_title(key: str) -> str:
    """What people call a format; its key where there is no such importer any more."""
    return importer(key).title if key in IMPORTERS else key
