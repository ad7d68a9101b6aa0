"""What a rater is shown who has done their part: set by an admin, earned once, looked up by its code."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common.errors import Invalid
from projects.models import Completion, Membership, Project
from projects.services.projects import subject

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 10


@transaction.atomic
def set_completion(*, project: Project, actor: User, **values: Any) -> Completion:
    """`kind`, `code`, `target`, `url`; what is not given takes its default. Raises Invalid naming the field."""
    made = Completion(project=project, **values)
    if made.kind == Completion.Kind.PROJECT and not made.code.strip():
        raise Invalid(fields={"code": [_("Say which code everybody is shown.")]})
    if made.kind == Completion.Kind.RATER:
        made.code = ""
    try:
        made.full_clean(exclude=["project"], validate_unique=False)
    except ValidationError as fault:
        raise Invalid(fields={name: list(said) for name, said in fault.message_dict.items()}) from fault
    Completion.objects.update_or_create(
        project=project, defaults={"kind": made.kind, "code": made.code, "target": made.target, "url": made.url}
    )
    audit(actor=actor, kind="completion-changed", subject=subject(project), by=made.kind, target=made.target)
    return made


@transaction.atomic
def remove_completion(*, project: Project, actor: User) -> None:
    """Nobody is shown a code any more; codes that were shown can still be looked up."""
    if Completion.objects.filter(project=project).delete()[0]:
        audit(actor=actor, kind="completion-removed", subject=subject(project))


def earn(*, member: Membership) -> Membership:
    """The member has done their part: their code is drawn, once. Of two at the same moment one code stands."""
    while True:
        code = get_random_string(CODE_LENGTH, LETTERS)
        try:
            with transaction.atomic():
                Membership.objects.filter(pk=member.pk, completed_at=None).update(
                    completed_at=timezone.now(), completion_code=code
                )
        except IntegrityError:
            continue  # the code is somebody else's
        member.refresh_from_db(fields=["completed_at", "completion_code"])
        return member
