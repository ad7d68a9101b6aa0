"""An import that waits to be confirmed, over HTTP: what its items would be, and what the form can take."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import selectors
from annotation.serializers import ContextOut, MessageOut, ShownOut
from common.api import known_parameters
from corpus.selectors import one_import
from projects.access import RESEARCH, ProjectAPIView

Base = serializers.Serializer[Any]


class PreviewRowOut(Base):
    external_id = serializers.CharField()
    messages = MessageOut(many=True, source="sample.messages")
    context = ContextOut(many=True, source="sample.context")  # type: ignore[assignment]  # serializers have one too
    language = serializers.CharField(source="sample.language")
    responses = ShownOut(many=True, source="sample.shown")
    judgments = serializers.IntegerField(help_text="How many came with it")
    fault = serializers.CharField(help_text="Why the form cannot be put to it; empty where it can")


class TakingOut(Base):
    kind = serializers.CharField()
    count = serializers.IntegerField()
    field = serializers.CharField(help_text="What takes them; empty: no field of the form, they are kept")


class FitOut(Base):
    shape = serializers.CharField(source="words")
    rows = serializers.IntegerField()
    fault = serializers.CharField(help_text="Why the form cannot be put to them; empty where it can")


class ImportPreviewOut(Base):
    rows = PreviewRowOut(many=True)
    judgments = TakingOut(many=True)
    fits = FitOut(many=True)
    languages = serializers.DictField(child=serializers.IntegerField())


class ImportPreviewView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="imports_preview", responses=ImportPreviewOut)
    def get(self, request: Request, slug: str, import_id: int) -> Response:
        """The first rows of a checked import as raters would see them, and what the form can take of all of it."""
        known_parameters(request, set())
        found = selectors.preview(one_import(self.project, import_id))
        return Response(ImportPreviewOut(found).data)
