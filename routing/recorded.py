"""Recorded judgments of a project as cases of `routing.curves`: what routing would be worth, before anybody routes."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from django.db.models import Q

from annotation.models import Annotation, Item, Rater
from annotation.standings import current
from projects.models import Project
from routing import curves, features
from routing.features import Signals
from routing.models import Judge
from routing.services.features import text_rows

CODES = {"left": 0, "right": 1, "tie": 2, "both_bad": 3}
"""A judge's verdict that is missing or cannot be read counts as a tie."""


class Recorded:
    """Items with recorded verdicts of people on `field`, in order of their ids: item → {name: choice} of either kind.

    A judge goes by its name in the import; a judge of ours by the name it has here.
    """

    def __init__(self, project: Project, field: str) -> None:
        names = dict(Judge.objects.filter(project=project).values_list("rater", "name"))
        people: dict[int, dict[str, str]] = defaultdict(dict)
        said: dict[int, dict[str, str]] = defaultdict(dict)
        for item_id, rater_id, human, name, choice in _verdicts(project, field):
            if not human:
                said[item_id][names.get(rater_id, name)] = choice
            elif choice in CODES:
                people[item_id][name] = choice
        self.people = {item: people[item] for item in sorted(people)}
        self.judges = {item: said.get(item, {}) for item in self.people}

    def names(self) -> list[str]:
        return sorted({name for told in self.judges.values() for name in told})

    def unreadable(self, judge: str) -> int:
        return sum(told.get(judge) not in CODES for told in self.judges.values())

    def cases(self, judge: str) -> curves.Cases:
        """With every other judge as a signal."""
        persons = sorted({name for told in self.people.values() for name in told})
        texts = text_rows(list(self.people))
        groups = dict(Item.objects.filter(pk__in=self.people).values_list("pk", "prompt__group"))
        told = [self._signals(self.judges[item], judge) for item in self.people]
        return curves.Cases(
            judge=np.array([CODES.get(self.judges[item].get(judge, ""), CODES["tie"]) for item in self.people]),
            people=np.array(
                [[CODES.get(said.get(name, ""), curves.MISSING) for name in persons] for said in self.people.values()]
            ),
            groups=np.array([groups[item] for item in self.people]),
            features=features.matrix(zip((texts[item] for item in self.people), told, strict=True)),
            doubt=np.array([one.doubt() for one in told]),
        )

    @staticmethod
    def _signals(said: dict[str, str], judge: str) -> Signals:
        read = {name: choice if choice in CODES else None for name, choice in said.items()}
        return Signals(read.get(judge), others=[choice for name, choice in sorted(read.items()) if name != judge])


def _verdicts(project: Project, field: str) -> Iterator[tuple[int, int, bool, str, str]]:
    """(item, rater, whether a person, name in the import, choice) of every judgment that says anything on `field`."""
    wanted = Q(standing=Annotation.Standing.RECORDED) | Q(rater__kind=Rater.Kind.JUDGE, standing="counted")
    rows = current().filter(wanted, item__project=project).select_related("rater").order_by("pk")
    for annotation in rows.iterator(chunk_size=2000):
        value = annotation.values.get(field)
        if isinstance(value, dict) and "choice" in value:
            rater = annotation.rater
            yield annotation.item_id, rater.pk, rater.is_human, rater.external_id, value["choice"]
