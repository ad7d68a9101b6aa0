"""Annotation over HTTP: a rater's work by lease token, and the desk of those who run a project."""

import json
import uuid
from collections.abc import Iterator
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from annotation import selectors
from annotation import serializers as forms
from annotation.models import Rater
from annotation.services import drafts, flags, holds, items, leases, raters, submissions
from annotation.services import forms as form_versions
from common.api import known_parameters, validated
from common.errors import NotFound
from corpus.importers.rows import Answer, Row
from projects.access import ADMIN, EVERYONE, RESEARCH, REVIEW, ProjectAPIView

STREAM_CHUNK = 1000
PAGE = 100
NDJSON = "application/x-ndjson"


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise exceptions.ParseError(f"{name} must be a whole number")
    return int(text)


class RaterAPIView(ProjectAPIView):
    """A route of one rater's own work. Who has none yet has nothing here, and none is made for them."""

    annotating: ClassVar = True
    roles: ClassVar = {"POST": EVERYONE}

    def rater(self) -> Rater:
        found = raters.known_rater(project=self.project, user=self.request.user)
        if found is None:
            raise NotFound
        return found

    def valid(self, form: BaseSerializer[Any], rater: Rater, token: uuid.UUID) -> dict[str, Any]:
        """The body; but first of all NotFound where the token is not theirs, whatever the body is like."""
        try:
            return validated(form)
        except exceptions.ValidationError:
            holds.check_own(rater=rater, token=token)
            raise


class NextView(RaterAPIView):
    @extend_schema(
        operation_id="annotation_next",
        request=None,
        responses={200: forms.AssignmentOut, 204: OpenApiResponse(description="Nothing to do now")},
    )
    def post(self, request: Request, slug: str) -> Response:
        """The item in the caller's hands, or the next one."""
        at = raters.desk(project=self.project, user=request.user)
        lease = leases.claim(project=self.project, at=at)
        return Response(forms.AssignmentOut(selectors.assignment(lease)).data) if lease else Response(status=204)


class RenewView(RaterAPIView):
    @extend_schema(operation_id="leases_renew", request=None, responses=forms.DeadlineOut)
    def post(self, request: Request, slug: str, token: uuid.UUID) -> Response:
        """The heartbeat of a visible page. 409 where the lease is lost, the item withdrawn or answered."""
        deadline = leases.renew(rater=self.rater(), token=token)
        return Response(forms.DeadlineOut({"leased_until": deadline}).data)


class ReleaseView(RaterAPIView):
    @extend_schema(operation_id="leases_release", request=None, responses={204: None})
    def post(self, request: Request, slug: str, token: uuid.UUID) -> Response:
        """Leaves the item to others; the caller gets it back if nobody came."""
        leases.release(rater=self.rater(), token=token)
        return Response(status=204)


class SkipView(RaterAPIView):
    @extend_schema(operation_id="leases_skip", request=forms.SkipIn, responses={204: None})
    def post(self, request: Request, slug: str, token: uuid.UUID) -> Response:
        """Passes on the item: it is not shown to the caller again."""
        rater = self.rater()
        leases.skip(rater=rater, token=token, **self.valid(forms.SkipIn(data=request.data), rater, token))
        return Response(status=204)


class FlagView(RaterAPIView):
    @extend_schema(operation_id="leases_flag", request=forms.FlagIn, responses={204: None})
    def post(self, request: Request, slug: str, token: uuid.UUID) -> Response:
        """Reports that something is wrong with the item."""
        rater = self.rater()
        flags.raise_flag(rater=rater, token=token, **self.valid(forms.FlagIn(data=request.data), rater, token))
        return Response(status=204)


class DraftView(RaterAPIView):
    roles: ClassVar = {"PUT": EVERYONE}

    @extend_schema(operation_id="leases_draft", request=forms.DraftIn, responses=forms.DraftOut)
    def put(self, request: Request, slug: str, token: uuid.UUID) -> Response:
        """Keeps unsent work. 409 `draft-stale` with `version` and `values` where another tab saved something else."""
        rater = self.rater()
        version = drafts.save(rater=rater, token=token, **self.valid(forms.DraftIn(data=request.data), rater, token))
        return Response(forms.DraftOut({"version": version}).data)


class AnnotationsView(RaterAPIView):
    @extend_schema(
        operation_id="annotations_submit",
        request=forms.SubmissionIn,
        responses={201: forms.SubmissionOut, 200: forms.SubmissionOut},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Hands an answer in, once: 201, and 200 for the same one again. 409: `already-answered` with both versions;
        `lease-lost` and `item-void`, kept as a draft, to be handed in with `as_extra`."""
        values = validated(forms.SubmissionIn(data=request.data))
        done = submissions.submit(rater=self.rater(), **values)
        return Response(forms.SubmissionOut(done).data, status=200 if done.replayed else 201)


class MineView(RaterAPIView):
    roles: ClassVar = {"GET": EVERYONE}
    pagination_class: ClassVar = None

    @extend_schema(operation_id="annotations_mine", responses=forms.HistoryOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """The caller's 50 latest answers that stand."""
        known_parameters(request, set())
        found = raters.known_rater(project=self.project, user=request.user)
        return Response(forms.HistoryOut(selectors.history(rater=found) if found else [], many=True).data)


class AnnotationView(RaterAPIView):
    roles: ClassVar = {"GET": EVERYONE}

    @extend_schema(operation_id="annotations_retrieve", responses=forms.AnsweredOut)
    def get(self, request: Request, slug: str, annotation_id: int) -> Response:
        """An answer of the caller's with what they were shown, or the correction in its place."""
        known_parameters(request, set())
        return Response(forms.AnsweredOut(selectors.answered(rater=self.rater(), annotation_id=annotation_id)).data)


class ReviseView(RaterAPIView):
    @extend_schema(operation_id="annotations_revise", request=forms.RevisionIn, responses={201: forms.SubmissionOut})
    def post(self, request: Request, slug: str, annotation_id: int) -> Response:
        """Corrects an answer; the old one is kept. 409 `revised` with both versions where it was corrected before."""
        annotation = submissions.own_annotation(rater=self.rater(), annotation_id=annotation_id)
        values = validated(forms.RevisionIn(data=request.data))
        done = submissions.revise(rater=annotation.rater, annotation=annotation, **values)
        return Response(forms.SubmissionOut(done).data, status=200 if done.replayed else 201)


class RetractView(RaterAPIView):
    @extend_schema(operation_id="annotations_retract", request=None, responses=forms.AssignmentOut)
    def post(self, request: Request, slug: str, annotation_id: int) -> Response:
        """Undo within ten seconds: the item comes back with the answer as its draft. 409 `too-late` after that."""
        annotation = submissions.own_annotation(rater=self.rater(), annotation_id=annotation_id)
        lease = submissions.retract(rater=annotation.rater, annotation=annotation)
        return Response(forms.AssignmentOut(selectors.assignment(lease)).data)


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
        return Response(forms.FormOut(selectors.form(project=self.project)).data)


class ItemsView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW, "POST": RESEARCH}

    @extend_schema(
        operation_id="items_list",
        parameters=[
            OpenApiParameter("state", str, enum=["new", "open", "done", "void"]),
            OpenApiParameter("search", str, description="How the external id begins"),
            OpenApiParameter("ordering", str, enum=["id", "-id"]),
            OpenApiParameter("after", int, description="`next_after` of the page before"),
            OpenApiParameter("limit", int),
        ],
        responses=forms.ItemPageOut,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Items, by id."""
        known_parameters(request, {"state", "search", "ordering", "after"})
        page = selectors.item_page(
            project=self.project,
            state=request.query_params.get("state", ""),
            search=request.query_params.get("search", ""),
            ordering=request.query_params.get("ordering", "id"),
            after=_number(request, "after"),
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
            Answer([{"role": "assistant", "content": answer["text"]}], model_name=answer.get("model", ""))
            for answer in body["responses"]
        ],
        external_id=body.get("external_id", ""),
        group=body.get("group", ""),
        language=body.get("language", ""),
        tags=body.get("tags", {}),
        meta={"priority": body["priority"]} if "priority" in body else {},
    )


class ItemView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW}

    @extend_schema(operation_id="items_retrieve", responses=forms.StoryOut)
    def get(self, request: Request, slug: str, item_id: int) -> Response:
        """An item's whole story: slots, annotations with their revisions, labels."""
        known_parameters(request, set())
        return Response(forms.StoryOut(selectors.item_story(project=self.project, item_id=item_id)).data)


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


def _stream(rows: Any, out: type[BaseSerializer[Any]], filename: str) -> StreamingHttpResponse:
    """JSON lines, never more than a chunk of them in memory."""

    def lines() -> Iterator[bytes]:
        for row in rows.iterator(chunk_size=STREAM_CHUNK):
            yield json.dumps(out(row).data, ensure_ascii=False, allow_nan=False).encode() + b"\n"

    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return StreamingHttpResponse(lines(), content_type=NDJSON, headers=headers)


class LabelsExportView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="labels_export", parameters=LABEL_FILTERS, responses={(200, NDJSON): OpenApiTypes.STR})
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        """All labels as JSON lines."""
        known_parameters(request, {"field", "rule"})
        return _stream(_labels(self, request), forms.LabelOut, f"{slug}-labels.jsonl")


class AnnotationsExportView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="annotations_export", responses={(200, NDJSON): OpenApiTypes.STR})
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        """All annotations as JSON lines, corrected and taken-back ones too; raters by pseudonym."""
        known_parameters(request, set())
        rows = selectors.annotations(project=self.project)
        return _stream(rows, forms.AnnotationExportOut, f"{slug}-annotations.jsonl")


class ProgressView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW}

    @extend_schema(operation_id="annotation_progress", responses=forms.ProgressOut)
    def get(self, request: Request, slug: str) -> Response:
        """How far the project is. Counts stop at 100,000, which then means "or more"."""
        known_parameters(request, set())
        return Response(forms.ProgressOut(selectors.progress(project=self.project)).data)


class AgreementView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW}
    pagination_class: ClassVar = None

    @extend_schema(operation_id="annotation_agreement", responses=forms.AgreementOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """How far raters agree, by field of the form, over the latest 20,000 judgments."""
        known_parameters(request, set())
        return Response(forms.AgreementOut(selectors.agreement(project=self.project), many=True).data)
