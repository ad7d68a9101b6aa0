"""Chat content as text."""

from typing import Any

from django import template

register = template.Library()


@register.filter
def plain(content: Any) -> str:
    """The text of a message's content: a string, or typed parts, of which those that are no text are named."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text") or f"[{part.get('type')}]") for part in content)
    return content if isinstance(content, str) else ""
