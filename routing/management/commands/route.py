"""`manage.py route --project demo`: routes and asks the judges here and now, without a worker."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from projects.models import Project
from routing.models import Decision, Judge
from routing.services import calls
from routing.services.follow_up import follow_up
from routing.services.plans import current_plan
from routing.services.route_new import route_new


class Command(BaseCommand):
    help = "Routes a project's new items by its plan, asks its judges, and reads what they said."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, help="its slug")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        if current_plan(project=project) is None:
            raise CommandError("The project has no routing plan yet.")
        routed, asked = route_new(project=project, limit=10**9), 0
        for judge in Judge.objects.filter(project=project).select_related("project", "rater"):
            while batch := calls.run_batch(judge=judge):
                asked += batch
        again = follow_up(project=project)
        self.stdout.write(f"{routed} items routed, {asked} calls made, {again} items got another word.")
        for route in Decision.Route:
            count = Decision.objects.filter(item__project=project, route=route).count()
            self.stdout.write(f"  {route.label}: {count} decisions")
