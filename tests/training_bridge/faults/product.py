"""What a running product is furnished with for its faults, and asked: run inside it, by `manage.py shell`."""

import json
import time
from datetime import timedelta

from django.utils import timezone

from accounts.models import ApiToken, Scope
from annotation.models import Annotation
from projects.models import Project, Role
from routing import tasks as routing_tasks
from routing.services.judges import create_judge
from routing.services.plans import set_plan
from tests import factories
from tests.training_bridge.conftest import settle
from training_bridge.models import LIVE, Run
from training_bridge.services import request_snapshot
from training_bridge.services.snapshots import build_snapshot


def furnish(policy: str) -> None:
    """A labelled project with a snapshot and a base; prints what a program needs to know of them."""
    project = factories.ProjectFactory(name="Bicycles", slug="bicycles")
    person = factories.UserFactory(username="noor")
    factories.MembershipFactory(project=project, user=person, role=Role.RESEARCHER)
    factories.FormVersionFactory(project=project)
    factories.GuidelineFactory(project=project)
    for _ in range(20):
        settle(project, "LLR")
    snapshot = request_snapshot(project=project, derivation={"test_fraction": 0.2})
    build_snapshot(snapshot_id=snapshot.pk)
    base = factories.ModelVersionFactory(project=project, kind="policy", path=policy)
    token = ApiToken.objects.create(user=person, name="test", scope=Scope.WRITE)[1]
    print(json.dumps({"snapshot": snapshot.number, "base": base.pk, "token": token}))


def silence() -> None:
    """All workers of runs have been silent for long."""
    Run.objects.filter(state__in=LIVE).update(heartbeat_at=timezone.now() - timedelta(seconds=91))


def judge(items: int) -> None:
    """Has so many new items routed to a judge; prints how many it judged within a minute, and which runs wait."""
    project = Project.objects.get(slug="bicycles")
    judge = create_judge(project=project, name="Simulated", kind="simulated", config={"flip": 0, "tie_margin": 0})
    set_plan(project=project, policy="all_ai", config={}, judge=judge)
    before = Annotation.objects.filter(rater=judge.rater).count()
    for factory in (factories.PromptFactory, factories.ItemFactory):  # names go on from those of another process
        factory.reset_sequence(1000)
    factories.ItemFactory.create_batch(items, project=project)
    routing_tasks.route_project.delay(project.pk)
    until, judged = time.monotonic() + 60, 0
    while judged < items and time.monotonic() < until:
        time.sleep(0.1)
        judged = Annotation.objects.filter(rater=judge.rater).count() - before
    states = Run.objects.order_by("pk").values_list("state", flat=True)
    print(json.dumps({"judged": judged, "states": list(states)}))
