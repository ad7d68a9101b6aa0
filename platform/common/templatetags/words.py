"""`{{ run.error|said }}`: a text that was stored in English, in the reader's language (`common.words`)."""

from typing import Any

from django import template
from django.utils.translation import gettext

from common import words

register = template.Library()


@register.filter
def said(text: Any) -> str:
    return words.said("" if text is None else str(text), gettext)
