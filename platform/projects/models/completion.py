"""How a crowd platform learns that a rater has done their part."""

from django.core.validators import MinValueValidator, URLValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from projects.models.project import Project


class Completion(models.Model):
    """What a rater is shown who has answered `target` items, or for whom nothing is left: a code, and a way back.

    `kind` project: everybody is shown `code`; rater: each has a code of their own (on their membership).
    """

    class Kind(models.TextChoices):
        PROJECT = "project", _("One code for everybody")
        RATER = "rater", _("A code for each rater")

    project = models.OneToOneField(Project, models.CASCADE, related_name="completion", primary_key=True)
    kind = models.CharField(max_length=7, choices=Kind.choices, default=Kind.RATER)
    code = models.CharField(max_length=60, blank=True)
    target = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    url = models.CharField(max_length=500, blank=True, validators=[URLValidator(schemes=["https"])])

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["project", "rater"]), name="completion_kind"),
            models.CheckConstraint(
                condition=Q(kind="rater", code="") | (Q(kind="project") & ~Q(code="")), name="completion_code"
            ),
            models.CheckConstraint(condition=Q(target__isnull=True) | Q(target__gte=1), name="completion_target"),
            models.CheckConstraint(condition=Q(url="") | Q(url__startswith="https://"), name="completion_https"),
        ]

    def __str__(self) -> str:
        return f"completion of {self.project}"
