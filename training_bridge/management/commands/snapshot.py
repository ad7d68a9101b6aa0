import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.bells import ring
from common.errors import DomainError
from training_bridge import services, tasks
from training_bridge.management.starting import add_project, explain, json_object, project_called, wait
from training_bridge.models import Snapshot
from training_bridge.services.snapshots import build_snapshot


class Command(BaseCommand):
    help = (
        'Freezes the labels of a project: manage.py snapshot --project … --derivation \'{"sources": "human"}\' [--wait]'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_project(parser)
        parser.add_argument("--name", default="")
        parser.add_argument("--derivation", type=json_object, default={}, help="settings as a JSON object")
        parser.add_argument("--wait", action="store_true", help="stay until it is ready")
        parser.add_argument("--here", action="store_true", help="build it in this process, without a worker")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_called(options["project"])
        try:
            made = services.request_snapshot(project=project, derivation=options["derivation"], name=options["name"])
        except DomainError as fault:
            raise CommandError(explain(fault)) from fault
        self.stdout.write(f"snapshot {made.number}")
        if options["here"]:
            build_snapshot(snapshot_id=made.pk)
        else:
            ring(tasks.build_snapshot, made.pk)
        if options["wait"] or options["here"]:
            self._follow(made)

    def _follow(self, made: Snapshot) -> None:
        def look() -> tuple[bool, str]:
            made.refresh_from_db()
            return made.state in {Snapshot.State.READY, Snapshot.State.FAILED}, made.get_state_display()

        wait(look, self.stderr.write)
        if made.state == Snapshot.State.FAILED:
            raise CommandError(made.error)
        self.stdout.write(json.dumps({"snapshot": made.number, "counts": made.counts, "sha256": made.manifest_sha256}))
