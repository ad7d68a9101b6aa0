"""`manage.py sign_in_link ada`: prints a link that signs a person in once, e.g. after a forgotten password."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import services
from accounts.models import User


class Command(BaseCommand):
    help = "Prints a link that signs a person in, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--origin", default="", help="what to put before the link, e.g. https://prefloop.example")
        parser.add_argument("--minutes", type=int, default=60, help="how long the link can be used")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active person called {options['username']!r}.")
        self.stdout.write(options["origin"] + services.make_sign_in_link(user=user, minutes=options["minutes"]))
