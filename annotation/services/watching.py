"""Changing what a project has set about its items and the quality of its raters' work."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from annotation.models import Gold
from annotation.watch import Watch
from common.configs import checked
from common.errors import Invalid
from projects.models import Project


@transaction.atomic
def set_watch(*, project: Project, by: User, values: object) -> Watch:
    """Puts these settings in force, those left out at their defaults. Raises Invalid naming the setting."""
    watch = checked(Watch, values)
    fresh = Project.objects.select_for_update().get(pk=project.pk)
    marked = Gold.objects.filter(project=fresh, in_qualification=True, retired_at=None).count()
    if watch.qualification_items > marked:
        said = _("Only %d gold items are marked for the qualification.") % marked
        raise Invalid(said, fields={"qualification_items": [said]})
    before = fresh.quality
    # Only what differs is kept, so that a default that changes later changes here too.
    fresh.quality = watch.model_dump(mode="json", exclude_defaults=True)
    if fresh.quality != before:
        fresh.save(update_fields=["quality"])
        names = before.keys() | fresh.quality.keys()
        changes = {name: [before.get(name), fresh.quality.get(name)] for name in sorted(names)}
        changes = {name: pair for name, pair in changes.items() if pair[0] != pair[1]}
        audit(actor=by, kind="quality-changed", subject=f"project:{fresh.slug}", changes=changes)
    project.quality = fresh.quality
    return watch
