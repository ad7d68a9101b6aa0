"""What one person asks of all their projects at once: their queue, their keys, their figures."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import ApiRequest, TokenScope
from annotation import selectors, shortcuts
from annotation.selectors import statistics
from annotation.selectors.queue import STOPPED, queue
from annotation.serializers import HistoryOut, ObjectField
from annotation.services import habits
from common.api import Pages, StrictSerializer, known_parameters, validated
from projects.selectors import memberships_of

Base = serializers.Serializer[Any]


class InHandOut(Base):
    token = serializers.UUIDField()
    leased_until = serializers.DateTimeField()
    drafted = serializers.BooleanField()


class QueueOut(Base):
    project = serializers.SlugField(source="member.project.slug")
    name = serializers.CharField(source="member.project.name")
    role = serializers.CharField(source="member.role")
    deadline_at = serializers.DateTimeField(source="member.project.deadline_at", allow_null=True)
    topics = serializers.ListField(source="member.topics", child=serializers.CharField())
    languages = serializers.ListField(source="member.languages", child=serializers.CharField())
    in_hand = InHandOut(allow_null=True)
    waiting = serializers.IntegerField(source="waiting.items")
    waiting_more = serializers.BooleanField(source="waiting.more", help_text="At least so many")
    stopped = serializers.ChoiceField(choices=["", *STOPPED], help_text="Why nothing is given there; empty: it is")


class KeysOut(Base):
    keys = serializers.DictField(child=serializers.CharField(), help_text="action → key, of all actions")


class KeysIn(StrictSerializer):
    keys = ObjectField(help_text="action → key, where it is not to be the default")


class TellingOut(Base):
    shows_days = serializers.BooleanField(help_text="On which days there were answers")
    hints_breaks = serializers.BooleanField(help_text="After 45 minutes of work")


class TellingIn(StrictSerializer, TellingOut):
    pass


class OwnHistoryOut(HistoryOut):
    project = serializers.SlugField(source="project.slug")


class SpanOut(Base):
    items = serializers.IntegerField()
    seconds = serializers.FloatField(allow_null=True, help_text="Median active time of an item")


class OfProjectOut(Base):
    project = serializers.SlugField(source="member.project.slug")
    week = SpanOut()
    agreement = serializers.FloatField(allow_null=True, help_text="With the majority; null where it is not told")


class StatisticsOut(Base):
    today = SpanOut()
    week = SpanOut()
    days = serializers.IntegerField(help_text=f"Of the last {statistics.DAYS} those with an answer")
    in_a_row = serializers.IntegerField()
    projects = OfProjectOut(many=True)


class OwnView(APIView):
    """A person's own, by any of their tokens that may annotate."""

    permission_classes = [IsAuthenticated, TokenScope]
    annotating = True


class QueueView(OwnView):
    pagination_class = Pages

    @extend_schema(operation_id="queue", responses=QueueOut(many=True))
    def get(self, request: ApiRequest) -> Response:
        """The caller's projects with what waits for them there, the most urgent of each page first."""
        known_parameters(request, set())
        pages = Pages()
        members = pages.paginate_queryset(memberships_of(request.user), request, self) or []
        return pages.get_paginated_response(QueueOut(queue(user=request.user, members=members), many=True).data)


class AnswersView(OwnView):
    @extend_schema(
        operation_id="answers",
        parameters=[OpenApiParameter("project", str), OpenApiParameter("q", str)],
        responses=OwnHistoryOut(many=True),
    )
    def get(self, request: ApiRequest) -> Response:
        """The caller's 50 latest answers that stand, over all projects or of one; with `q` those with that text."""
        known_parameters(request, {"project", "q"})
        asked = {"slug": request.query_params.get("project", ""), "text": request.query_params.get("q", "")}
        return Response(OwnHistoryOut(selectors.own_history(user=request.user, **asked), many=True).data)


class KeysView(OwnView):
    @extend_schema(operation_id="shortcuts", responses=KeysOut)
    def get(self, request: ApiRequest) -> Response:
        """The caller's keys on the rater's pages."""
        known_parameters(request, set())
        return Response({"keys": shortcuts.bound(habits.habits_of(request.user).keys)})

    @extend_schema(operation_id="shortcuts_bind", request=KeysIn, responses=KeysOut)
    def put(self, request: ApiRequest) -> Response:
        """Binds keys in place of all that were bound before. 422 by action where two would have the same."""
        bound = habits.bind(user=request.user, keys=validated(KeysIn(data=request.data))["keys"])
        return Response({"keys": shortcuts.bound(bound.keys)})


class TellingView(OwnView):
    @extend_schema(operation_id="statistics_telling", responses=TellingOut)
    def get(self, request: ApiRequest) -> Response:
        """What the caller's pages tell them of their days and breaks."""
        known_parameters(request, set())
        return Response(TellingOut(habits.habits_of(request.user)).data)

    @extend_schema(operation_id="statistics_tell", request=TellingIn, responses=TellingOut)
    def put(self, request: ApiRequest) -> Response:
        """Changes that."""
        return Response(TellingOut(habits.show(user=request.user, **validated(TellingIn(data=request.data)))).data)


class StatisticsView(OwnView):
    @extend_schema(operation_id="statistics", responses=StatisticsOut)
    def get(self, request: ApiRequest) -> Response:
        """The caller's own figures. Days and weeks are UTC."""
        known_parameters(request, set())
        found = statistics.of_person(user=request.user, members=list(memberships_of(request.user)))
        return Response(StatisticsOut(found).data)
