"""May this judge replace people in this project at all? `routing.promises.gate` on items that several people judged."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from django.db.models import Count, Q

from common.words import gettext_noop as _
from routing import answers
from routing.models import Alarm, Decision, Reading, RoutingPlan, Terms
from routing.policies import per_cent
from routing.promises import gate
from routing.promises.gate import Gate
from routing.services.alarms import raise_alarm
from routing.services.certificates import Ground

PEOPLE = 3
"""On each item at least: one is left out, and two are there to agree with."""
MOST, LOOKED_AT = 5000, 20_000
"""The newest so many items are compared, of the newest so many that PEOPLE have judged."""
MOST_RATERS = 50


def _chosen(ids: Sequence[int]) -> set[int]:
    """Items that people were asked of because of what they are like: what they say tells nothing of the rest."""
    why = Q(purpose=Decision.Purpose.ESCALATION) | Q(purpose=Decision.Purpose.PLAN, threshold__isnull=False)
    words = Decision.objects.filter(why).exclude(route=Decision.Route.JUDGE)
    found: set[int] = set()
    for start in range(0, len(ids), answers.CHUNK):
        found |= set(words.filter(item__in=ids[start : start + answers.CHUNK]).values_list("item", flat=True))
    return found


def test_gate(*, ground: Ground, epsilon: float) -> Gate:
    """The test on the items that at least PEOPLE people and the judge have answered, those aside that were chosen."""
    work = answers.by_people(answers.WORK).filter(rater__project=ground.judge.project_id)
    several = work.values("item").annotate(people=Count("rater", distinct=True)).filter(people__gte=PEOPLE)
    ids = list(several.order_by("-item").values_list("item", flat=True)[:LOOKED_AT])
    judged = answers.of_judge(ground.judge, ids, **ground.of_answers())
    chosen = _chosen(list(judged))
    ids = [pk for pk in ids if pk in judged and pk not in chosen][:MOST]
    people = answers.of_people(ids)
    met = Counter(one.rater_id for pk in ids for one in people[pk])
    raters = {rater: place for place, (rater, _) in enumerate(met.most_common(MOST_RATERS))}
    compared = answers.Comparison(ground.form_version)
    said = [judged[pk].values for pk in ids]
    known = [(row, one) for row, pk in enumerate(ids) for one in people[pk] if one.rater_id in raters]
    words = [(row, raters[one.rater_id], one.values) for row, one in known]
    codes = compared.coded([*said, *(values for _row, _place, values in words)])
    matrix = np.full((len(ids), len(raters)), np.nan)
    for (row, place, _values), code in zip(words, codes[len(ids) :], strict=True):
        matrix[row, place] = code
    return gate.gate(codes[: len(ids)], matrix, epsilon=epsilon)


def read_gate(*, plan: RoutingPlan, ground: Ground, terms: Terms) -> Gate:
    """Runs the test, stores what it says, and raises the alarm where the judge does not pass."""
    found = test_gate(ground=ground, epsilon=terms.epsilon)
    Reading.objects.update_or_create(
        judge=ground.judge,
        kind=Reading.Kind.GATE,
        subject="",
        defaults={
            "project": plan.project,
            "value": None if found.passed is None else found.winning_rate,
            "labelled": found.items,
            "items": found.items,
            "limit": 0.5,
            "details": {
                "passed": found.passed,
                "advantage": found.advantage,
                "people": found.people,
                "epsilon": terms.epsilon,
                "form": ground.form_version.number,
                "guideline": ground.guideline and ground.guideline.number,
            },
        },
    )
    if found.passed is False:
        said = _(
            "On %(items)s items that several people judged, the judge stands for %(share)s of %(people)s people; half "
            "of them are needed for it to replace people here."
        ) % {"items": found.items, "share": per_cent(found.winning_rate), "people": found.people}
        guideline = ground.guideline and ground.guideline.pk
        about = f"judge {ground.judge.pk}, form {ground.form_version.pk}, guideline {guideline}"
        raise_alarm(
            project=plan.project,
            kind=Alarm.Kind.GATE,
            subject=ground.judge.name,
            said=said,
            about=about,
            judge=ground.judge.pk,
        )
    return found
