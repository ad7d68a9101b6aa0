"""A rater's work over HTTP, by lease token."""

import uuid
from typing import Any, ClassVar

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from annotation import selectors
from annotation import serializers as forms
from annotation.models import Rater
from annotation.services import drafts, flags, holds, leases, raters, submissions
from common.api import given, known_parameters, taken, validated
from common.errors import Conflict, NotFound
from projects.access import EVERYONE, ProjectAPIView


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
        """The item in the caller's hands, or the next one.

        409 `rater-paused` where an admin has paused the caller, `welcome-first` where a consent or survey comes first.
        """
        at = raters.desk(project=self.project, user=request.user, membership=self.membership)
        if at.paused:
            raise Conflict(gettext("An admin of the project has paused your work here."), code="rater-paused")
        if at.welcome_due:
            said = gettext("There is a consent or a survey before the next item: GET welcome/.")
            raise Conflict(said, code="welcome-first")
        lease = leases.claim(project=self.project, at=at)
        return Response(given(forms.AssignmentOut, selectors.assignment(lease))) if lease else Response(status=204)


class AheadView(RaterAPIView):
    @extend_schema(
        operation_id="leases_ahead",
        request=None,
        responses={200: forms.AssignmentOut, 204: OpenApiResponse(description="Nothing comes after it now")},
    )
    def post(self, request: Request, slug: str, token: uuid.UUID) -> Response:
        """The item that `next` gives once this one is dealt with, held ready for two minutes, longer if asked again."""
        rater = self.rater()
        holds.check_own(rater=rater, token=token)
        lease = leases.claim(project=self.project, rater=rater, after=token)
        return Response(given(forms.AssignmentOut, selectors.assignment(lease))) if lease else Response(status=204)


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
        values = taken(forms.SubmissionIn, request.data)
        done = submissions.submit(rater=self.rater(), **values)
        return Response(given(forms.SubmissionOut, done), status=200 if done.replayed else 201)


class MineView(RaterAPIView):
    roles: ClassVar = {"GET": EVERYONE}
    pagination_class: ClassVar = None

    @extend_schema(
        operation_id="annotations_mine", parameters=[OpenApiParameter("q", str)], responses=forms.HistoryOut(many=True)
    )
    def get(self, request: Request, slug: str) -> Response:
        """The caller's 50 latest answers that stand; with `q` those of the latest thousand with that text in them."""
        known_parameters(request, {"q"})
        found = raters.known_rater(project=self.project, user=request.user)
        rows = selectors.history(rater=found, text=request.query_params.get("q", "")) if found else []
        return Response(forms.HistoryOut(rows, many=True).data)


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
