"""Deleting a person: what they judged stays, under a pseudonym that leads to nobody."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from annotation.models import Draft, Slot
from annotation.services import holds
from projects.services import departures


@transaction.atomic
def delete_person(*, user: User, forget_answers: bool = False) -> None:
    """Deletes an account with name, e-mail, tokens, sessions and memberships; on request their survey answers, too.

    What is in their hands goes back to the others, drafts are lost, answers stay. Raises Conflict for the only admin of
    a project.
    """
    departures.check_handed_over(user=user)
    # Locked before they are written: one that was answered or laid down meanwhile is in their hands no more.
    in_hands = holds.lock_all(Slot.objects.filter(rater__user=user, state=Slot.State.LEASED))
    Slot.objects.filter(pk__in=[slot.pk for slot in in_hands]).update(leased_until=timezone.now())
    Draft.objects.filter(rater__user=user).delete()
    departures.erase(user=user, forget_answers=forget_answers)
