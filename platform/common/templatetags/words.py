"""`{{ run.error|said }}`: a text that was stored in English, in the reader's language (`common.said`)."""

from typing import Any

from django import template

from common import said as texts

register = template.Library()


@register.filter
def said(text: Any) -> str:
    return texts.said("" if text is None else str(text))
