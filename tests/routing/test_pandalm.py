"""The published figures again, from the files as they came: import, report, routing for real with a replayed judge."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.files import File
from django.core.management import call_command
from django.core.management.base import CommandError

from annotation.models import Annotation, Item, Slot
from annotation.services.items import take_candidates
from corpus import services as corpus
from projects.models import Project
from routing.models import Decision, JudgeCall
from routing.services import risk
from routing.services.calls import run_batch
from routing.services.follow_up import follow_up
from routing.services.judges import create_judge
from routing.services.plans import set_plan
from routing.services.route_new import route_new

pytestmark = pytest.mark.django_db


def imported(project: Project, folder: Path) -> None:
    files = [File(path.open("rb"), name=path.name) for path in sorted(folder.glob("*.json.gz"))]
    run = corpus.start_import(project=project, format="pandalm", files=files)
    for file in files:
        file.close()
    corpus.run_import(import_id=run.pk)
    while take_candidates(project_id=project.pk):
        pass


def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_pandalm_from_import_to_report_and_routed_labels(
    project: Project, shared_data: Callable[[str], Path], settings: object
) -> None:
    imported(project, shared_data("pandalm"))
    assert Item.objects.filter(project=project, state="new").count() == 999

    shares = ["--shares", "0,10,25,50,100", "--seeds", "4"]
    made = json.loads(
        said("route_report", "--project", project.slug, "--judge", "gpt-3.5-turbo", *shares).split("\n")[-2]
    )
    for share, published in {"0": 72.5, "10": 74.9, "25": 78.4, "50": 83.9, "100": 95.7}.items():
        assert made["policies"]["random"][share] == pytest.approx(published, abs=1)
    assert all(0.905 <= value <= 0.935 for value in made["people"]) and len(made["people"]) == 3
    assert (made["items"], made["unreadable"]) == (999, 25)
    for share, published in {"10": 76.2, "25": 81.9, "50": 89.7}.items():
        assert made["policies"]["learned_cold"][share] > published - 1, "the prototype's, a pilot paid from the budget"
    with pytest.raises(CommandError, match=r"No verdict of .nobody."):
        said("route_report", "--project", project.slug, "--judge", "nobody")

    judge = create_judge(project=project, name="Replayed", kind="replay", config={"annotator": "gpt-3.5-turbo"})
    set_plan(project=project, policy="random", config={"share": 0.25}, judge=judge)
    assert route_new(project=project) == 999
    people = Decision.objects.filter(route="human").count()
    assert abs(people - 999 / 4) < 4 * (999 * 0.25 * 0.75) ** 0.5
    assert JudgeCall.objects.count() == 999 - people

    assert run_batch(judge=judge) == 200
    follow_up(project=project)
    refused = JudgeCall.objects.filter(state="refused")
    unreadable = set(refused.values_list("item__external_id", flat=True))
    recorded = Annotation.objects.filter(standing="recorded", values__preference__choice="unsure")
    assert unreadable == set(
        recorded.filter(item__in=refused.values("item")).values_list("item__external_id", flat=True)
    )
    assert Annotation.objects.filter(rater=judge.rater, standing="counted").count() == 200 - refused.count()
    for call in JudgeCall.objects.filter(state="answered").select_related("item")[:50]:
        was = call.item.annotations.get(rater__external_id="gpt-3.5-turbo").values["preference"]["choice"]
        assert call.item.annotations.get(rater=judge.rater).values["preference"]["choice"] == was

    model = risk.begin(project=project)
    assert risk.fit(risk_model_id=model.pk)
    model.refresh_from_db()
    assert model.state == "ready" and model.items == 200 - refused.count() and model.auc > 0.65, model.why

    Slot.objects.filter(audience="human", pk__gt=Slot.objects.filter(audience="human").order_by("pk")[20].pk).delete()
    assert "21 slots answered, 0 left" in said("replay_people", "--project", project.slug)
    for slot in Slot.objects.filter(audience="human", state="done").select_related("rater", "item"):
        own = Annotation.objects.get(item=slot.item, rater=slot.rater, standing="recorded")
        assert slot.annotations.get().values["preference"]["choice"] == own.values["preference"]["choice"]
