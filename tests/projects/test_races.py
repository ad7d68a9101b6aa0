"""Many at once, on PostgreSQL: SQLite's single writer would hide what this looks for."""

import pytest
from django.db import connection

from accounts.models import User
from common.errors import Conflict
from projects.models import OpenLink, Participant, Project
from projects.services import open_links
from tests.annotation.test_races import at_once

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL (DATABASE_URL)"),
]


def test_forty_hands_and_three_seats(project: Project, ada: User) -> None:
    _, path = open_links.make_open_link(project=project, actor=ada, capacity=3)

    def come(_: int) -> bool:
        try:
            open_links.join_as_newcomer(secret=path.split("/")[-2])
        except Conflict:
            return False
        return True

    assert sum(map(bool, at_once(40, come))) == 3
    assert OpenLink.objects.get().used == Participant.objects.count() == 3
    assert User.objects.filter(username__startswith="p-").count() == 3, "nobody is made who found no seat"
