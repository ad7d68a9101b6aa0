"""`{{ run.method|method_title }}`: a method's name for people; `{{ figures|at:7 }}`: what a dict has at a key."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.translation import gettext

from training_bridge.methods import METHODS
from training_bridge.services.runs import load_method

register = template.Library()


@register.filter
def method_title(key: str) -> str:
    """The title of a method; the key itself where the method is no longer there."""
    return gettext(load_method(key).title) if key in METHODS else key


@register.filter
def at(found: Mapping[Any, Any], key: Any) -> Any:
    """None where there is no such key."""
    return found.get(key)
