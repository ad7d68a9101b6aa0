"""`manage.py delete_person rosa --yes`: deletes an account; what it judged stays under a pseudonym of nobody."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from annotation.services.departures import delete_person
from common.errors import DomainError


class Command(BaseCommand):
    help = "Deletes a person: name, e-mail, tokens, sessions, memberships. What they judged stays, pseudonymous."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--forget-answers", action="store_true", help="delete their survey answers, too")
        parser.add_argument("--yes", action="store_true", help="really: it cannot be undone")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is nobody called {options['username']!r}.")
        if not options["yes"]:
            raise CommandError("This cannot be undone. Say --yes to do it.")
        try:
            delete_person(user=user, forget_answers=options["forget_answers"])
        except DomainError as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write("Deleted.")
