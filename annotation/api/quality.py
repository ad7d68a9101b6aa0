"""Quality over HTTP: settings, gold items, review, raters; and where the caller stands themselves."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import quality_serializers as forms
from annotation import reasons, selectors
from annotation.api.rater import RaterAPIView
from annotation.models import Gold, Qualification, Rater
from annotation.selectors import crowd, quality
from annotation.services import golds, qualification, raters, scoring, watching
from annotation.watch import watch_of
from common.api import chosen, known_parameters, validated
from common.errors import NotFound
from projects.access import ADMIN, EVERYONE, REVIEW, ProjectAPIView


class WatchView(ProjectAPIView):
    roles: ClassVar = {"GET": ADMIN, "PUT": ADMIN}

    @extend_schema(operation_id="quality_retrieve", responses=forms.WatchOut)
    def get(self, request: Request, slug: str) -> Response:
        """How items are spread and raters watched."""
        known_parameters(request, set())
        return Response(forms.WatchOut(watch_of(self.project)).data)

    @extend_schema(operation_id="quality_change", request=forms.WatchIn, responses=forms.WatchOut)
    def put(self, request: Request, slug: str) -> Response:
        """Puts settings in force; those left out go back to their defaults."""
        values = validated(forms.WatchIn(data=request.data))
        watch = watching.set_watch(project=self.project, by=self.membership.user, values=values)
        return Response(forms.WatchOut(watch).data)


class GoldsView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW}
    pagination_class: ClassVar = None

    @extend_schema(
        operation_id="golds_list",
        parameters=[OpenApiParameter("kind", str, description="gold or check")],
        responses=forms.GoldRowOut(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The latest 1,000 gold items and attention checks in use, with how often they were passed."""
        known_parameters(request, {"kind"})
        kind = chosen(request, "kind", Gold.Kind.values) or ""
        return Response(forms.GoldRowOut(quality.golds(project=self.project, kind=kind), many=True).data)


class GoldView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW, "PUT": REVIEW, "DELETE": REVIEW}

    @extend_schema(operation_id="golds_retrieve", responses=forms.GoldOut)
    def get(self, request: Request, slug: str, item_id: int) -> Response:
        """The known answer of an item."""
        known_parameters(request, set())
        return Response(forms.GoldOut(quality.gold_of(project=self.project, item_id=item_id)).data)

    @extend_schema(operation_id="golds_make", request=forms.GoldIn, responses=forms.GoldOut)
    def put(self, request: Request, slug: str, item_id: int) -> Response:
        """Makes an item a gold item, or changes one. Its open slots are withdrawn."""
        item = selectors.item_of(project=self.project, item_id=item_id)
        given: dict[str, Any] = validated(forms.GoldIn(data=request.data))
        row: Gold | None = getattr(item, "gold", None)
        user = self.membership.user
        if "values" in given or row is None:
            source = Gold.Source.HAND if "values" in given else Gold.Source.ADJUDICATED
            row = golds.make_gold(item=item, by=user, source=source, **given)
        else:
            row = golds.change_gold(gold=row, by=user, **given)
        return Response(forms.GoldOut(row).data)

    @extend_schema(operation_id="golds_retire", responses={204: None})
    def delete(self, request: Request, slug: str, item_id: int) -> Response:
        """Takes a gold item out of use; how it was answered is kept."""
        golds.retire_gold(gold=quality.gold_of(project=self.project, item_id=item_id), by=self.membership.user)
        return Response(status=204)


class ReviewView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW}
    pagination_class: ClassVar = None

    @extend_schema(operation_id="review_list", responses=forms.DisputeOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """The 50 items that people disagree on most and nobody has adjudicated."""
        known_parameters(request, set())
        return Response(forms.DisputeOut(quality.disputes(project=self.project), many=True).data)


class AdjudicateView(ProjectAPIView):
    roles: ClassVar = {"POST": REVIEW}

    @extend_schema(
        operation_id="items_adjudicate", request=forms.AdjudicationIn, responses={201: forms.AdjudicationOut}
    )
    def post(self, request: Request, slug: str, item_id: int) -> Response:
        """A reviewer's word: one more annotation, which settles the label. Letters in the item's own order."""
        item = selectors.item_of(project=self.project, item_id=item_id)
        values = validated(forms.AdjudicationIn(data=request.data))["values"]
        made = golds.adjudicate(item=item, by=self.membership.user, values=values)
        return Response(forms.AdjudicationOut(made).data, status=201)


class RatersView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW}
    pagination_class: ClassVar = None

    @extend_schema(operation_id="raters_list", responses=forms.RaterOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """How each person works, the busiest first; habits are of the project's latest 10,000 answers."""
        known_parameters(request, set())
        return Response(forms.RaterOut(crowd.raters(project=self.project), many=True).data)


class RaterView(ProjectAPIView):
    roles: ClassVar = {"GET": REVIEW}

    @extend_schema(operation_id="raters_retrieve", responses=forms.RaterOut)
    def get(self, request: Request, slug: str, pseudonym: str) -> Response:
        """How one person works."""
        known_parameters(request, set())
        return Response(forms.RaterOut(crowd.rater_row(project=self.project, pseudonym=pseudonym)).data)


def _person(view: ProjectAPIView, pseudonym: str) -> Rater:
    found = Rater.objects.filter(project=view.project, pseudonym=pseudonym, kind=Rater.Kind.PERSON).first()
    if found is None:
        raise NotFound
    return found


class DecideView(ProjectAPIView):
    roles: ClassVar = {"POST": REVIEW}

    @extend_schema(operation_id="raters_decide", request=forms.PauseDecisionIn, responses=forms.PauseDecisionOut)
    def post(self, request: Request, slug: str, pseudonym: str) -> Response:
        """Decides about a rater who was paused under the bar. 409 `not-paused` where they are not."""
        rater = _person(self, pseudonym)
        given = validated(forms.PauseDecisionIn(data=request.data))
        made = scoring.decide_pause(rater=rater, by=self.membership.user, **given)
        return Response(forms.PauseDecisionOut(made).data)


class QualifyView(ProjectAPIView):
    roles: ClassVar = {"POST": REVIEW}

    @extend_schema(operation_id="raters_qualify", request=forms.QualifyIn, responses=forms.QualificationOut)
    def post(self, request: Request, slug: str, pseudonym: str) -> Response:
        """Waives a rater's qualification, or allows one more attempt after a failed one."""
        rater = _person(self, pseudonym)
        wanted = validated(forms.QualifyIn(data=request.data))["do"]
        act = qualification.waive if wanted == "waive" else qualification.allow_again
        return Response(forms.QualificationOut(act(rater=rater, by=self.membership.user)).data)


class StandingView(RaterAPIView):
    roles: ClassVar = {"GET": EVERYONE}

    @extend_schema(operation_id="standing_retrieve", responses=forms.StandingOut)
    def get(self, request: Request, slug: str) -> Response:
        """Why the caller is given nothing, and where they are in the qualification."""
        known_parameters(request, set())
        own: dict[str, Any] = {"project": self.project, "membership": self.membership}
        rater = raters.known_rater(project=self.project, user=request.user)
        found = reasons.barred(rater=rater, **own) if rater else None
        found = found or reasons.for_others(**own) or reasons.Reason("", "", "")
        step = reasons.step(rater=rater, **own) if rater else None
        told = reasons.told(project=self.project, rater=rater) if rater else []
        drawn = {"code": found.code, "title": found.title, "text": found.text, "again": found.again}
        return Response(forms.StandingOut(drawn | {"step": step, "told": told}).data)


class TryAgainView(RaterAPIView):
    @extend_schema(operation_id="qualification_again", request=None, responses=forms.QualificationOut)
    def post(self, request: Request, slug: str) -> Response:
        """Begins the caller's next attempt at the qualification. 409 `no-attempt-left`."""
        found: Qualification = qualification.try_again(rater=self.rater())
        return Response(forms.QualificationOut(found).data)


class OwnFiguresView(RaterAPIView):
    roles: ClassVar = {"GET": EVERYONE}

    @extend_schema(operation_id="own_figures", responses=forms.OwnFiguresOut)
    def get(self, request: Request, slug: str) -> Response:
        """The caller's own figures, where the project lets raters see them: shares up to yesterday."""
        known_parameters(request, set())
        if not self.project.raters_see_statistics:
            raise NotFound
        row = crowd.own_row(rater=self.rater())
        return Response(forms.OwnFiguresOut(row).data)
