import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.errors import DomainError
from demo.rehearsal import Plan, Rehearsal


class Command(BaseCommand):
    help = "The whole loop without a browser, on the product that is running: prints progress, then one JSON line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        known = Plan()
        parser.add_argument("--rounds", type=int, default=known.rounds, help="How often to go round (%(default)s)")
        parser.add_argument("--prompts", type=int, default=known.prompts, help="Prompts answered a round (%(default)s)")
        parser.add_argument("--overlap", type=int, default=known.overlap, help="People asked per item (%(default)s)")
        parser.add_argument("--raters", type=int, default=known.raters, help="Simulated raters (%(default)s)")
        parser.add_argument(
            "--human-share", type=float, default=known.human_share, help="Share of items that people get (%(default)s)"
        )
        parser.add_argument(
            "--noise", type=float, default=known.noise, help="Of each rater, in units of quality (%(default)s)"
        )
        parser.add_argument(
            "--flip", type=float, default=known.flip, help="Share of the judge's verdicts turned round (%(default)s)"
        )
        parser.add_argument(
            "--seed", type=int, default=known.seed, help="Another seed is another rehearsal (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        plan = Plan(**{name: options[name] for name in Plan.__dataclass_fields__})
        if (
            plan.rounds < 1
            or plan.prompts < 20
            or not 1 <= plan.overlap <= plan.raters
            or not 0 <= plan.human_share <= 1
        ):
            raise CommandError("At least 1 round, 20 prompts, as many raters as the overlap, and a share from 0 to 1.")
        try:
            figures = Rehearsal(plan, say=lambda line: self.stdout.write(line)).run()
        except DomainError as fault:
            raise CommandError(fault.detail) from fault
        self.stdout.write(json.dumps(figures))
