"""`make dense-rewards DATA=<dev_feedback.json.gz> ENCODER=<folder>`: Fine-Grained RLHF, from file to dense reward.

Through the product, on an empty database of its own: the feedback is imported under a form of marks, edits and
comparisons and frozen into a snapshot; three reward models (relevance by clause, factuality by sentence, completeness
by pairs) are trained and combined by an expression, which chooses the best of the four answers to held-out questions.
Prints what each is worth beside its trivial baseline, and ends with one JSON line.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from corpus.models import ModelVersion
    from projects.models import Project
    from training_bridge.models import Run, Snapshot

TYPES = ("irrelevant", "redundant", "incoherent", "wrong_grounding", "unverifiable")
MISSING = ("missing_answer", "missing_major_auxiliary", "missing_minor_auxiliary")
CATEGORIES = [
    {"key": key, "name": key.replace("_", " ").capitalize(), "letter": chr(65 + place), "color": place % 8 + 1}
    for place, key in enumerate((*TYPES, *MISSING))
]
MARKS = {"categories": CATEGORIES, "severity": "off", "note": "optional", "omissions": True, "evidence": False}
FORM = [
    {"name": "errors", "protocol": "spans", "config": MARKS},
    {"name": "corrected", "protocol": "edit", "config": {"unchanged": True, "scratch": False}, "required": False},
    {
        "name": "preference",
        "protocol": "pairwise",
        "config": {"points": 3, "rationale": "off", "both_bad": False},
    },
]
# What the paper gives: ±0.3 for each clause, ±0.5 for each sentence, 0.3 times the standardised completeness.
RELEVANCE = {"kinds": TYPES[:3], "together": True, "segments": "clause", "stands": "end", "fine": 0.3, "fault": -0.3}
FACTUALITY = {"kinds": TYPES[3:], "together": True, "segments": "sentence", "stands": "end", "fine": 0.5, "fault": -0.5}
EXPRESSION = '"{relevance}" + "{factuality}" + 0.3 * z("{completeness}")'


def through(project: "Project", data: Path, base: Path, settings: Mapping[str, Any], say: Callable[[str], None]) -> Any:
    """Everything in `project`, which is empty: {"runs": figures by name, "versions": by name, "snapshot"}."""
    from annotation.services import forms
    from training_bridge.files import var_path
    from training_bridge.services import register_model

    forms.set_form(project=project, fields=FORM)
    say(f"{_imported(project, data)} items")
    snapshot = _frozen(project)
    say(f"a snapshot of {snapshot.counts['train']} pairs and {snapshot.counts['lessons']['marked']} read answers")
    shutil.copytree(base, var_path("models") / "encoder", dirs_exist_ok=True)
    encoder = register_model(project=project, name="encoder", kind="policy", source="encoder")
    versions: dict[str, ModelVersion] = {}
    figures: dict[str, Any] = {}
    wanted = {
        "relevance": ("reward_spans", RELEVANCE),
        "factuality": ("reward_spans", FACTUALITY),
        "completeness": ("reward_model", {}),
    }
    for name, (method, own) in wanted.items():
        run = _run(project, method, snapshot, settings.get(method, {}) | own, base=encoder)
        versions[name], figures[name] = run.produced, run.result  # type: ignore[assignment]  # it has succeeded
        say(f"{name}: {json.dumps(run.result)}")
    text = EXPRESSION.format(**{name: version.name for name, version in versions.items()})
    longest = {"max_length": settings["reward_model"]["max_length"]}
    run = _run(project, "reward_expression", snapshot, longest | {"expression": text})
    versions["dense"], figures["dense"] = run.produced, run.result  # type: ignore[assignment]
    say(f"{text}: {json.dumps(run.result)}")
    return {"runs": figures, "versions": versions, "snapshot": snapshot}


def _imported(project: "Project", data: Path) -> int:
    from django.core.files.base import ContentFile

    from annotation.services.items import take_candidates
    from annotation.services.labels import settle_due
    from corpus.importing import run_import
    from corpus.services import start_import

    file = ContentFile(data.read_bytes(), name=data.name)
    made = start_import(project=project, format="fine_grained", files=[file], options={}, user=None)
    run_import(import_id=made.pk)
    while take_candidates(project_id=project.pk):
        pass
    while settle_due():
        pass
    made.refresh_from_db()
    assert made.state == "succeeded", made.error
    return int(made.new_items)


def _frozen(project: "Project") -> "Snapshot":
    from training_bridge.services import request_snapshot
    from training_bridge.services.snapshots import build_snapshot

    made = request_snapshot(project=project, derivation={"field": "preference", "soft_labels": "vote_share"})
    build_snapshot(snapshot_id=made.pk)
    made.refresh_from_db()
    assert made.state == "ready", made.error
    return made


def _run(project: "Project", method: str, snapshot: "Snapshot", config: Mapping[str, Any], **given: Any) -> "Run":
    from training_bridge.execution import execute_run
    from training_bridge.services import start_run

    run = start_run(project=project, method=method, snapshot=snapshot, config=config, **given)
    while execute_run(run_id=run.pk) == "queued":
        pass
    run.refresh_from_db()
    assert run.state == "succeeded", run.error
    return run


def best_of_four(made: Mapping[str, Any], max_length: int) -> dict[str, Any]:
    """How good the answer is that each reward picks of a held-out question's four, by the comparisons it was in: the
    share of them that it won, ties as half; beside the longest, any, and the best there is."""
    from lm.chat import text_of
    from lm.loading import load_reward
    from lm.scoring import score
    from training_bridge.trainer.judged import read_snapshot

    shares, texts, asked = _standings(read_snapshot(_folder(made["snapshot"]), "test"))
    found: dict[str, Any] = {"questions": len(shares)}
    picks: dict[str, list[float]] = {
        "any": [fmean(one.values()) for one in shares.values()],
        "best": [max(one.values()) for one in shares.values()],
        "longest": [one[max(one, key=len)] for one in shares.values()],
    }
    for name, version in made["versions"].items():
        loaded = load_reward(version.path)
        chosen = []
        for key, one in shares.items():
            answers = [texts[key, answer] for answer in one]
            scores = score(loaded, [(asked[key], answer) for answer in answers], max_length=max_length)
            chosen.append(one[text_of(answers[scores.index(max(scores))][-1])])
        picks[name] = chosen
    from training_bridge.report_cards.resampling import mean

    for name, values in picks.items():
        share = mean(np.array(values), np.arange(len(values)), 0.95)
        found[name] = [_rounded(one) for one in (share.value, share.low, share.high)]
    return found


def _standings(judged: Sequence[Any]) -> Any:
    """By question: the share of its comparisons that each answer won; messages of answers and questions."""
    from lm.chat import text_of

    won: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    texts, asked = {}, {}
    for item in judged:
        key = text_of(item.prompt[-1])
        asked[key] = item.prompt
        for relation in item.relations:
            for place, value in ((relation.better, relation.soft), (relation.worse, 1 - relation.soft)):
                answer = text_of(item.responses[place][-1])
                won[key][answer].append(value)
                texts[key, answer] = item.responses[place]
    shares = {key: {answer: fmean(values) for answer, values in of.items()} for key, of in won.items() if len(of) > 1}
    return shares, texts, asked


def _folder(snapshot: "Snapshot") -> Path:
    from training_bridge.files import var_path

    return var_path(snapshot.path)


def shown(made: Mapping[str, Any]) -> dict[str, Any]:
    """What a model of marks is worth by segment, and one of pairs by pair, beside their baselines."""
    names = ("fault_f1", "all_faults_f1", "faults_found", "token_accuracy", "all_fine_accuracy")
    names += ("reward_accuracy", "reward_accuracy_ci", "longer_wins", "pairs")
    return {
        name: {key: _rounded(values[key]) for key in names if key in values} for name, values in made["runs"].items()
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, 3) if isinstance(value, float) else value


def apart(environment: MutableMapping[str, str], folder: str) -> None:
    """Names an empty database in `folder`, and no other that the shell may name."""
    environment.pop("DATABASE_URL", None)
    environment.update(VAR_DIR=folder, DJANGO_SETTINGS_MODULE="config.settings")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dense_rewards", description=__doc__)
    parser.add_argument("data", type=Path, help="dev_feedback.json(.gz) of Fine-Grained RLHF")
    parser.add_argument("encoder", type=Path, help="a backbone in Hugging Face form")
    parser.add_argument("--spans", type=json.loads, default={}, help="settings of the models of marks, as JSON")
    parser.add_argument("--pairs", type=json.loads, default={}, help="settings of the model of pairs, as JSON")
    given = parser.parse_args()
    shared = {
        "max_length": 256,
        "learning_rate": 1e-4,
        "batch_size": 16,
        "token_budget": 4096,
        "checkpoint_every": 1000,
    }
    settings = {
        "reward_spans": shared | {"epochs": 3} | given.spans,
        "reward_model": shared | {"epochs": 1, "learning_rate": 3e-5} | given.pairs,
    }
    with tempfile.TemporaryDirectory(prefix="prefloop-dense-") as folder:
        apart(os.environ, folder)
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        from projects.models import Project

        project = Project.objects.create(name="Dense rewards", slug="dense-rewards")
        made = through(
            project, given.data, given.encoder, settings, lambda text: print(text, file=sys.stderr, flush=True)
        )
        found = shown(made) | {"best_of_four": best_of_four(made, settings["reward_model"]["max_length"])}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
