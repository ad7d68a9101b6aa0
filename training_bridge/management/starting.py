"""What the commands that start something share: whose project, which models, waiting with progress."""

import json
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.bells import ring
from common.errors import DomainError
from corpus.models import ModelVersion
from projects.models import Project
from training_bridge import selectors, services, tasks
from training_bridge.execution import execute_run
from training_bridge.models import ACTIVE, Run, Snapshot

LOOK_EVERY = 1.0


def add_project(parser: ArgumentParser) -> None:
    parser.add_argument("--project", help="The project's slug; may be left out where there is only one project")


def project_called(slug: str | None) -> Project:
    found = Project.objects.filter(slug=slug) if slug else Project.objects.all()
    if len(projects := list(found[:2])) != 1:
        known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"Say which project: --project SLUG (there are: {known}).")
    return projects[0]


def model_called(project: Project, name: str | None) -> ModelVersion | None:
    """A model version by its name or number."""
    if name is None:
        return None
    found = project.model_versions.filter(name=name).first()
    if found is None and name.isdecimal():
        found = project.model_versions.filter(pk=int(name)).first()
    if found is None:
        raise CommandError(f"There is no model called {name!r} in {project.slug}.")
    return found


def json_object(text: str) -> dict[str, Any]:
    """A JSON object, for argparse."""
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def explain(fault: DomainError) -> str:
    fields = "".join(f"\n  {name}: {' '.join(reasons)}" for name, reasons in fault.fields.items())
    return f"{fault.detail}{fields}"


def wait(look: Callable[[], tuple[bool, str]], say: Callable[[str], None]) -> None:
    """Looks again and again; says each new line of progress; ends when `look` says so."""
    said = ""
    while True:
        ended, line = look()
        if line != said:
            say(line)
            said = line
        if ended:
            return
        time.sleep(LOOK_EVERY)


class RunCommand(BaseCommand):
    """Starts a run of one method. With --wait it stays until the run has ended, with --here it does the work itself."""

    method: str | None = None

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_project(parser)
        if self.method is None:
            parser.add_argument("method", help="key of the method, e.g. reward_model")
        parser.add_argument("--snapshot", type=int, help="number of a snapshot")
        for role in ("base", "reference", "reward"):
            parser.add_argument(f"--{role}", help="name or id of a model version")
        parser.add_argument("--config", type=json_object, default={}, help="settings as a JSON object")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--wait", action="store_true", help="stay until it has ended, showing how far it is")
        parser.add_argument("--here", action="store_true", help="run it in this process's care, without a worker")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_called(options["project"])
        try:
            run = services.start_run(
                project=project,
                method=self.method or options["method"],
                snapshot=self._snapshot(project, options["snapshot"]),
                base=model_called(project, options["base"]),
                reference=model_called(project, options["reference"]),
                reward=model_called(project, options["reward"]),
                config=options["config"],
                seed=options["seed"],
            )
        except DomainError as fault:
            raise CommandError(explain(fault)) from fault
        self.stdout.write(f"run {run.pk}")
        if options["here"]:
            while execute_run(run_id=run.pk) == Run.State.QUEUED:
                pass  # its trainer was killed: the next attempt goes on from the checkpoint
        else:
            ring(tasks.run, run.pk)
        if options["wait"] or options["here"]:
            self._follow(run)

    def _snapshot(self, project: Project, number: int | None) -> Snapshot | None:
        return selectors.snapshot_of(project, number) if number is not None else None

    def _follow(self, run: Run) -> None:
        def look() -> tuple[bool, str]:
            run.refresh_from_db()
            steps = f" {run.step}/{run.total_steps}" if run.total_steps else ""
            return run.state not in ACTIVE, f"{run.get_state_display()}{steps} {run.phase}".rstrip()

        wait(look, self.stderr.write)
        if run.state != Run.State.SUCCEEDED:
            raise CommandError(f"run {run.pk}: {run.get_state_display()}. {run.error}".strip())
        made = {"model": run.produced.name} if run.produced else {}
        self.stdout.write(json.dumps({"run": run.pk, "result": run.result} | made))
