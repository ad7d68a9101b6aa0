"""What every API view shares: strict JSON in, problem details out (RFC 9457), bounded pages, no unknown parameters."""

import json
from collections.abc import Collection
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions, pagination, parsers, renderers, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import text
from common.errors import DomainError, Invalid, TooLarge
from common.said import said

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it imports this module, by the settings

PROBLEM = "application/problem+json"
MAX_DIGITS = 18  # of a number that fits into the 64 bits of a database


class JSONRenderer(renderers.JSONRenderer):
    strict = True
    ensure_ascii = False

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        return (
            b""
            if data is None
            else json.dumps(
                data, cls=self.encoder_class, ensure_ascii=False, allow_nan=False, separators=(",", ":")
            ).encode()
        )


class StrictJSONParser(parsers.BaseParser):
    """JSON as `common.text.loads` takes it; anything else is a 400 that says what is wrong and where.

    A body beyond DATA_UPLOAD_MAX_MEMORY_SIZE is a 413, and no more than that of it is ever held.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(most + 1)
        if len(body) > most:
            raise TooLarge(_("A JSON body may have %(most)s bytes; bring more in as a file.") % {"most": f"{most:,}"})
        try:
            return text.loads(body)
        except ValueError as fault:
            raise exceptions.ParseError(said(str(fault))) from fault


class StrictSerializer(serializers.Serializer[Any]):
    """A base, to be named first, for what clients send: a field that is not known is an error, never passed over."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            raise exceptions.ValidationError({str(name)[:60]: [_("There is no such field.")] for name in unknown})
        return super().to_internal_value(data)


class Pages(pagination.LimitOffsetPagination):
    """`limit` (at most 500) and `offset`; a limit beyond that is cut, never an error. What is no number is a 400."""

    default_limit = 50
    max_limit = 500

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        for name in (self.limit_query_param, self.offset_query_param):
            value = request.query_params.get(name, "0")
            if not (value.isascii() and value.isdigit()) or len(value) > MAX_DIGITS:
                raise exceptions.ParseError(_("%(name)s must be a whole number") % {"name": name})
        return super().paginate_queryset(queryset, request, view)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        return [one | {"schema": one["schema"] | {"minimum": 0, "maximum": 10**MAX_DIGITS - 1}} for one in found]


def paged(
    view: "APIView", rows: "QuerySet[Any]", out: type[serializers.BaseSerializer[Any]], **context: Any
) -> Response:
    """One page of `rows`, as the request of `view` asks for it, each row through the serializer `out`."""
    pages = Pages()
    found = pages.paginate_queryset(rows, view.request, view)
    return pages.get_paginated_response(out(found, many=True, context=context).data)


def validated(form: "serializers.BaseSerializer[Any]") -> dict[str, Any]:
    """What a serializer made of the request's data. Raises ValidationError, which becomes a 422."""
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


@cache
def _kept(form: "type[serializers.Serializer[Any]]") -> "serializers.Serializer[Any]":
    return form()


def taken(form: "type[serializers.Serializer[Any]]", data: Any) -> dict[str, Any]:
    """As `validated(form(data=data))`, with a serializer made once a process: making one copies all of its fields."""
    try:
        return dict(_kept(form).run_validation(data))
    except exceptions.ValidationError as fault:
        if isinstance(fault.detail, dict):
            raise
        raise exceptions.ValidationError({"non_field_errors": fault.detail}) from fault


def given(form: "type[serializers.Serializer[Any]]", row: Any) -> Any:
    """As `form(row).data`, likewise."""
    return _kept(form).to_representation(row)


def chosen(request: Request, name: str, values: Collection[str]) -> str | None:
    """A query parameter that is one of `values`; None where it is not given. Raises Invalid."""
    value = request.query_params.get(name)
    if value is not None and value not in values:
        raise Invalid(_("Unknown value."), fields={name: [_("One of %(values)s.") % {"values": ", ".join(values)}]})
    return value


def known_parameters(request: Request, allowed: set[str]) -> None:
    """Raises 400 for a query parameter that the view does not know: a typo must not look like "no filter"."""
    unknown = sorted(set(request.query_params) - allowed - {"limit", "offset", "format"})
    if unknown:
        raise exceptions.ParseError(_("Unknown query parameter: %(name)s") % {"name": unknown[0][:60]})


def _problem(status: int, code: str, title: str, detail: str, **extra: Any) -> Response:
    body = {"type": f"urn:prefloop:{code}", "title": title, "status": status, "detail": detail} | extra
    return Response(body, status=status, content_type=PROBLEM)


def _messages(detail: Any) -> Any:
    if isinstance(detail, dict):
        return {key: _messages(value) for key, value in detail.items()}
    if isinstance(detail, list):
        return [_messages(value) for value in detail]
    return str(detail)


def _said_fields(fields: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: [said(reason) for reason in reasons] for name, reasons in fields.items()}


def problem_details(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every error of the API in one shape, `application/problem+json`."""
    if isinstance(exc, DomainError):
        extra = exc.extra | ({"errors": _said_fields(exc.fields)} if exc.fields else {})
        return _problem(exc.status, exc.code, _(exc.title), said(exc.detail), **extra)
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if isinstance(exc, exceptions.ValidationError):
        return _problem(422, "invalid", _("Some values are not valid"), _("See errors."), errors=_messages(exc.detail))
    if isinstance(exc, exceptions.APIException):
        title = str(exc.default_detail)
        if "{" in title:  # what the framework fills in for the detail, e.g. 'Method "{method}" not allowed.'
            title = HTTPStatus(exc.status_code).phrase
        response = _problem(exc.status_code, str(exc.default_code).replace("_", "-"), title, str(exc.detail))
        if challenge := getattr(exc, "auth_header", None):
            response["WWW-Authenticate"] = challenge
        if wait := getattr(exc, "wait", None):
            response["Retry-After"] = str(int(wait) + 1)
        return response
    return None


PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457. Some have more to say, e.g. `errors`: field name → what is wrong with it.",
    "properties": {
        "type": {"type": "string", "description": "urn:prefloop:<code>"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}


def describe_errors(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A hook of drf-spectacular's: every operation says what its errors look like."""
    result["components"]["schemas"]["Problem"] = PROBLEM_SCHEMA
    answer = {
        "description": "An error",
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"].setdefault("default", answer)
    return result
