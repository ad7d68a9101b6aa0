"""The real product: its worker asks an endpoint that breaks off, and one whose replies do not count."""

import json

import pytest

from tests.routing.endpoint import serving
from tests.stack import Stack

pytestmark = pytest.mark.services

STORY = """
import json, time

from annotation.models import Annotation, Slot
from routing import tasks
from routing.models import JudgeCall
from routing.services.judges import create_judge
from routing.services.plans import set_plan
from tests import factories

for model in ("half_once", "cut"):
    project = factories.ProjectFactory(slug=model.replace("_", "-"), state="active")
    factories.ItemFactory.create_batch(3, project=project)
    config = {"base_url": "http://%(host)s/v1", "model": model, "timeout": 5, "retries": 1, "price_in": 1000}
    judge = create_judge(project=project, name=model, kind="openai_compatible", config=config)
    set_plan(project=project, policy="all_ai", config={}, judge=judge)
    tasks.ring_project(project.pk)

def seen(slug):
    mine = JudgeCall.objects.filter(judge__project__slug=slug)
    return {
        "states": sorted(mine.values_list("state", flat=True)),
        "dear": all(call.cost >= 0.1 for call in mine),
        "labels": Annotation.objects.filter(item__project__slug=slug).count(),
        "people": Slot.objects.filter(project__slug=slug, audience="human", state="open").count(),
    }

deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    found = [seen("half-once"), seen("cut")]
    if found[0]["labels"] == 3 and found[1]["people"] == 3:
        break
    time.sleep(0.3)
print(json.dumps(found))
"""


def test_a_worker_carries_every_item_to_a_label_or_to_people(live_stack: Stack) -> None:
    host = live_stack.env["JUDGE_ALLOWED_HOSTS"]
    with serving(int(host.rpartition(":")[2])) as endpoint:
        endpoint.models = {"half_once": "half_once", "cut": "cut"}
        half, cut = json.loads(live_stack.shell(STORY % {"host": host}).splitlines()[-1])
    assert half == {"states": ["answered"] * 3, "dear": True, "labels": 3, "people": 0}, live_stack.tail()
    assert cut == {"states": ["refused"] * 3, "dear": True, "labels": 0, "people": 3}, live_stack.tail()
