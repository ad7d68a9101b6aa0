"""What raters are told: one immutable version after another."""

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common.errors import Invalid
from projects.models import Guideline, Project
from projects.services.projects import subject

MAX_CHARACTERS = 100_000


@transaction.atomic
def add_guideline(*, project: Project, text: str, actor: User | None) -> Guideline:
    """The next version of the guideline; the newest itself where the text is the same. `text`: Markdown."""
    if not text.strip():
        raise Invalid(_("The guideline is empty."), fields={"text": [_("Say what raters shall look for.")]})
    if len(text) > MAX_CHARACTERS:
        raise Invalid(
            _("The guideline is too long."),
            fields={"text": [_("At most %(max_characters)s characters.") % {"max_characters": MAX_CHARACTERS}]},
        )
    Project.objects.select_for_update().get(pk=project.pk)  # two at once get two numbers
    newest = project.guidelines.first()
    if newest is not None and newest.text == text:
        return newest
    number = (project.guidelines.aggregate(top=Max("number"))["top"] or 0) + 1
    made = Guideline.objects.create(project=project, number=number, text=text, created_by=actor)
    audit(actor=actor, kind="guideline-made", subject=subject(project), number=number)
    return made
