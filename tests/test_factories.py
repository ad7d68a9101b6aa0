"""What the factories make obeys every constraint, on both databases."""

import pytest

from annotation.models import Rater, Slot
from projects.models import Project
from tests import factories


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", sorted(name for name in vars(factories) if name.endswith("Factory") and name != "DjangoModelFactory")
)
def test_every_factory_makes_a_row(name: str) -> None:
    made = getattr(factories, name)()
    made.validate_constraints()
    assert made.pk


def test_an_item_is_coherent(project: Project) -> None:
    item = factories.ItemFactory(project=project, responses=3)
    assert [link.response.prompt_id for link in item.item_responses.all()] == [item.prompt_id] * 3
    assert item.prompt.project_id == project.pk


def test_a_leased_slot_shows_the_responses_of_its_item(project: Project, rosa: object) -> None:
    item = factories.ItemFactory(project=project, state="open")
    slot = factories.SlotFactory.leased(item=item, rater=factories.RaterFactory(project=project, user=rosa))
    assert slot.state == Slot.State.LEASED
    assert slot.display_order == [link.response_id for link in item.item_responses.all()]
    assert slot.rater is not None and slot.rater.kind == Rater.Kind.PERSON
