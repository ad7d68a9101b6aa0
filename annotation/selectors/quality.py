"""What those who watch quality see: gold items and how they are answered, and items that raters disagree on."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from annotation.figures import Share, mean_distance
from annotation.models import Annotation, Gold, Item, Label
from annotation.protocols import protocol
from annotation.services.labels import fields_of
from annotation.standings import current
from common.errors import NotFound
from projects.models import Project

REVIEW_ITEMS = 50
CANDIDATES = 200
LATEST = 1000
HARD = 0.5
"""Where fewer pass, perhaps the known answer is what is wrong."""


@dataclass(frozen=True)
class GoldRow:
    gold: Gold
    passed: Share

    @property
    def doubtful(self) -> bool:
        """Most raters answer otherwise, and that is not chance: the known answer may be wrong."""
        return self.passed.of >= 5 and self.passed.high < HARD


@dataclass(frozen=True)
class Dispute:
    """An item that people answered differently. `distance`: the mean between two answers, of the worst field."""

    item: Item
    people: int
    field: str
    distance: float


def golds(*, project: Project, kind: str = "", retired: bool = False) -> list[GoldRow]:
    """Gold items and attention checks, the newest first, with how often they were passed."""
    found = Gold.objects.filter(project=project, retired_at__isnull=not retired).select_related("item__prompt")
    found = found.filter(kind=kind) if kind else found
    counted = found.annotate(asked=Count("results"), passed=Count("results", filter=Q(results__passed=True)))
    return [GoldRow(gold, Share(gold.passed, gold.asked)) for gold in counted.order_by("-pk")[:1000]]


def gold_of(*, project: Project, item_id: int) -> Gold:
    """Raises NotFound for an item without a known answer, or of another project."""
    found = (
        Gold.objects.filter(project=project, item__pk=item_id).select_related("project", "item", "annotation").first()
    )
    if found is None:
        raise NotFound(_("There is no such gold item."))
    return found


def disputes(*, project: Project, size: int = REVIEW_ITEMS) -> list[Dispute]:
    """Items of two or more people's answers that nobody has adjudicated, those farthest apart first.

    Of the labels with the lowest confidence, and, for fields that settle to no label, of the latest answers.
    """
    settled = current().filter(item=OuterRef("item"), standing=Annotation.Standing.ADJUDICATED)
    unsure = Label.objects.filter(item__project=project, human_count__gte=2, confidence__lt=1)
    unsure = unsure.exclude(Exists(settled)).order_by("confidence", "pk")
    ids = set(unsure.values_list("item", flat=True)[:CANDIDATES])
    ids |= set(_people(project).order_by("-pk").values_list("item", flat=True)[:LATEST])
    words = current().filter(item__in=ids, standing=Annotation.Standing.ADJUDICATED)
    ids -= set(words.values_list("item", flat=True))
    found = [one for one in _disputes(project, ids) if one.distance > 0]
    return sorted(found, key=lambda one: (-one.distance, one.item.pk))[:size]


def _people(project: Project) -> QuerySet[Annotation]:
    """Answers of people that stand, those to tests and repeats aside."""
    kinds = ["person", "recorded_person"]
    found = current().filter(item__project=project, rater__kind__in=kinds)
    return found.filter(standing__in=["counted", "extra", "recorded"])


def _disputes(project: Project, ids: set[int]) -> list[Dispute]:
    items = Item.objects.filter(pk__in=ids).exclude(state=Item.State.VOID).select_related("prompt")
    by_item: dict[int, list[Annotation]] = defaultdict(list)
    for one in _people(project).filter(item__in=ids).select_related("form_version", "rater"):
        by_item[one.item_id].append(one)
    found = []
    for item in items:
        given = by_item[item.pk]
        if len({one.rater_id for one in given}) >= 2:
            field, far = farthest(given)
            found.append(Dispute(item, len(given), field, far))
    return found


def farthest(given: list[Annotation]) -> tuple[str, float]:
    """The field on which answers to one item differ most, and the mean distance between two of them."""
    values = defaultdict(list)
    for one in given:
        for field, value in fields_of(one):
            values[field].append(value)
    means = {
        field.name: mean_distance([protocol(field.protocol).distance(a, b) for a, b in combinations(said, 2)])
        for field, said in values.items()
    }
    return max(means.items(), key=lambda pair: pair[1], default=("", 0.0))
