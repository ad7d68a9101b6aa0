"""`manage.py create_person ada --may-create-projects`: a new person, who gets in by the link that it prints."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts import services
from common.errors import DomainError


class Command(BaseCommand):
    help = "Makes a person without a password and prints a link that signs them in once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--display-name", default="")
        parser.add_argument("--may-create-projects", action="store_true")
        parser.add_argument("--operator", action="store_true", help="may use everything under /admin/")
        parser.add_argument("--origin", default="", help="what to put before the link, e.g. https://prefloop.example")
        parser.add_argument("--minutes", type=int, default=24 * 60, help="how long the link can be used")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = services.create_user(
                username=options["username"],
                display_name=options["display_name"],
                may_create_projects=options["may_create_projects"],
            )
        except DomainError as fault:
            reasons = "; ".join(f"{name}: {' '.join(why)}" for name, why in fault.fields.items())
            raise CommandError(f"{fault} {reasons}".strip()) from fault
        if options["operator"]:
            user.is_staff = user.is_superuser = True
            user.save(update_fields=["is_staff", "is_superuser"])
        self.stdout.write(options["origin"] + services.make_sign_in_link(user=user, minutes=options["minutes"]))
