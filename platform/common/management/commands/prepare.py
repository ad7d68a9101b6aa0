"""What a supervisor does before it starts anything: one process for it, because a start should take seconds."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from common.health import PARTS, farewell


class Command(BaseCommand):
    help = "Apply migrations, and forget signs of life that processes killed hard have left."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        farewell(*PARTS)
