"""The demo project: the town's help desk, with people, a form, comparisons to judge and comparisons judged before."""

import json
import random
from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction

from accounts.models import User
from accounts.services import create_user
from annotation.services import forms
from annotation.services.items import take_candidates
from corpus.importing import run_import
from corpus.models import Import
from corpus.services import start_import
from demo.rehearsal import GUIDELINE
from demo.world import DEMO, SIMULATED_JUDGE, SimulatedRater, WorldPrompt, prompts, response, training_text
from projects.models import Guideline, Membership, Project, Role
from routing.services.judges import create_judge
from routing.services.plans import set_plan
from routing.services.route_new import route_new
from training_bridge.files import var_path
from training_bridge.services.runs import start_run

SLUG = "help-desk"
PEOPLE = {"ada": ("Ada", Role.ADMIN), "noor": ("Noor", Role.RESEARCHER), "rosa": ("Rosa", Role.RATER)}
TO_JUDGE, JUDGED, OPEN = 60, 240, 120
"""Comparisons that wait for people; comparisons that three people judged before; prompts that want responses."""


def load() -> Project:
    """Makes the demo project, once; a second call finds it. An interrupted one is completed."""
    project = _project()
    _import(project, "judged before.jsonl", _comparisons(JUDGED, first=TO_JUDGE, judged=True), use_recorded=True)
    _import(project, "to judge.jsonl", _comparisons(TO_JUDGE, first=0, judged=False))
    _import(project, "open prompts.jsonl", _open_prompts(), open_prompts=True)
    while take_candidates(project_id=project.pk):
        pass
    route_new(project=project)
    if not project.runs.exists() and not project.model_versions.exists():
        text = var_path("demo", "training.jsonl")
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_bytes(_lines(training_text(seed=0, documents=DEMO["documents"])))
        start_run(project=project, method="pretrain", config=DEMO["pretrain"], inputs={"text": "demo/training.jsonl"})
    return project


@transaction.atomic
def _project() -> Project:
    people = {name: _person(name) for name in PEOPLE}
    project, made = Project.objects.get_or_create(
        slug=SLUG,
        defaults={
            "name": "The town's help desk",
            "description": "Which answer would you rather get? A small world of its own, made to try Prefloop on.",
            "created_by": people["ada"],
        },
    )
    if made:
        for name, (_, role) in PEOPLE.items():
            Membership.objects.create(project=project, user=people[name], role=role)
        Guideline.objects.create(project=project, number=1, text=GUIDELINE, created_by=people["ada"])
        forms.set_form(project=project, fields=forms.default_fields())
        judge = create_judge(
            project=project,
            name="Simulated judge",
            kind="simulated",
            config=dict(SIMULATED_JUDGE),
            created_by=people["ada"],
        )
        set_plan(project=project, policy="all_human", config={}, judge=judge, created_by=people["ada"])
    return project


def _person(name: str) -> User:
    """Without a password: only a one-time link lets a demo person in."""
    known = User.objects.filter(username=name).first()
    return known or create_user(username=name, display_name=PEOPLE[name][0], may_create_projects=name == "ada")


def _import(project: Project, name: str, rows: Iterator[dict[str, Any]], **options: bool) -> None:
    if project.imports.filter(filename=name, state=Import.State.SUCCEEDED).exists():
        return
    made = start_import(
        project=project, format="native", files=[ContentFile(_lines(rows), name=name)], options=options, user=None
    )
    run_import(import_id=made.pk)


def _lines(rows: Iterator[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _comparisons(count: int, *, first: int, judged: bool) -> Iterator[dict[str, Any]]:
    """Two answers of different style to each of `count` prompts."""
    chance = random.Random(f"demo/{first}")  # noqa: S311 - a simulation
    minds = {name: SimulatedRater(seed=number) for number, name in enumerate(("Mila", "Ines", "Tom"))}
    for asked in prompts("train")[first : first + count]:
        left, right = (_answer(asked, chance), _answer(asked, chance))
        while right == left:
            right = _answer(asked, chance)
        row = _row(asked) | {"responses": [{"id": "1", "text": left}, {"id": "2", "text": right}]}
        if judged:
            row["feedback"] = [_judgment(name, mind.prefer(asked.text, left, right)) for name, mind in minds.items()]
        yield row


def _open_prompts() -> Iterator[dict[str, Any]]:
    asked = prompts("train")[TO_JUDGE + JUDGED : TO_JUDGE + JUDGED + OPEN]
    return (_row(prompt) | {"id": f"open-{prompt.id}"} for prompt in asked)


def _row(asked: WorldPrompt) -> dict[str, Any]:
    return {"schema_version": 1, "id": asked.id, "group": asked.group, "prompt": asked.messages}


def _answer(asked: WorldPrompt, chance: random.Random) -> str:
    courteous, on_topic, brief = (chance.random() < 0.5 for _ in range(3))
    return response(asked.text, chance, courteous=courteous, on_topic=on_topic, brief=brief)


def _judgment(annotator: str, preferred: tuple[str, int]) -> dict[str, Any]:
    choice, strength = preferred
    return {
        "annotator": annotator, "annotator_kind": "human", "kind": "comparison",
        "left": "1", "right": "2", "choice": choice, "strength": strength,
    }  # fmt: skip
