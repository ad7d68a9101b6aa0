"""Changing items over HTTP: how many people are asked about them, how soon, and whom."""

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.selectors.chosen import chosen
from annotation.selectors.listing import Filters
from annotation.services.items import PRIORITIES
from common.api import StrictSerializer, validated
from common.errors import Conflict
from projects.access import ADMIN, ProjectAPIView
from routing.services.changes import LIMIT, change
from routing.services.overlap import MOST

MOST_NUMBER = 2**31 - 1


class OnlyIn(StrictSerializer):
    state = serializers.CharField(required=False, max_length=4, help_text="new, open or done")
    search = serializers.CharField(required=False, max_length=200, help_text="How the external id begins")
    round = serializers.IntegerField(required=False, min_value=0, max_value=MOST_NUMBER)
    priority = serializers.IntegerField(required=False, min_value=-PRIORITIES, max_value=PRIORITIES)
    language = serializers.CharField(required=False, max_length=35)
    tag = serializers.CharField(required=False, max_length=200, help_text="A key, or key=value")
    flagged = serializers.BooleanField(required=False)
    labelled = serializers.BooleanField(required=False)
    below = serializers.FloatField(required=False, help_text="Of a label less sure than that")
    answered = serializers.IntegerField(required=False, min_value=0, max_value=MOST_NUMBER)


class ItemsChangeIn(StrictSerializer):
    item = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1, help_text="One item")
    only = OnlyIn(required=False, help_text="As the list of items filters; left out: all items")
    people = serializers.IntegerField(
        required=False, min_value=0, max_value=MOST, help_text="Asked about each; 0: as the project has it"
    )
    priority = serializers.IntegerField(required=False, min_value=-PRIORITIES, max_value=PRIORITIES)
    language = serializers.CharField(required=False, allow_blank=True, max_length=35)
    topic = serializers.CharField(required=False, allow_blank=True, max_length=80)
    cohort = serializers.SlugField(required=False, allow_blank=True, max_length=40)


class ItemsChangeOut(serializers.Serializer[Any]):
    items = serializers.IntegerField()
    opened = serializers.IntegerField(help_text="Slots")
    withdrawn = serializers.IntegerField(help_text="Slots")
    left = serializers.IntegerField(help_text="Items not reached: the budget has no room")


class ItemsChangeView(ProjectAPIView):
    roles: ClassVar = {"POST": ADMIN}

    @extend_schema(operation_id="items_change", request=ItemsChangeIn, responses=ItemsChangeOut)
    def post(self, request: Request, slug: str) -> Response:
        """Changes one item, or all that a filter finds, at most 5,000 (409 `too-many`). What is left out stays."""
        given = validated(ItemsChangeIn(data=request.data))
        filters, item = Filters(**given.pop("only", {})), given.pop("item", None)
        found = chosen(project=self.project, filters=filters, item=item, most=LIMIT + 1)
        if len(found) > LIMIT:
            raise Conflict(_("At most %d items at once; choose fewer.") % LIMIT, code="too-many")
        result = change(project=self.project, item_ids=found, by=self.membership.user, **given)
        done = result.overlap
        counts = {name: getattr(done, name) if done else 0 for name in ("opened", "withdrawn", "left")}
        return Response(ItemsChangeOut({"items": result.items} | counts).data)
