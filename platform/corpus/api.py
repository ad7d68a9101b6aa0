"""The corpus over HTTP: imports begun by upload or with lines in the body, their state, their reports; prompts."""

import json
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, inline_serializer
from rest_framework import exceptions, serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from common import text
from common.api import StrictJSONParser, StrictSerializer, known_parameters, paged, validated
from common.http import NDJSON, download
from common.said import said
from corpus import selectors, services, tasks
from corpus.importers import IMPORTERS
from corpus.models import Import, Prompt
from projects.access import RESEARCH, ProjectAPIView

MAX_LINES = 10_000
MAX_OPENED = 500


class ImportSerializer(serializers.ModelSerializer[Import]):
    class Meta:
        model = Import
        fields = (
            "id", "format", "filename", "options", "skip_bad_lines", "state", "bytes_total", "bytes_read", "lines",
            "bad_lines", "rows_total", "rows_stored", "new_items", "known_items", "new_annotations", "error",
            "created_at", "finished_at", "preview", "found", "kept_feedback",
        )  # fmt: skip
        read_only_fields = fields


@extend_schema_field(OpenApiTypes.OBJECT)
class OptionsField(serializers.Field[dict[str, Any], Any, dict[str, Any], Any]):
    """A JSON object; in a multipart body, its text."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, str):
            try:
                data = text.loads(data)
            except ValueError as fault:
                raise serializers.ValidationError(said(str(fault))) from fault
        if not isinstance(data, dict):
            raise serializers.ValidationError(_("Expected a JSON object."))
        return data

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value


class NewImportSerializer(StrictSerializer):
    """What both kinds of body share."""

    format = serializers.ChoiceField(choices=sorted(IMPORTERS))
    options = OptionsField(
        required=False, help_text="open_prompts, use_recorded, licence, language; of a table: columns, spreadsheet"
    )
    skip_bad_lines = serializers.BooleanField(default=False)
    preview = serializers.BooleanField(default=False, help_text="Check every line, and make nothing until confirmed")


class UploadedImportSerializer(NewImportSerializer):
    files = serializers.ListField(child=serializers.FileField(), min_length=1, max_length=10)


class InlineImportSerializer(NewImportSerializer):
    lines = serializers.ListField(
        child=serializers.JSONField(), min_length=1, max_length=MAX_LINES, help_text="The records of the file, in order"
    )


class ImportsAPI(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "POST": RESEARCH}
    parser_classes = [StrictJSONParser, MultiPartParser]

    @extend_schema(operation_id="imports_list", responses=ImportSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        known_parameters(request, set())
        return paged(self, selectors.imports(self.project), ImportSerializer)

    @extend_schema(
        operation_id="imports_create",
        request={"multipart/form-data": UploadedImportSerializer, "application/json": InlineImportSerializer},
        responses={202: ImportSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Begins an import; it goes on in a worker. Ask for its state until it is succeeded, rejected or failed."""
        known_parameters(request, set())
        uploaded = (request.content_type or "").startswith("multipart/")
        given = validated((UploadedImportSerializer if uploaded else InlineImportSerializer)(data=request.data))
        given["project"], given["user"] = self.project, request.user
        if uploaded:
            run = services.start_import(**given)
        else:
            lines = (json.dumps(line, ensure_ascii=False) for line in given.pop("lines"))
            run = services.import_lines(text="\n".join(lines), **given)
        tasks.ring(run.pk)
        return Response(ImportSerializer(run).data, status=status.HTTP_202_ACCEPTED)


class ImportAPI(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="imports_read", responses=ImportSerializer)
    def get(self, request: Request, slug: str, import_id: int) -> Response:
        known_parameters(request, set())
        return Response(ImportSerializer(selectors.one_import(self.project, import_id)).data)


class ImportReportAPI(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="imports_report", responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY})
    def get(self, request: Request, slug: str, import_id: int) -> StreamingHttpResponse:
        """Every bad line and warning, a JSON object a line: level, file, line, pointer, reason, excerpt."""
        known_parameters(request, set())
        lines = selectors.report_lines(selectors.one_import(self.project, import_id))
        return download(lines, f"import-{import_id}-report.jsonl", NDJSON)


class RetrySerializer(StrictSerializer):
    skip_bad_lines = serializers.BooleanField(default=False)


class ImportRetryAPI(ProjectAPIView):
    roles: ClassVar = {"POST": RESEARCH}

    @extend_schema(operation_id="imports_retry", request=RetrySerializer, responses={202: ImportSerializer})
    def post(self, request: Request, slug: str, import_id: int) -> Response:
        """Tries a failed import again or, with `skip_bad_lines`, takes the good lines of a rejected one."""
        run = selectors.one_import(self.project, import_id)
        services.retry_import(run=run, **validated(RetrySerializer(data=request.data)))
        tasks.ring(run.pk)
        run.refresh_from_db()
        return Response(ImportSerializer(run).data, status=status.HTTP_202_ACCEPTED)


class ImportConfirmAPI(ProjectAPIView):
    roles: ClassVar = {"POST": RESEARCH}

    @extend_schema(operation_id="imports_confirm", request=RetrySerializer, responses={202: ImportSerializer})
    def post(self, request: Request, slug: str, import_id: int) -> Response:
        """Lets an import go on that waits in state checked. 409 where lines are bad, unless `skip_bad_lines`."""
        run = selectors.one_import(self.project, import_id)
        services.confirm_import(run=run, **validated(RetrySerializer(data=request.data)))
        tasks.ring(run.pk)
        run.refresh_from_db()
        return Response(ImportSerializer(run).data, status=status.HTTP_202_ACCEPTED)


class ImportDiscardAPI(ProjectAPIView):
    roles: ClassVar = {"POST": RESEARCH}

    @extend_schema(operation_id="imports_discard", request=None, responses=ImportSerializer)
    def post(self, request: Request, slug: str, import_id: int) -> Response:
        """Gives up an import that waits in state checked: nothing is made, its files are removed."""
        run = selectors.one_import(self.project, import_id)
        services.discard_import(run=run)
        run.refresh_from_db()
        return Response(ImportSerializer(run).data)


class ImportOptionsSerializer(StrictSerializer):
    options = OptionsField(help_text="Those to change, e.g. columns of a table")


class ImportCheckAPI(ProjectAPIView):
    roles: ClassVar = {"POST": RESEARCH}

    @extend_schema(operation_id="imports_check", request=ImportOptionsSerializer, responses={202: ImportSerializer})
    def post(self, request: Request, slug: str, import_id: int) -> Response:
        """Checks an import that waits in state checked once more, with other options."""
        run = selectors.one_import(self.project, import_id)
        services.check_again(run=run, **validated(ImportOptionsSerializer(data=request.data)))
        tasks.ring(run.pk)
        run.refresh_from_db()
        return Response(ImportSerializer(run).data, status=status.HTTP_202_ACCEPTED)


class PromptSerializer(serializers.ModelSerializer[Prompt]):
    class Meta:
        model = Prompt
        fields = ("id", "external_id", "group", "messages", "context", "language", "tags", "open", "created_at")
        read_only_fields = fields


class OpenPromptsSerializer(StrictSerializer):
    ids = serializers.ListField(child=serializers.IntegerField(min_value=1), min_length=1, max_length=MAX_OPENED)
    open = serializers.BooleanField()


class PromptsAPI(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "PATCH": RESEARCH}

    @extend_schema(
        operation_id="prompts_list",
        parameters=[OpenApiParameter("open", OpenApiTypes.BOOL, description="Only open ones, or only others")],
        responses=PromptSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        known_parameters(request, {"open"})
        wanted = request.query_params.get("open")
        if wanted not in {None, "true", "false"}:
            raise exceptions.ParseError(_("open must be true or false."))
        found = selectors.prompts(self.project, open=None if wanted is None else wanted == "true")
        return paged(self, found, PromptSerializer)

    @extend_schema(
        operation_id="prompts_open",
        request=OpenPromptsSerializer,
        responses=inline_serializer("PromptsChanged", {"changed": serializers.IntegerField()}),
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Opens or closes prompts: open ones are answered by the next policy version."""
        given = validated(OpenPromptsSerializer(data=request.data))
        changed = services.set_open(project=self.project, prompt_ids=given["ids"], open=given["open"])
        return Response({"changed": changed})
