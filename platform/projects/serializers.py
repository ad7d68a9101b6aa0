"""The forms of a project, its people and its guideline in the API."""

from typing import Any

from rest_framework import serializers

from common.api import StrictSerializer
from projects.models import Guideline, Invitation, Membership, Project, Role
from projects.services.guidelines import MAX_CHARACTERS
from projects.services.invitations import MAX_DAYS

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
            raise serializers.ValidationError("Nothing to change was given.")
        return data


class MemberOut(serializers.ModelSerializer[Membership]):
    username = serializers.CharField(source="user.username")
    display_name = serializers.CharField(source="user.display_name")

    class Meta:
        model = Membership
        fields = ["id", "username", "display_name", "role", "created_at"]


class RoleIn(StrictSerializer, serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices)


class InvitationOut(serializers.ModelSerializer[Invitation]):
    class Meta:
        model = Invitation
        fields = ["id", "role", "note", "expires_at", "created_at"]


class InvitationMade(InvitationOut):
    """`link` can be read this once: only its hash is kept."""

    link = serializers.URLField()

    class Meta(InvitationOut.Meta):
        fields = [*InvitationOut.Meta.fields, "link"]


class InvitationIn(StrictSerializer, serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices)
    days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, default=7)
    note = serializers.CharField(max_length=120, default="", allow_blank=True)


class JoinedOut(serializers.ModelSerializer[Membership]):
    project = serializers.CharField(source="project.slug")

    class Meta:
        model = Membership
        fields = ["project", "role"]


class GuidelineOut(serializers.ModelSerializer[Guideline]):
    class Meta:
        model = Guideline
        fields = ["number", "text", "created_at"]


class PartOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["same", "gone", "new"])
    text = serializers.CharField()


class ChangeOut(serializers.Serializer[Any]):
    parts = PartOut(many=True)


class GuidelineChangesOut(serializers.Serializer[Any]):
    """`since`: the version compared with; null for the first one, which has no changes."""

    since = serializers.IntegerField(allow_null=True)
    number = serializers.IntegerField()
    changes = ChangeOut(many=True)


class GuidelineIn(StrictSerializer, serializers.Serializer[Any]):
    text = serializers.CharField(max_length=MAX_CHARACTERS, trim_whitespace=False)
