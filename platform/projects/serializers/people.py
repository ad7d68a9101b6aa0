"""The forms of people, and of the links that let them in, in the API."""

from typing import Any

from django.utils.translation import gettext
from rest_framework import serializers

from common.api import StrictSerializer
from projects.models import Invitation, Membership, OpenLink, Role
from projects.services.invitations import MAX_DAYS
from projects.services.invite_many import MAX_CHARACTERS
from projects.services.open_links import MAX_CAPACITY


class MemberOut(serializers.ModelSerializer[Membership]):
    """`participant`: what a crowd platform calls them. Only admins see it, and it leaves in no export."""

    username = serializers.CharField(source="user.username")
    display_name = serializers.CharField(source="user.display_name")
    languages = serializers.ListField(child=serializers.CharField())
    topics = serializers.ListField(child=serializers.CharField())
    participant = serializers.CharField(source="participant.external_id", default="")

    class Meta:
        model = Membership
        fields = [
            *("id", "username", "display_name", "role", "cohort", "languages", "topics", "paused_at", "participant"),
            "created_at",
        ]


class MemberIn(StrictSerializer, serializers.Serializer[Any]):
    """What is not given stays."""

    role = serializers.ChoiceField(choices=Role.choices, required=False)
    cohort = serializers.CharField(max_length=40, allow_blank=True, required=False)
    languages = serializers.ListField(child=serializers.CharField(max_length=60), max_length=50, required=False)
    paused = serializers.BooleanField(required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if not data:
            raise serializers.ValidationError(gettext("Nothing to change was given."))
        return data


class ChoicesOut(serializers.ModelSerializer[Membership]):
    """What the caller wants to be given; an empty list stands for all."""

    languages = serializers.ListField(child=serializers.CharField())
    topics = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Membership
        fields = ["languages", "topics"]


class ChoicesIn(StrictSerializer, serializers.Serializer[Any]):
    languages = serializers.ListField(child=serializers.CharField(max_length=60), max_length=50, required=False)
    topics = serializers.ListField(child=serializers.CharField(max_length=60), max_length=50, required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if not data:
            raise serializers.ValidationError(gettext("Nothing to change was given."))
        return data


class InvitationOut(serializers.ModelSerializer[Invitation]):
    languages = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Invitation
        fields = ["id", "role", "note", "name", "email", "cohort", "languages", "expires_at", "created_at"]


class InvitationMade(InvitationOut):
    """`link` can be read this once: only its hash is kept."""

    link = serializers.URLField()

    class Meta(InvitationOut.Meta):
        fields = [*InvitationOut.Meta.fields, "link"]


class InvitationIn(StrictSerializer, serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices)
    days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, default=7)
    note = serializers.CharField(max_length=120, default="", allow_blank=True)
    name = serializers.CharField(max_length=80, default="", allow_blank=True)
    email = serializers.EmailField(default="", allow_blank=True)
    cohort = serializers.CharField(max_length=40, default="", allow_blank=True)
    languages = serializers.ListField(child=serializers.CharField(max_length=60), max_length=50, default=list)


class GuestsIn(StrictSerializer, serializers.Serializer[Any]):
    """`table`: CSV, its first line some of name, email, note, role, cohort, languages. `make` false: only looked at."""

    table = serializers.CharField(max_length=MAX_CHARACTERS, trim_whitespace=False)
    days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, default=7)
    make = serializers.BooleanField(default=False)


class GuestOut(serializers.Serializer[Any]):
    """`link` is there once the invitations are made, this once."""

    line = serializers.IntegerField()
    role = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    note = serializers.CharField()
    cohort = serializers.CharField()
    languages = serializers.ListField(child=serializers.CharField())
    link = serializers.URLField(required=False)


class GuestFaultOut(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    text = serializers.CharField()


class GuestsOut(serializers.Serializer[Any]):
    rows = GuestOut(many=True)
    faults = GuestFaultOut(many=True)


class OpenLinkOut(serializers.ModelSerializer[OpenLink]):
    class Meta:
        model = OpenLink
        fields = ["id", "note", "cohort", "parameter", "capacity", "used", "expires_at", "created_at"]


class OpenLinkMade(OpenLinkOut):
    """`link` can be read this once: only its hash is kept."""

    link = serializers.URLField()

    class Meta(OpenLinkOut.Meta):
        fields = [*OpenLinkOut.Meta.fields, "link"]


class OpenLinkIn(StrictSerializer, serializers.Serializer[Any]):
    capacity = serializers.IntegerField(min_value=1, max_value=MAX_CAPACITY)
    days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, default=7)
    parameter = serializers.CharField(max_length=40, default="", allow_blank=True)
    cohort = serializers.CharField(max_length=40, default="", allow_blank=True)
    note = serializers.CharField(max_length=120, default="", allow_blank=True)


class ParticipantIn(StrictSerializer, serializers.Serializer[Any]):
    participant = serializers.CharField(max_length=200, default="", allow_blank=True)


class WayBackOut(serializers.Serializer[Any]):
    link = serializers.URLField()


class JoinedOut(serializers.ModelSerializer[Membership]):
    project = serializers.CharField(source="project.slug")

    class Meta:
        model = Membership
        fields = ["project", "role"]
