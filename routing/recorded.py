"""Recorded judgments of a project, as the report reads them."""

from collections import defaultdict
from collections.abc import Iterator

from django.db.models import Q

from annotation.models import Annotation, Rater
from annotation.standings import current
from projects.models import Project
from routing.models import Judge
from routing.report import CHOICES, Pair


def pairs(project: Project, field: str) -> list[Pair]:
    """Items with recorded verdicts of people on `field`, in order of their ids.

    A judge goes by its name in the import; a judge of ours by the name it has here.
    """
    names = dict(Judge.objects.filter(project=project).values_list("rater", "name"))
    people: dict[int, dict[str, str]] = defaultdict(dict)
    judges: dict[int, dict[str, str | None]] = defaultdict(dict)
    for item_id, rater_id, human, name, choice in _verdicts(project, field):
        if not human:
            judges[item_id][names.get(rater_id, name)] = choice
        elif choice in CHOICES:
            people[item_id][name] = choice
    return [Pair(str(item_id), people[item_id], judges.get(item_id, {})) for item_id in sorted(people)]


def _verdicts(project: Project, field: str) -> Iterator[tuple[int, int, bool, str, str]]:
    """(item, rater, whether a person, name in the import, choice) of every judgment that says anything on `field`."""
    wanted = Q(standing=Annotation.Standing.RECORDED) | Q(rater__kind=Rater.Kind.JUDGE, standing="counted")
    rows = current().filter(wanted, item__project=project).select_related("rater").order_by("pk")
    for annotation in rows.iterator(chunk_size=2000):
        value = annotation.values.get(field)
        if isinstance(value, dict) and "choice" in value:
            rater = annotation.rater
            yield annotation.item_id, rater.pk, rater.is_human, rater.external_id, value["choice"]
