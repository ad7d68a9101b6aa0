"""`manage.py alive queue:train`: for the health check of a container that has no address to ask."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.health import PARTS, silent


class Command(BaseCommand):
    help = "Fail unless a worker serves each queue named (queue:<name>), or the beat is up (beat)."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("parts", nargs="+", choices=PARTS)

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = silent(*options["parts"])
        if quiet:
            raise CommandError(f"No sign of life: {', '.join(quiet)}")
