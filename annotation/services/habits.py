"""How a person likes to work: their keys, what they are shown of their days, whether breaks are hinted at."""

from collections.abc import Mapping

from accounts.models import User
from annotation import shortcuts
from annotation.models import Habits


def habits_of(user: User) -> Habits:
    """A person's habits; those of everybody where they have chosen none."""
    return Habits.objects.filter(user=user).first() or Habits(user=user)


def bind(*, user: User, keys: Mapping[str, object]) -> Habits:
    """Binds keys to actions in place of all that were bound before. Raises Invalid by action."""
    return _kept(user, keys=shortcuts.check(keys))


def show(*, user: User, shows_days: bool, hints_breaks: bool) -> Habits:
    """What a person wants to be told of their days and breaks."""
    return _kept(user, shows_days=shows_days, hints_breaks=hints_breaks)


def _kept(user: User, **columns: object) -> Habits:
    return Habits.objects.update_or_create(user=user, defaults=columns)[0]
