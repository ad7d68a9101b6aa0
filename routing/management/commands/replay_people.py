"""`manage.py replay_people --project demo`: people known from an import answer the open slots, as they did then."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from annotation.models import Annotation, Rater, Slot
from annotation.services import leases, submissions
from common.errors import DomainError
from projects.models import Project


class Command(BaseCommand):
    help = "Hands in recorded people's verdicts as answers to open slots, through the same door as people's own."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, help="its slug")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        slots = Slot.objects.filter(project=project, audience=Slot.Audience.HUMAN, state=Slot.State.OPEN)
        ids = list(slots.order_by("pk").values_list("pk", flat=True))
        answered = sum(self._answer(Slot.objects.select_related("project").get(pk=pk)) for pk in ids)
        self.stdout.write(f"{answered} slots answered, {len(ids) - answered} left: no further verdict is recorded.")

    def _answer(self, slot: Slot) -> bool:
        """Whether some recorded person, chosen by the slot's number, had a verdict for it that the form takes."""
        recorded = Annotation.objects.filter(
            item=slot.item_id, standing=Annotation.Standing.RECORDED, rater__kind=Rater.Kind.RECORDED_PERSON
        )
        busy = Slot.objects.filter(item=slot.item_id, rater__isnull=False).values("rater")
        found = list(recorded.exclude(rater__in=busy).select_related("rater").order_by("pk"))
        first = slot.pk % max(1, len(found))
        for annotation in found[first:] + found[:first]:
            try:
                with transaction.atomic():
                    lease = leases.claim_slot(slot=slot, rater=annotation.rater)
                    submissions.submit(rater=annotation.rater, token=lease.token, values=annotation.values)
            except DomainError:
                continue
            return True
        return False
