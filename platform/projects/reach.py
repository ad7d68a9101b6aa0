"""A member's role and what they may be given, as people type it. Checked here for every door."""

import re
from collections.abc import Iterable

from django.utils.translation import gettext as _

from common.errors import Invalid
from projects.models import Role

COHORT = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
MOST = 50
TOPIC_LENGTH = 60


def split(text: str) -> list[str]:
    """What stands between commas, semicolons or line ends."""
    return [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]


def check_role(role: str) -> None:
    """Raises Invalid where `role` is none."""
    if role not in Role.values:
        said = _("One of: %(roles)s.") % {"roles": ", ".join(Role.values)}
        raise Invalid(_("No such role."), fields={"role": [said]})


def check_cohort(cohort: str) -> str:
    """A cohort's name in lower case; empty for none. Raises Invalid."""
    found = cohort.strip().lower()
    if found and not COHORT.fullmatch(found):
        raise Invalid(fields={"cohort": [_("Letters a to z, digits, - and _; at most 40.")]})
    return found


def _in_case(tag: str) -> str:
    """BCP 47 as it is commonly written: pt-BR, zh-Hant."""
    first, *rest = tag.split("-")
    return "-".join(
        [first.lower(), *({2: part.upper(), 4: part.title()}.get(len(part), part.lower()) for part in rest)]
    )


def check_languages(tags: Iterable[str]) -> list[str]:
    """Language tags in their common form, each once. Raises Invalid naming the first that is none."""
    found: dict[str, None] = {}
    for tag in tags:
        if not TAG.fullmatch(tag.strip()):
            said = _("“%(tag)s” is no language tag; they look like en, de or pt-BR.")
            raise Invalid(fields={"languages": [said % {"tag": tag[:40]}]})
        found[_in_case(tag.strip())] = None
    if len(found) > MOST:
        raise Invalid(fields={"languages": [_("At most %(most)s.") % {"most": MOST}]})
    return list(found)


def check_topics(topics: Iterable[str]) -> list[str]:
    """Topics as items name them, each once. Raises Invalid."""
    found = list(dict.fromkeys(topic.strip() for topic in topics if topic.strip()))
    if len(found) > MOST or any(len(topic) > TOPIC_LENGTH for topic in found):
        said = _("At most %(most)s topics of at most %(length)s characters.")
        raise Invalid(fields={"topics": [said % {"most": MOST, "length": TOPIC_LENGTH}]})
    return found
