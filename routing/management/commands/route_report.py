"""`manage.py route_report --project demo --judge gpt-3.5-turbo`: what a share of people would buy."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from projects.models import Project
from routing import curves
from routing.recorded import Recorded


def shares(text: str) -> list[int]:
    """ "0,10,25" → [0, 10, 25]. Raises ValueError."""
    found = [int(part) for part in text.split(",") if part.strip()]
    if not found or not all(0 <= share <= 100 for share in found):
        raise ValueError("shares are per cents from 0 to 100, with commas between them")
    return found


class Command(BaseCommand):
    help = "Agreement with people by share of people, per routing policy, from verdicts recorded in a project."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, help="its slug")
        parser.add_argument("--judge", required=True, help="a recorded judge's name in the import, or a judge of ours")
        parser.add_argument("--field", default="preference", help="the form's field")
        parser.add_argument("--shares", default="0,10,25,50,100", help="per cent of the items that go to people")
        parser.add_argument("--seeds", type=int, default=8)

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        try:
            wanted = shares(options["shares"])
        except ValueError as fault:
            raise CommandError(str(fault)) from fault
        found, judge = Recorded(project, options["field"]), options["judge"]
        if judge not in found.names():
            known = ", ".join(found.names()) or "none"
            raise CommandError(f"No verdict of {judge!r} is recorded; there are: {known}.")
        cases = found.cases(judge)
        made = {
            "project": project.slug,
            "judge": judge,
            "items": len(cases),
            "unreadable": found.unreadable(judge),
            "people": [round(share, 4) for share in curves.people_agreement(cases)],
            "policies": curves.reached(cases, shares=wanted, seeds=max(1, options["seeds"])),
        }
        self._table(made)
        self.stdout.write(json.dumps(made, ensure_ascii=False))

    def _table(self, made: dict[str, Any]) -> None:
        self.stdout.write(f"{made['items']} items, judge {made['judge']} ({made['unreadable']} verdicts unreadable)")
        if made["people"]:
            self.stdout.write(f"  two people agree on {min(made['people']):.3f} to {max(made['people']):.3f}")
        columns = list(next(iter(made["policies"].values())))
        self.stdout.write("\n" + f"{'agreement, % people':<22}" + "".join(f"{column:>8}" for column in columns))
        for policy, row in made["policies"].items():
            self.stdout.write(f"{policy:<22}" + "".join(f"{row[column]:>8.1f}" for column in columns))
        self.stdout.write("")
