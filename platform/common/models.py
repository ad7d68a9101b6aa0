"""What tables of every floor share. No tables here, no domain nouns."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from common.text import check_tree


class CleanJSONField(models.JSONField):
    """JSON that every database can hold: no NaN, no infinity, no NUL, no lone surrogate (PostgreSQL refuses them)."""

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if isinstance(value, dict | list | str | float):
            try:
                check_tree(value)
            except ValueError as fault:
                raise ValidationError(str(fault)) from fault
        return super().get_db_prep_save(value, connection)


class Created(models.Model):
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
