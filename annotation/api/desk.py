"""The desk of those who run a project, over HTTP: its form, items and their stories, labels, exports, agreement."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from annotation import selectors, tasks
from annotation import serializers as forms
from annotation.protocols import PROTOCOLS, protocol
from annotation.services import flags, items
from annotation.services import forms as form_versions
from common.api import chosen, known_parameters, validated
from common.bells import ring
from common.http import NDJSON, json_lines
from common.text import natural
from corpus.importers.rows import Answer, Row
from projects.access import ADMIN, EVERYONE, RESEARCH, REVIEW, ProjectAPIView

STREAM_CHUNK = 1000
PAGE = 100
FLAGGED = {"true": True, "false": False}


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if (number := natural(text)) is None:
        raise exceptions.ParseError(_("%(name)s must be a whole number") % {"name": name})
    return number


def _whole(request: Request, name: str) -> int | None:
    """A number that fits every column that is filtered by it."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,4}" if name == "priority" else r"[0-9]{1,9}", text, re.ASCII):
        raise exceptions.ParseError(_("%(name)s must be a whole number") % {"name": name})
    return int(text)


def _share(request: Request, name: str) -> float | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[01](\.[0-9]{1,17})?", text, re.ASCII):
        raise exceptions.ParseError(_("%(name)s must be a number from 0 to 1") % {"name": name})
    return float(text)


class FormView(ProjectAPIView):
    roles: ClassVar = {"GET": EVERYONE, "PUT": ADMIN}

    @extend_schema(operation_id="form_retrieve", responses=forms.FormOut)
    def get(self, request: Request, slug: str) -> Response:
        """The form in force: what raters are asked."""
        known_parameters(request, set())
        return Response(forms.FormOut(selectors.form(project=self.project)).data)

    @extend_schema(operation_id="form_change", request=forms.FormIn, responses=forms.FormOut)
    def put(self, request: Request, slug: str) -> Response:
        """Puts a new version of the form in force; the same fields again change nothing."""
        form_versions.set_form(project=self.project, fields=validated(forms.FormIn(data=request.data))["form"])
        ring(tasks.refit_items)
        return Response(forms.FormOut(selectors.form(project=self.project)).data)


class ProtocolsView(ProjectAPIView):
    roles: ClassVar = {"GET": EVERYONE}

    @extend_schema(operation_id="protocols_list", responses=forms.ProtocolOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """What a question of a form can be, and the settings of each (JSON Schema)."""
        known_parameters(request, set())
        return Response(forms.ProtocolOut([protocol(key) for key in PROTOCOLS], many=True).data)


class ItemsView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW, "POST": RESEARCH}

    @extend_schema(
        operation_id="items_list",
        parameters=[
            OpenApiParameter("state", str, enum=["new", "open", "done", "void"]),
            OpenApiParameter("search", str, description="How the external id begins"),
            OpenApiParameter("round", int),
            OpenApiParameter("priority", int),
            OpenApiParameter("language", str, description="Of the prompt"),
            OpenApiParameter("tag", str, description="Of the prompt: `key` or `key=value`"),
            OpenApiParameter("source", int, description="Id of an import"),
            OpenApiParameter("flagged", bool, description="true: items with an open flag; false: those without"),
            OpenApiParameter("labelled", bool, description="true: items with a label; false: those without"),
            OpenApiParameter("below", float, description="With a label less sure than that"),
            OpenApiParameter("answered", int, description="With so many answers of those asked for"),
            OpenApiParameter("ordering", str, enum=selectors.ORDERINGS),
            OpenApiParameter("after", str, description="`next_after` of the page before"),
            OpenApiParameter("before", str, description="`previous_before` of the page after"),
            OpenApiParameter("limit", int),
        ],
        responses=forms.ItemPageOut,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Items, paged by key in either direction. An order by confidence has only what is labelled in it."""
        filters = {field.name for field in dataclasses.fields(selectors.Filters)}
        known_parameters(request, filters | {"ordering", "after", "before"})
        given = request.query_params
        asked: dict[str, Any] = {name: given.get(name, "") for name in ("state", "search", "language", "tag")}
        asked |= {name: _whole(request, name) for name in ("round", "priority", "source", "answered")}
        asked |= {name: FLAGGED.get(chosen(request, name, FLAGGED) or "") for name in ("flagged", "labelled")}
        page = selectors.item_page(
            project=self.project,
            filters=selectors.Filters(**asked, below=_share(request, "below")),
            ordering=given.get("ordering", "id"),
            after=given.get("after"),
            before=given.get("before"),
            size=_number(request, "limit") or PAGE,
        )
        return Response(forms.ItemPageOut(page).data)

    @extend_schema(
        operation_id="items_create", request=forms.ItemIn, responses={201: forms.ItemMade, 200: forms.ItemMade}
    )
    def post(self, request: Request, slug: str) -> Response:
        """One item, to be routed. The same content under the same id again: 200. Many at once: an import."""
        item, made = items.create_item(project=self.project, row=_row(validated(forms.ItemIn(data=request.data))))
        return Response(forms.ItemMade(item).data, status=201 if made else 200)


def _row(body: dict[str, Any]) -> Row:
    """The body of a request as an import's row."""
    return Row(
        "",
        0,
        [dict(message) for message in body["prompt"]],
        [
            Answer(
                [{"role": "assistant", "content": answer["text"]}],
                model_name=answer.get("model", ""),
                meta={"steps": [{"text": text} for text in answer["steps"]]} if answer.get("steps") else {},
            )
            for answer in body["responses"]
        ],
        context=[dict(passage) for passage in body.get("context", ())],
        external_id=body.get("external_id", ""),
        group=body.get("group", ""),
        language=body.get("language", ""),
        tags=body.get("tags", {}),
        meta={key: body[key] for key in ("priority", "overlap") if key in body},
    )


class ItemView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW}

    @extend_schema(operation_id="items_retrieve", responses=forms.StoryOut)
    def get(self, request: Request, slug: str, item_id: int) -> Response:
        """An item's whole story: slots, annotations with their revisions, labels."""
        known_parameters(request, set())
        return Response(forms.StoryOut(selectors.item_story(project=self.project, item_id=item_id)).data)


class WithdrawView(ProjectAPIView):
    roles: ClassVar = {"POST": ADMIN}

    @extend_schema(operation_id="items_withdraw", request=forms.WithdrawalIn, responses=forms.ItemMade)
    def post(self, request: Request, slug: str, item_id: int) -> Response:
        """Takes an item out of circulation and deals with its flags; a second time changes nothing."""
        item = selectors.item_of(project=self.project, item_id=item_id)
        items.withdraw_item(item=item, by=self.membership.user, **validated(forms.WithdrawalIn(data=request.data)))
        return Response(forms.ItemMade(item).data)


class ResolveFlagView(ProjectAPIView):
    roles: ClassVar = {"POST": REVIEW}

    @extend_schema(operation_id="flags_resolve", request=None, responses={204: None})
    def post(self, request: Request, slug: str, item_id: int, flag_id: int) -> Response:
        """Marks a rater's report as dealt with; a second time changes nothing."""
        flags.resolve_flag(
            flag=selectors.flag_of(project=self.project, item_id=item_id, flag_id=flag_id), by=self.membership.user
        )
        return Response(status=204)


LABEL_FILTERS = [OpenApiParameter("field", str), OpenApiParameter("rule", str)]


class LabelsView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW}
    pagination_class: ClassVar = None

    @extend_schema(
        operation_id="labels_list",
        parameters=[*LABEL_FILTERS, OpenApiParameter("after", int), OpenApiParameter("limit", int)],
        responses=forms.LabelOut(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Labels by id; `after`: the last id of the page before. An empty page is the end."""
        known_parameters(request, {"field", "rule", "after"})
        found = _labels(self, request)
        return Response(forms.LabelOut(found[: min(_number(request, "limit") or PAGE, 500)], many=True).data)


def _labels(view: ProjectAPIView, request: Request) -> Any:
    field, rule = (request.query_params.get(name, "") for name in ("field", "rule"))
    return selectors.labels(project=view.project, field=field, rule=rule, after=_number(request, "after"))


def _serialised(rows: Any, out: type[BaseSerializer[Any]]) -> Iterator[Any]:
    """Never more than a chunk of the rows in memory."""
    return (out(row).data for row in rows.iterator(chunk_size=STREAM_CHUNK))


class LabelsExportView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="labels_export", parameters=LABEL_FILTERS, responses={(200, NDJSON): OpenApiTypes.STR})
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        """All labels as JSON lines."""
        known_parameters(request, {"field", "rule"})
        return json_lines(_serialised(_labels(self, request), forms.LabelOut), f"{slug}-labels.jsonl")


class AnnotationsExportView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="annotations_export", responses={(200, NDJSON): OpenApiTypes.STR})
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        """All annotations as JSON lines, corrected and taken-back ones too; raters by pseudonym."""
        known_parameters(request, set())
        rows = selectors.annotations(project=self.project)
        return json_lines(_serialised(rows, forms.AnnotationExportOut), f"{slug}-annotations.jsonl")


class ItemsExportView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="items_export", responses={(200, NDJSON): OpenApiTypes.STR})
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        """Every item with its responses and every judgment on it, as native JSON lines that an import reads again.
        Raters by pseudonym; no drafts, nothing that was taken back."""
        known_parameters(request, set())
        return json_lines(selectors.native_lines(project=self.project), f"{slug}.jsonl")


class ProgressView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW}

    @extend_schema(operation_id="annotation_progress", responses=forms.ProgressOut)
    def get(self, request: Request, slug: str) -> Response:
        """How far the project is, at what pace, and who is at work. Figures of a large project are some minutes old."""
        known_parameters(request, set())
        people = [vars(one).copy() for one in selectors.at_work(project=self.project)]
        if self.membership.role not in ADMIN:
            for one in people:
                del one["name"]  # pseudonyms are all that leaves the admins' desk
        found = selectors.progress(project=self.project)
        return Response(forms.ProgressOut(vars(found) | {"done_by": found.done_by, "at_work": people}).data)


class AgreementView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW}
    pagination_class: ClassVar = None

    @extend_schema(operation_id="annotation_agreement", responses=forms.AgreementOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """How far raters agree, by field of the form, over the latest 20,000 judgments.

        It speaks of the items that both of a pair have judged, and of no others: where a router chose what people see,
        how often they agree with a judge of all items is told by the judge's page and `judges/<id>/`.
        """
        known_parameters(request, set())
        return Response(forms.AgreementOut(selectors.agreement(project=self.project), many=True).data)
