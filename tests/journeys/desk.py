"""What a test reads off a rater's page, and off the rows behind it."""

import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from annotation.models import Annotation, Slot
from tests.browser import PATIENCE_MS

LONG = "\n\n".join(f"Paragraph {n}. " + "You start at the valve and go round the rim. " * 10 for n in range(24))


def answers() -> list[Annotation]:
    return list(Annotation.objects.order_by("pk"))


def token_of(page: Any) -> str:
    return str(page.get_attribute("#work", "data-token"))


def next_item(page: Any, before: str) -> None:
    page.wait_for_function("before => document.getElementById('work').dataset.token !== before", arg=before)


def arrived(page: Any, count: int) -> None:
    """Waits until the server has so many answers: the next item may be on screen before the answer has come."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while len(answers()) < count and time.monotonic() < until:
        page.wait_for_timeout(50)
    assert len(answers()) == count


def saved(page: Any) -> None:
    page.wait_for_selector("#save-state[data-state=saved]")


def run_out(token: str) -> None:
    Slot.objects.filter(token=token).update(leased_until=timezone.now() - timedelta(seconds=1))
