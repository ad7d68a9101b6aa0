"""How a person likes to work, whatever the project."""

from django.conf import settings
from django.db import models

from common.models import CleanJSONField


class Habits(models.Model):
    """`keys`: {action: key} where a person has bound another key than the default (annotation/shortcuts.py)."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="habits")
    keys = CleanJSONField(default=dict, blank=True)
    shows_days = models.BooleanField(default=True, help_text="Days with answers, and how many in a row")
    hints_breaks = models.BooleanField(default=True, help_text="Says so after 45 minutes of work without a break")

    class Meta:
        verbose_name_plural = "habits"

    def __str__(self) -> str:
        return f"habits of {self.user}"
