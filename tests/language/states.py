"""What a project can be in besides the plain state of the shared world, and the addresses that show it.

Sentences in these rows are the product's own, as a worker writes them; names and texts of people say "quokka".
"""

import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils import timezone, translation

from accounts.models import User
from annotation.presets import PRESETS, preset
from annotation.services.forms import set_form
from annotation.services.founding import found_project
from annotation.services.items import open_slots
from corpus.models import ModelVersion, Prompt
from corpus.services import import_lines, run_import
from projects.models import Project
from projects.services import surveys
from projects.services.completion import set_completion
from projects.services.guidelines import add_guideline
from projects.services.members import set_paused
from projects.services.open_links import join_as_newcomer, make_open_link
from projects.services.projects import change_settings
from routing.attacks import TITLES
from routing.judges import JUDGES
from routing.models import (
    Alarm,
    Escalation,
    Judge,
    JudgeCall,
    PerformanceReport,
    Probe,
    ProbeRun,
    RiskModel,
    Terms,
)
from routing.policies import POLICIES
from routing.services import cards, promises
from tests import factories
from tests.annotation.test_native_round import FORM, LINE, bring
from tests.routing.test_certificates import audit, calibration
from tests.routing.worlds import Done, make
from tests.training_bridge.conftest import settle
from training_bridge.methods import METHODS
from training_bridge.models import Metric, Run

NATIVE = '{"external_id": "quokka-%s", "prompt": "quokka", "responses": [{"text": "quokka"}, {"text": "%s"}]}'


def addresses(project: Project) -> Iterator[str]:
    """Makes the rows and yields the paths, for an admin."""
    yield from imports(project)
    yield from routing(project)
    yield from training(project)
    yield from forms_of_feedback(project)
    for key in PRESETS:
        yield from founded(key)
    yield from people(project)


def people(project: Project) -> Iterator[str]:
    ada = project.memberships.get(user__username="ada").user
    surveys.set_consent(project=project, text="quokka", actor=ada)
    asked = [{"name": "q", "kind": "scale", "label": "quokka", "points": 5, "options": ["quokka", "quokkas"]}]
    surveys.set_survey(project=project, questions=asked, actor=ada)
    yield _page("projects:welcome", project)
    for number in range(7):
        member = factories.MembershipFactory(project=project, user=factories.UserFactory(display_name="quokka"))
        surveys.answer(member=member, number=1, values={"q": 1 if number else None})
    set_completion(project=project, actor=ada, kind="project", code="quokka", target=1, url="https://quokka.example/")
    _link, path = make_open_link(project=project, actor=ada, capacity=1, parameter="quokka")
    yield path
    came = join_as_newcomer(secret=path.split("/")[-2], external_id="quokka")
    User.objects.filter(pk=came.user_id).update(username="quokka")
    set_paused(project=project, member_id=came.pk, paused=True, actor=ada)
    add_guideline(project=project, text="# quokka ‹quokka›", actor=ada)
    yield from (_page(name, project) for name in ("projects:ask", "projects:welcome", "annotation:completion"))
    yield from (_page("projects:member", project, came.pk), _page("projects:open_links", project))
    yield from (path, f"{path}?quokka=a", _page("projects:guideline", project), _page("annotation:annotate", project))
    yield _page("projects:overview", project)
    Project.objects.filter(pk=project.pk).update(state="draining", consent_number=None, survey_number=None)
    yield from (_page("annotation:annotate", project), _page("projects:overview", project))


def _page(name: str, project: Project, *args: Any) -> str:
    return reverse(name, args=[project.slug, *args])


def forms_of_feedback(project: Project) -> Iterator[str]:
    """An item that people have judged in every form, and the pages that gather what was judged."""
    set_form(project=project, fields=FORM)
    bring(project, LINE)
    item = project.items.get(external_id="i1")
    yield from (_page("annotation:items", project), _page("annotation:items", project) + "?text=nothing-is-like-that")
    yield from (_page(f"annotation:{name}", project, item.pk) for name in ("item", "adjudicate", "gold"))
    yield _page("routing:items_change", project) + f"?item={item.pk}"
    yield from (_page(f"annotation:{name}", project) for name in ("raters", "quality", "golds", "review", "aspects"))


def founded(key: str) -> Iterator[str]:
    """A project made of a preset by somebody who reads German, and an item of it in their hands."""
    ada = User.objects.get(username="ada")
    with translation.override("de"):
        project = found_project(actor=ada, preset=preset(key), name="quokka")
    change_settings(project=project, actor=ada, state="active")
    item = factories.ItemFactory(project=project, responses=3 if key == "rank" else 2)
    Prompt.objects.filter(pk=item.prompt_id).update(context=[{"kind": "passage", "title": "quokka", "text": "quokka"}])
    open_slots(item=item, humans=1, judges=0)
    names = ("projects:overview", "annotation:form", "projects:guideline", "annotation:aspects", "annotation:annotate")
    yield from (_page(name, project) for name in names)


def imports(project: Project) -> Iterator[str]:
    bad = ["{", "[1]", '{"prompt": 7}', '{"prompt": "quokka", "responses": []}', NATIVE % (1, "quokkas")]
    for lines, skip in [(bad, False), (bad, True), ([NATIVE % (2, "quokka")], False), (["PAR1"], False)]:
        run = import_lines(project=project, format="native", text="\n".join(lines), skip_bad_lines=skip)
        yield _page("corpus:import", project, run.pk)
        run_import(import_id=run.pk)
        yield _page("corpus:import", project, run.pk)
    stopped = "The import stopped with an error of the machine (OSError). It can be tried again."
    broken = factories.ImportFactory(project=project, state="failed", error=stopped)
    owner = {"owner": uuid.uuid4(), "heartbeat_at": timezone.now()}
    reading = factories.ImportFactory(project=project, state="running", **owner)
    writing = factories.ImportFactory(project=project, state="running", rows_total=9, **owner)
    for run in (broken, reading, writing):
        yield _page("corpus:import", project, run.pk)
    yield from (_page("corpus:imports", project), _page("corpus:prompts", project))
    yield _page("corpus:prompts", project) + "?text=nothing-is-like-that"


def routing(project: Project) -> Iterator[str]:
    yield _page("routing:desk", project)
    for key in POLICIES:
        yield _page("routing:plan", project) + f"?policy={key}"
    for key in JUDGES:
        yield _page("routing:judge_new", project) + f"?kind={key}"
    judge = factories.JudgeFactory(project=project, name="quokka")
    config = {"share": 0.25}
    plan = factories.RoutingPlanFactory(project=project, policy="random", config=config, judge=judge)
    factories.BudgetFactory(project=project, labels_limit=9, labels_allocated=3, money_limit=Decimal(20))
    features = {
        "prompt_words": 7, "words": [3, 4], "alike": 0.25, "log_ratio": 0.1, "identical": False, "judge": "quokka",
        "state": "answered", "confidence": 0.75, "verdicts": ["left", "tie"],
    }  # fmt: skip
    reasons = [
        "The plan sends 25 % of the items to people at random.",
        "This item's draw, 0.1000, fell below 0.25.",
        "It gave no usable answer: The endpoint did not answer in time.",
    ]
    orders = [{"first": "left", "choice": "left", "flipped": True, "gap": 0.5, "raw": "quokka"}]
    for route, state in [("human", "failed"), ("judge", "answered"), ("both", "queued")]:
        item = factories.ItemFactory(project=project, state="open")
        word = factories.DecisionFactory(
            item=item, route=route, plan=plan, reasons=reasons, features=features, propensity=0.25, draw=0.1, risk=0.5,
            threshold=0.25,
        )  # fmt: skip
        JudgeCall.objects.create(
            judge=judge, item=item, decision=word, state=state, answer={"orders": orders},
            follow_up_due=state != "queued", error="The endpoint answered 503." if state == "failed" else "",
        )  # fmt: skip
        yield _page("routing:decision", project, word.pk)
    yield from (_page("routing:desk", project), _page("routing:decisions", project), _page("routing:judges", project))
    yield _page("routing:judge", project, judge.pk)
    yield from learnt(project, judge)
    judge.retired_at = timezone.now()
    judge.save()
    yield _page("routing:judge", project, judge.pk)


def learnt(project: Project, judge: Judge) -> Iterator[str]:
    """What a router has learnt of its judge, what it promises, and what was done about it."""
    number = project.routing_plans.latest("number").number + 1
    plan = factories.RoutingPlanFactory(
        project=project, policy="certified", judge=judge, number=number, sampling={"calibration": 120}
    )
    three = [Done(people=["left", "left", "right"], purpose="pilot", route="both", tags={"quokka": "quokka"})] * 60
    make(plan, judge, [*calibration(120), *audit(3, 30), *three])
    User.objects.filter(display_name__startswith="Person").update(display_name="quokka")
    Terms.objects.create(project=project, tag="quokka")
    yield _page("routing:promises", project)
    promises.check(project_id=project.pk)
    said = "Audits disagree more than was promised."
    for kind in Alarm.Kind.values:
        Alarm.objects.get_or_create(project=project, kind=kind, subject="quokka", defaults={"said": said})
    yield from (_page("routing:promises", project), _page("routing:desk", project))
    form = project.form_versions.latest("pk")
    common = {"project": project, "judge": judge, "form_version": form}
    for number, state, why in [(1, "refused", "The worker was lost while it fitted."), (2, "fitting", "")]:
        RiskModel.objects.create(number=number, state=state, why=why, features_version=1, **common)
    PerformanceReport.objects.create(state="failed", why="People and the judge say the same of every item.", **common)
    yield _page("routing:learning", project)
    curve = {"mean": 0.5, "low": 0.25, "high": 0.75}
    mixes = {str(share): curve for share in (0.0, 0.5, 1.0)}
    result = {
        "items": 9, "rank": 0.5, "best_share": 0.5, "lift": curve, "quality": {"judge": curve, "people": curve,
        "random": mixes, "best": mixes}, "gains": [{"kind": "alike:3/3", "gain": 0.5, "items": 9}],
    }  # fmt: skip
    PerformanceReport.objects.create(state="ready", result=result, finished_at=timezone.now(), **common)
    yield _page("routing:learning", project)
    for state, why in [
        ("stopped", "The budget for people is spent."),
        ("running", "It waits for the budget's next period."),
    ]:
        criteria = {"risk": 0.5, "tag": "quokka", "judge": judge.pk}
        Escalation.objects.create(project=project, state=state, why=why, criteria=criteria, items=9, looked_at=3)
    yield from (_page("routing:escalations", project), _page("routing:escalation_new", project))
    cards.compute_card(card_id=cards.request_card(judge=judge).pk)
    yield _page("routing:card", project, judge.pk)
    run = ProbeRun.objects.create(
        judge=judge, state="done", judged=6, flipped=1, limit=0.05, finished_at=timezone.now()
    )
    item = project.items.first()
    for attack in TITLES:
        Probe.objects.create(
            run=run,
            item=item,
            attack=attack,
            outcome="flipped",
            asked_at=timezone.now(),
            text="quokka",
            response=item.item_responses.first().response,
        )
    yield _page("routing:planted", project, judge.pk)
    judge.suspended_at, judge.suspended_why = timezone.now(), said
    judge.save()
    yield from (
        _page("routing:planted", project, judge.pk),
        _page("routing:judges", project),
        _page("routing:desk", project),
    )
    judge.suspended_at, judge.suspended_why = None, ""
    judge.save()
    reasons = [
        "The risk that the judge disagrees with people is 0.40.",
        "This raises it: how far its scores are apart (+0.40).",
        "By rule, what is tagged “quokka=quokka” goes to the judge.",
        "The judge would keep it; of what it keeps, people judge 5 % all the same, drawn at random.",
    ]
    item = factories.ItemFactory(project=project, state="open")
    word = factories.DecisionFactory(item=item, plan=plan, reasons=reasons, purpose="audit", risk=0.4, threshold=0.3)
    yield _page("routing:decision", project, word.pk)
    yield _page("routing:budget", project)


RESULT = {
    "train_loss": 0.25, "train_prompts": 9, "train_pairs": 12, "pairs": 8,
    "reward_accuracy": 0.75, "reward_accuracy_ci": [0.5, 0.875],
    "longer_wins": 0.5, "longer_wins_ci": [0.25, 0.75], "win_rate": 0.625, "win_rate_ci": [0.5, 0.75], "prompts": 8,
    "win_rate_by": "the reward model (a proxy for people)", "ties": 2, "reward_gain": 0.5, "characters": 12.5,
}  # fmt: skip


def training(project: Project) -> Iterator[str]:
    settle(project, "LLR")
    pages = ("snapshots", "snapshot_new", "runs", "run_choose", "models", "model_new")
    counts = {
        "labels": 1200, "train": 1000, "test": 100, "train_groups": 1, "test_groups": 9, "judgments": 2400,
        "pairs": 1100, "dropped": {"tie": 60, "both_bad": 40}, "sources": {"human": 900, "both": 200},
    }  # fmt: skip
    derivation = {"ties": "drop", "sources": "both", "rounds": []}
    hashed = {"manifest_sha256": "0" * 64, "path": "snapshots/quokka"}
    ready = factories.SnapshotFactory(project=project, state="ready", counts=counts, derivation=derivation, **hashed)
    died = "Its worker died three times while building it."
    failed = factories.SnapshotFactory(project=project, state="failed", error=died)
    for shown in (ready, failed, factories.SnapshotFactory(project=project)):
        yield _page("training_bridge:snapshot", project, shown.number)
    reward = factories.ModelVersionFactory(project=project, kind=ModelVersion.Kind.REWARD, name="quokka-reward")
    base = factories.ModelVersionFactory(project=project, name="quokka-base")
    made = factories.ModelVersionFactory(project=project, name="quokka-policy", parent=base)
    common = {"project": project, "base": base, "reward": reward, "snapshot": ready, "total_steps": 20, "step": 10}
    owner = {"owner": uuid.uuid4(), "heartbeat_at": timezone.now()}
    now = timezone.now()
    states: list[dict[str, Any]] = [
        {"method": "dpo", "state": Run.State.SUCCEEDED, "produced": made, "result": RESULT, "finished_at": now},
        {
            "method": "dpo",
            "state": Run.State.RUNNING,
            "phase": "Training on 9 texts that answer 8 prompts",
            "started_at": now,
            **owner,
        },
        {"method": "respond", "state": Run.State.QUEUED, "inputs": {"pairs": "adjacent", "round": 2}},
        {"method": "evaluate", "state": Run.State.LOST, "attempt": 3, "error": "Its worker was stopped."},
        {"method": "pretrain", "state": Run.State.FAILED, "error": "quokka\n(exit code 3)", "checkpoint": {"step": 5}},
    ]
    for state in states:
        run = factories.RunFactory(**common, **state)
        measured = {"loss": 0.5, "accuracy": 0.75, "tokens_per_second": 100.0, "eta_seconds": 400.0}
        Metric.objects.create(run=run, step=10, values=measured)
        yield _page("training_bridge:run", project, run.pk)
    yield from (_page(f"training_bridge:{name}", project) for name in pages)
    yield from (_page("training_bridge:run_new", project, method) for method in METHODS)
    yield from (_page("training_bridge:model", project, model.pk) for model in (made, reward, base))
    yield _page("projects:overview", project)
