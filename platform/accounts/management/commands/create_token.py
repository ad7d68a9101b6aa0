"""`manage.py create_token --user noor --scope write`: prints a new API token, the only time it can be read."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import services
from accounts.models import Scope, User
from common.errors import DomainError


class Command(BaseCommand):
    help = "Makes an API token for a person and prints its secret, which is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, help="user name")
        parser.add_argument("--scope", choices=Scope.values, default=Scope.READ)
        parser.add_argument("--name", default="command line", help="where it will be used")
        parser.add_argument("--days", type=int, default=30, help="how long it lives (at most a year)")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active person called {options['user']!r}.")
        try:
            _, secret = services.make_token(
                user=user, name=options["name"], scope=options["scope"], days=options["days"]
            )
        except DomainError as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(secret)
