"""The seed leaves what an import, the router and raters would have left: in the right numbers, and fit to work with."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import Count

from annotation.models import Annotation, Item, Label, Slot
from annotation.selectors import item_page
from annotation.services import labels, leases, raters, submissions
from benchmarks import seed
from projects.models import Project
from tests.annotation.conftest import A_MUCH_BETTER

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.postgres,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL (DATABASE_URL)"),
]


def test_a_thousand_items_with_three_thousand_answers() -> None:
    made = seed.seed(slug="seeded", items=1000, overlap=4, raters=9, mix=seed.WORKED)
    project = Project.objects.get(slug="seeded")
    items = Item.objects.filter(project=project)
    states = dict(items.values_list("state").annotate(n=Count("pk")))
    assert states == {"done": 600, "new": 80, "void": 20, "open": 300}
    assert (made.annotations, Annotation.objects.count(), Label.objects.count()) == (3000, 3000, 900)
    assert not items.annotate(n=Count("prompt__responses")).exclude(n=2).exists()
    for item in items.filter(state__in=["open", "done"])[:50]:
        done = item.slots.filter(state="done").count()
        assert (item.slots.count(), item.answered, item.confidence) == (4, done, item.labels.get().confidence)
        assert done == (4 if item.state == "done" else 2)
    assert item_page(project=project).more is False

    # The product goes on from there: what the seed made is served, answered and settled, with keys of its own.
    rater = raters.rater_for(project=project, user=raters.Rater.objects.filter(project=project)[0].user)
    lease = leases.claim(project=project, rater=rater)
    assert lease is not None
    done = submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    assert Slot.objects.get(pk=lease.slot_id).state == "done" and labels.settle_due() == 1
    assert done.annotation.pk > 3000


def test_fresh_items_wait_for_everybody(api: Any) -> None:
    made = seed.seed(slug="fresh", items=20, raters=2)
    project = Project.objects.get(slug="fresh")
    assert made.annotations == 0
    assert Slot.objects.filter(project=project, state="open").count() == 20
