"""Who has done their part, for the admin who pays them."""

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotation.standings import IN_SLOTS, current
from projects.models import Membership, Project


def raters_done(project: Project, *, code: str = "") -> QuerySet[Membership]:
    """Raters who were shown a code, the latest first, each with `answered`; only whose code it is where one is given.

    A code is compared as people type it: without blanks, in upper case.
    """
    counted = current().filter(rater__project=project, rater__user=OuterRef("user"), standing__in=IN_SLOTS).order_by()
    answered = counted.values("rater").annotate(number=Count("pk")).values("number")
    found = project.memberships.filter(completed_at__isnull=False).select_related("user", "participant__link")
    if code:
        found = found.filter(completion_code="".join(code.split()).upper())
    return found.annotate(answered=Coalesce(Subquery(answered[:1]), 0)).order_by("-completed_at", "pk")
