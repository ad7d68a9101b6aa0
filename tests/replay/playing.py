"""A source played through the public API: a project, a form and items by an admin, answers by raters with tokens.

What a worker would do between the requests (reading an import, making items, routing them) is done by calling its
tasks. Items are brought in with falling priorities, so that the next item of every rater is the one that is to be
judged next, and with as many wanted answers as the source has.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from rest_framework.test import APIClient

from accounts.models import ApiToken, Scope, User
from annotation.tasks import take_candidates
from corpus.tasks import run_import
from projects.models import Membership, Project, Role
from routing.services.route_new import route_new
from tests.replay.cases import Case, Facts, Json, Source

BATCH = 1500
"""Items of one import; priorities go from 1000 to -1000."""
DIFFERENCES = 5
STRIDE = 5


@dataclass
class Outcome:
    """What came of a source."""

    key: str
    items: int = 0
    judgments: int = 0
    equal: int = 0
    differing: list[tuple[str, str, Facts, Facts]] = field(default_factory=list)
    lost: int = 0
    seconds: float = 0.0

    @property
    def whole(self) -> bool:
        return self.judgments > 0 and self.equal == self.judgments and not self.differing and not self.lost


def client_of(user: User) -> APIClient:
    client = APIClient()
    _, secret = ApiToken.objects.create(user=user, name="replay", scope=Scope.WRITE)
    client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
    return client


class Stage:
    """One project on the API: its admin, and a rater for every annotator of the source."""

    def __init__(self, source: Source, name: str) -> None:
        self.source = source
        admin = User.objects.create(username=f"admin-{name}", may_create_projects=True)
        self.admin = client_of(admin)
        self.slug = self.ask(self.admin, "post", "/api/v1/projects/", {"name": f"Replay {name}"}, 201)["slug"]
        self.project = Project.objects.get(slug=self.slug)
        self.at = f"/api/v1/projects/{self.slug}"
        self.ask(self.admin, "put", f"{self.at}/form/", {"form": source.form}, 200)
        self.ask(self.admin, "post", f"{self.at}/routing/plans/", {"policy": "all_human"}, 201)
        self.raters: dict[str, APIClient] = {}
        self.who: dict[int, str] = {}

    def ask(self, client: APIClient, method: str, path: str, body: Any, status: int) -> Any:
        answer = getattr(client, method)(path, body, format="json")
        assert answer.status_code == status, (path, answer.status_code, answer.content[:2000])
        return answer.json()

    def rater(self, annotator: str) -> APIClient:
        if annotator not in self.raters:
            user = User.objects.create(username=f"{self.slug[:40]}-{len(self.raters)}")
            Membership.objects.create(project=self.project, user=user, role=Role.RATER)
            self.raters[annotator] = client_of(user)
        return self.raters[annotator]

    def bring(self, cases: Sequence[Case]) -> None:
        lines = []
        for place, case in enumerate(cases):
            meta = case.line.get("meta", {}) | {"priority": 1000 - place, "overlap": len(case.judgments)}
            lines.append(case.line | {"meta": meta})
        body = {"format": "native", "lines": lines}
        run = self.ask(self.admin, "post", f"{self.at}/imports/", body, 202)
        run_import(run["id"])
        while self.ask(self.admin, "get", f"{self.at}/imports/{run['id']}/", None, 200)["state"] == "stored":
            take_candidates(self.project.pk)
        ended = self.ask(self.admin, "get", f"{self.at}/imports/{run['id']}/", None, 200)
        assert (ended["state"], ended["bad_lines"], ended["new_items"]) == ("succeeded", 0, len(cases)), ended
        route_new(project=self.project)

    def play(self, case: Case) -> None:
        for judgment in case.judgments:
            client = self.rater(judgment.annotator)
            assignment = self.ask(client, "post", f"{self.at}/next/", None, 200)
            shown = sorted(one["text"] for one in assignment["responses"])
            assert shown == sorted(one["text"] for one in case.line["responses"]), "another item than the next one"
            body = {"token": assignment["token"], "values": judgment.answer(assignment), "active_ms": 1000}
            made = self.ask(client, "post", f"{self.at}/annotations/", body, 201)
            self.who[made["id"]] = judgment.annotator

    def exported(self) -> Iterator[Json]:
        answer = self.admin.get(f"{self.at}/items/export/")
        assert answer.status_code == 200
        rest = b""
        for chunk in answer.streaming_content:
            *lines, rest = (rest + chunk).split(b"\n")
            yield from map(json.loads, lines)


def _batches(cases: Iterator[Case]) -> Iterator[list[Case]]:
    while batch := list(islice(cases, BATCH)):
        yield batch


def chosen(source: Source, folder: Path, limit: int | None) -> Iterator[Case]:
    """All cases, or so many of them, not just the first."""
    cases = source.cases(folder)
    return cases if limit is None else islice(cases, 0, limit * STRIDE, STRIDE)


def play(source: Source, folder: Path, *, name: str, limit: int | None = None,
         say: Callable[[str], None] = lambda _: None) -> Outcome:  # fmt: skip
    """Plays a source, exports it, and holds what comes out against an independent reading of the files."""
    outcome, start, played = Outcome(source.key), time.perf_counter(), set()
    stage = Stage(source, name)
    for batch in _batches(chosen(source, folder, limit)):
        stage.bring(batch)
        for case in batch:
            stage.play(case)
            played.add(case.line["external_id"])
            outcome.items += 1
            outcome.judgments += len(case.judgments)
        say(f"{source.key}: {outcome.items:,} items, {outcome.judgments:,} judgments")
    _compare(outcome, stage, source.facts(folder, None if limit is None else played))
    outcome.seconds = time.perf_counter() - start
    return outcome


def _compare(outcome: Outcome, stage: Stage, facts: dict[tuple[str, str], Facts]) -> None:
    told = 0
    for line in stage.exported():
        by_annotation: dict[int, list[Json]] = {}
        for entry in line["feedback"]:
            by_annotation.setdefault(entry["annotation_id"], []).append(entry)
        for annotation, entries in by_annotation.items():
            told += 1
            key = line["external_id"], stage.who[annotation]
            found, wanted = stage.source.told(line, entries), facts[key]
            if found == wanted:
                outcome.equal += 1
            else:
                outcome.differing.append((*key, wanted, found))
    outcome.lost = outcome.judgments - told
