"""The whole loop without a browser: respond → route → simulated raters and judge → label → snapshot → reward model →
DPO → evaluate, round after round, through the same services, database and workers that people use.

Nothing here trains on the hidden preference: it speaks through noisy simulated raters, and it measures at the end.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import close_old_connections, transaction

from accounts.models import User
from accounts.services import create_user
from annotation.models import Item, Label, Rater
from annotation.services import forms, leases, submissions
from annotation.services.raters import rater_for
from annotation.tasks import settle_due, take_candidates
from common.bells import ring
from common.errors import DomainError
from corpus.models import ModelVersion, Prompt
from demo.world import DEMO, SIMULATED_JUDGE, SimulatedRater, prompts, training_text, true_win_rate
from projects.models import Guideline, Membership, Project, Role
from routing.models import JudgeCall
from routing.services.judges import create_judge
from routing.services.plans import set_plan
from routing.tasks import route_project
from training_bridge import tasks as bridge
from training_bridge.models import ACTIVE, Run, Snapshot
from training_bridge.services.runs import start_run
from training_bridge.services.snapshots import request_snapshot

GUIDELINE = """Choose the answer you would rather get at the help desk.

A good answer is **courteous**, keeps **to the question**, and is **brief**. What is off the topic helps nobody,
however friendly it sounds.
"""
PATIENCE_SECONDS = 600.0
LOOK_EVERY = 0.5


class Stuck(DomainError):
    """Something that the rehearsal waits for failed, or did not end in ten minutes."""

    code, title = "stuck", "The rehearsal cannot go on"


@dataclass(frozen=True)
class Plan:
    """What is rehearsed. `noise`: of a simulated rater, in units of quality; `flip`: of the judge's verdicts."""

    rounds: int = 2
    prompts: int = int(DEMO["prompts_per_round"])
    overlap: int = 1
    raters: int = 3
    human_share: float = float(DEMO["human_share"])
    noise: float = 0.7
    flip: float = float(SIMULATED_JUDGE["flip"])
    seed: int = 0


@dataclass
class Rehearsal:
    """One rehearsal in a project of its own. `say` takes a line of progress."""

    plan: Plan
    say: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    project: Project = field(init=False)
    people: list[User] = field(init=False, default_factory=list)

    def run(self) -> dict[str, Any]:
        """All rounds; {"rounds": […], "seconds": …} as `make loop` prints it. Raises Stuck."""
        self._prepare()
        text = self._file("training.jsonl", training_text(self.plan.seed, DEMO["documents"]))
        base = self._model("pretrain", inputs={"text": text})
        policy, rounds = base, []
        for number in range(1, self.plan.rounds + 1):
            policy, figures = self._round(number, base, policy)
            rounds.append(figures)
            self.say(f"round {number}: " + in_words(figures))
        return {"rounds": rounds, "seconds": round(time.monotonic() - self.started, 1)}

    def _prepare(self) -> None:
        """The project, its people, prompts, judge and routing plan."""
        number = Project.objects.filter(slug__startswith="rehearsal-").count() + 1
        with transaction.atomic():
            self.project = Project.objects.create(
                name=f"Rehearsal {number}", slug=f"rehearsal-{number}", overlap=self.plan.overlap
            )
            Guideline.objects.create(project=self.project, number=1, text=GUIDELINE)
            forms.set_form(project=self.project, fields=forms.default_fields())
            for place in range(self.plan.raters):
                person = create_user(username=f"simulated-{number}-{place + 1}", display_name=f"Simulated {place + 1}")
                Membership.objects.create(project=self.project, user=person, role=Role.RATER)
                self.people.append(person)
            Prompt.objects.bulk_create(
                Prompt(project=self.project, external_id=asked.id, group=asked.group, messages=asked.messages)
                for asked in prompts("train")
            )
        judge = create_judge(
            project=self.project, name="Simulated judge", kind="simulated",
            config={**SIMULATED_JUDGE, "flip": self.plan.flip, "seed": self.plan.seed},
        )  # fmt: skip
        set_plan(project=self.project, policy="random", config={"share": self.plan.human_share}, judge=judge)

    def _round(self, number: int, base: ModelVersion, policy: ModelVersion) -> tuple[ModelVersion, dict[str, Any]]:
        """The policy's answers become items, labels, a reward model and the next policy; returns it and its figures."""
        self._open(number)
        self._run("respond", base=policy, config=DEMO["respond"], inputs={"pairs": "all", "round": number})
        self._collect(number)
        snapshot = self._snapshot(number)
        reward = self._model("reward_model", snapshot=snapshot, base=base)
        # The first round's policy is the base itself; later ones learn on, still held near where they started.
        tuned = self._model("dpo", snapshot=snapshot, base=policy)
        held_out = self._file(
            "held_out.jsonl",
            ({"id": asked.id, "messages": asked.messages} for asked in prompts("held_out")[: DEMO["held_out_prompts"]]),
        )
        measured = self._run(
            "evaluate", snapshot=snapshot, base=tuned, reference=base, reward=reward, config=DEMO["evaluate"],
            inputs={"prompts": held_out},
        )  # fmt: skip
        return tuned, self._figures(number, measured)

    def _figures(self, number: int, measured: Run) -> dict[str, Any]:
        labels = Label.objects.filter(item__project=self.project, item__round=number)
        samples = [
            json.loads(line)
            for line in self._var(f"runs/{measured.pk}/output/{measured.result['samples']}").read_text().splitlines()
        ]
        samples = [sample for sample in samples if sample["sample"] == 0]  # further ones tell how alike answers are
        rate, low, high = true_win_rate(
            [said(sample["messages"]) for sample in samples],
            [sample["response"] for sample in samples],
            [sample["reference"] for sample in samples],
        )
        return {
            "human_labels": labels.filter(human_count__gt=0).count(),
            "ai_labels": labels.filter(human_count=0, judge_count__gt=0).count(),
            "reward_accuracy": round(measured.result["reward_accuracy"], 4),
            "win_rate": round(rate, 4),
            "win_rate_ci": [round(low, 4), round(high, 4)],
        }

    def _open(self, number: int) -> None:
        """Each round asks other prompts, as long as there are others."""
        mine = Prompt.objects.filter(project=self.project)
        every = list(mine.order_by("pk").values_list("pk", flat=True))
        first = (number - 1) * self.plan.prompts
        wanted = [every[(first + place) % len(every)] for place in range(min(self.plan.prompts, len(every)))]
        mine.update(open=False)
        mine.filter(pk__in=wanted).update(open=True)

    def _collect(self, number: int) -> None:
        """From responses to settled labels: people and the judge work at the same time."""
        items = Item.objects.filter(project=self.project, round=number)
        ring(take_candidates, self.project.pk)
        self._wait("items", lambda: items.exists() and not self.project.candidates.filter(taken_at=None).exists())
        ring(route_project, self.project.pk)
        self._wait("the router's decisions", lambda: not items.filter(state=Item.State.NEW).exists())
        to_people = items.filter(slots__audience="human").distinct().count()
        self.say(f"round {number}: {to_people} items to people, {items.count() - to_people} to the judge")
        with ThreadPoolExecutor(len(self.people)) as desks:
            for answered in desks.map(self._annotate, range(len(self.people))):
                self.say(f"round {number}: a simulated rater gave {answered} answers")
        open_calls = JudgeCall.objects.filter(item__project=self.project, state__in=["queued", "running"])
        self._wait("the judge", lambda: not open_calls.exists())
        ring(settle_due)
        self._wait("labels", lambda: not items.filter(label_due=True).exists())

    def _annotate(self, place: int) -> int:
        """One simulated rater works until nothing is left for them; returns how many answers they gave."""
        mind = SimulatedRater(seed=self.plan.seed * 1000 + place, noise=self.plan.noise)
        rater = rater_for(project=self.project, user=self.people[place])
        answered = 0
        try:
            while (lease := leases.claim(project=self.project, rater=rater)) is not None:
                self._answer(mind, rater, lease)
                answered += 1
        finally:
            close_old_connections()
        return answered

    def _answer(self, mind: SimulatedRater, rater: Rater, lease: leases.Lease) -> None:
        first, second = (said(response.messages) for response in lease.responses)
        choice, strength = mind.prefer(said(lease.item.prompt.messages), first, second)
        letter = {"left": "A", "right": "B", "tie": "tie"}[choice]
        submissions.submit(
            rater=rater,
            token=lease.token,
            values={"preference": {"choice": letter, "strength": strength}},
            active_ms=8000,
        )

    def _snapshot(self, number: int) -> Snapshot:
        """Every label so far, frozen."""
        snapshot = request_snapshot(
            project=self.project, derivation={"ties": "drop"}, name=f"After round {number}", user=None
        )
        ring(bridge.build_snapshot, snapshot.pk)
        done = {Snapshot.State.READY, Snapshot.State.FAILED}
        self._wait("the snapshot", lambda: Snapshot.objects.get(pk=snapshot.pk).state in done)
        snapshot.refresh_from_db()
        if snapshot.state != Snapshot.State.READY:
            raise Stuck(f"The snapshot failed: {snapshot.error}")
        counts = snapshot.counts
        self.say(f"round {number}: snapshot of {counts['train']} pairs to train on, {counts['test']} held out")
        return snapshot

    def _model(self, method: str, **given: Any) -> ModelVersion:
        run = self._run(method, config=DEMO[method], **given)
        assert run.produced is not None
        return run.produced

    def _run(self, method: str, **given: Any) -> Run:
        """Starts a run and stays until it has ended well. Raises Stuck with the run's own reason."""
        run = start_run(project=self.project, method=method, seed=self.plan.seed, **given)
        ring(bridge.run, run.pk)
        since, shown = time.monotonic(), ""
        while (run := Run.objects.select_related("produced").get(pk=run.pk)).state in ACTIVE:
            now = f"{method}: {run.phase or run.get_state_display()}, step {run.step} of {run.total_steps}"
            if now != shown and time.monotonic() - since > 5:
                self.say(now)
                since, shown = time.monotonic(), now
            time.sleep(LOOK_EVERY)
        if run.state != Run.State.SUCCEEDED:
            raise Stuck(f"{method} ended as {run.state}: {run.error}")
        self.say(f"{method}: done")
        return run

    def _wait(self, what: str, done: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not done():
            if time.monotonic() > until:
                raise Stuck(f"Waited ten minutes for {what}.")
            time.sleep(LOOK_EVERY)

    def _var(self, path: str) -> Path:
        return Path(settings.VAR_DIR) / path

    def _file(self, name: str, rows: Iterator[dict[str, Any]]) -> str:
        """Writes JSON lines beside the project's other files; returns the path under VAR_DIR."""
        path = self._var(f"rehearsals/{self.project.pk}/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path.relative_to(settings.VAR_DIR))


def said(messages: Sequence[Mapping[str, Any]]) -> str:
    """What the last message says; in the demo world every message is plain text."""
    return str(messages[-1]["content"])


def in_words(figures: Mapping[str, Any]) -> str:
    low, high = figures["win_rate_ci"]
    return (
        f"{figures['human_labels']} labels by people, {figures['ai_labels']} by the judge; "
        f"reward accuracy {figures['reward_accuracy']:.3f}; "
        f"true win rate over the base {figures['win_rate']:.3f} [{low:.3f}, {high:.3f}]"
    )
