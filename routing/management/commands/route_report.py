"""`manage.py route_report --project demo --judge gpt-3.5-turbo`: what a share of people would buy."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from projects.models import Project
from routing.recorded import pairs
from routing.report import report


def shares(text: str) -> list[float]:
    """ "0,10,25" → [0.0, 0.1, 0.25]. Raises ValueError."""
    found = [float(part) / 100 for part in text.split(",") if part.strip()]
    if not found or not all(0 <= share <= 1 for share in found):
        raise ValueError("shares are per cents from 0 to 100, with commas between them")
    return found


class Command(BaseCommand):
    help = "Agreement with people by share of people, per routing policy, from verdicts recorded in a project."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, help="its slug")
        parser.add_argument("--judge", required=True, help="a recorded judge's name in the import, or a judge of ours")
        parser.add_argument("--second", default="", help="another judge: adds the row confidence")
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
        found = pairs(project, options["field"])
        known = sorted({name for pair in found for name in pair.judges})
        for name in filter(None, (options["judge"], options["second"])):
            if name not in known:
                raise CommandError(f"No verdict of {name!r} is recorded; there are: {', '.join(known) or 'none'}.")
        made = report(found, options["judge"], second=options["second"], shares=wanted, seeds=max(1, options["seeds"]))
        self._table(made)
        self.stdout.write(json.dumps({"project": project.slug} | made, ensure_ascii=False))

    def _table(self, made: dict[str, Any]) -> None:
        self.stdout.write(f"{made['items']} items, judge {made['judge']} ({made['unreadable']} verdicts unreadable)")
        for pair, value in made["people"].items():
            self.stdout.write(f"  {pair} agree on {value:.3f}")
        columns = list(next(iter(made["policies"].values()), {}))
        self.stdout.write("\n" + f"{'agreement, % people':<22}" + "".join(f"{column:>8}" for column in columns))
        for policy, row in made["policies"].items():
            self.stdout.write(f"{policy:<22}" + "".join(f"{row[column]:>8.1f}" for column in columns))
        self.stdout.write("")
