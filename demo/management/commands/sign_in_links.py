"""Fresh one-time sign-in links for one person of each role of a project; the demo has no passwords."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services import make_sign_in_link
from demo.desk import SLUG
from projects.models import Membership, Role

# Long enough to look around the terminal first; whoever comes later starts anew or asks for another link.
MINUTES = 12 * 60


class Command(BaseCommand):
    help = "Print fresh one-time sign-in links for an admin, a researcher and a rater of a project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", default=SLUG, help="its slug")
        parser.add_argument("--address", default="", help="put before each path, e.g. http://127.0.0.1:8000")

    def handle(self, *args: Any, **options: Any) -> None:
        people = Membership.objects.filter(project__slug=options["project"], user__is_active=True)
        for role in (Role.ADMIN, Role.RESEARCHER, Role.RATER):
            found = people.filter(role=role).select_related("user").order_by("pk").first()
            if found is None:
                raise CommandError(f"There is no {role.label.lower()} in {options['project']!r} (manage.py load_demo).")
            path = make_sign_in_link(user=found.user, minutes=MINUTES)
            self.stdout.write(f"Sign in once as {role.label.lower():<10}  {options['address']}{path}")
