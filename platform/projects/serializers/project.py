"""The forms of a project and its guideline in the API."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from common.api import StrictSerializer
from projects.models import Guideline, Project
from projects.services.guidelines import MAX_CHARACTERS

SETTINGS = [
    "name",
    "description",
    "state",
    "deadline_at",
    "overlap",
    "lease_seconds_min",
    "lease_seconds_max",
    "price_per_label",
    "raters_see_statistics",
]


class ProjectOut(serializers.ModelSerializer[Project]):
    """A project as any of its members may see it; `role` is the caller's."""

    role = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = ["slug", *SETTINGS, "role", "created_at"]

    def get_role(self, project: Project) -> str:
        roles: dict[int, str] = self.context["roles"]
        return roles[project.pk]


class ProjectIn(StrictSerializer, serializers.ModelSerializer[Project]):
    class Meta:
        model = Project
        fields = SETTINGS


class ProjectChange(ProjectIn):
    """Any of the settings; those not given stay."""

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if not data:
            raise serializers.ValidationError(_("Nothing to change was given."))
        return data


class GuidelineOut(serializers.ModelSerializer[Guideline]):
    class Meta:
        model = Guideline
        fields = ["number", "text", "created_at"]


class ChangedPartOut(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="same, gone or new")
    text = serializers.CharField()


class ChangeOut(serializers.Serializer[Any]):
    parts = ChangedPartOut(many=True)


class GuidelineChangesOut(serializers.Serializer[Any]):
    """`since`: the version compared with; null for the first one, which has no changes."""

    since = serializers.IntegerField(allow_null=True)
    number = serializers.IntegerField()
    changes = ChangeOut(many=True)


class GuidelineIn(StrictSerializer, serializers.Serializer[Any]):
    text = serializers.CharField(max_length=MAX_CHARACTERS, trim_whitespace=False)
