"""Answers with texts of their own: an edit makes a child response, marks keep their offsets; by API as well."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from annotation.models import Annotation, Item, Rater
from annotation.services import drafts, forms, items, labels, leases, submissions
from common.errors import Conflict, Invalid
from corpus.models import Response
from projects.models import Project
from tests.factories import ItemFactory, PromptFactory, ResponseFactory
from training_bridge.services import request_snapshot
from training_bridge.services.snapshots import build_snapshot

pytestmark = pytest.mark.django_db

CRLF = "One \U0001f6b2 line.\r\nTwo lines."
FIELDS = [{"name": "marks", "protocol": "spans"}, {"name": "better", "protocol": "edit"}]


@pytest.fixture
def asked(project: Project) -> Item:
    """An item of two responses that wants marks and a better text of two people."""
    forms.set_form(project=project, fields=FIELDS)
    prompt = PromptFactory(project=project)
    texts = (CRLF, "Buy a new tyre.")
    made = [ResponseFactory(prompt=prompt, messages=[{"role": "assistant", "content": text}]) for text in texts]
    item: Item = ItemFactory(project=project, prompt=prompt, responses=made)
    items.open_slots(item=item, humans=2, judges=0)
    return item


def of(sent: CaptureQueriesContext) -> list[str]:
    """Statements that read or write; what begins and ends transactions apart."""
    control = ("BEGIN", "SAVEPOINT", "RELEASE", "COMMIT")
    return [one["sql"] for one in sent if not one["sql"].startswith(control)]


def letter_of(lease: leases.Lease, text: str) -> str:
    order = [response.messages[0]["content"] for response in lease.responses]
    return "AB"[order.index(text)]


def values(lease: leases.Lease, text: str = "One bicycle.\r\nTwo lines.") -> dict[str, Any]:
    letter = letter_of(lease, CRLF)
    bicycle = {"segments": [{"start": 4, "end": 5}], "quote": "\U0001f6b2", "category": "unclear", "severity": "minor"}
    return {
        "marks": {"spans": [{"target": {"response": letter}} | bicycle]},
        "better": {"base": letter, "text": text},
    }


def test_an_edit_makes_a_child_in_few_queries(
    asked: Item, rater: Rater, claim: Callable[[Rater], leases.Lease]
) -> None:
    lease = claim(rater)
    with CaptureQueriesContext(connection) as sent:
        done = submissions.submit(rater=rater, token=lease.token, values=values(lease))
    child = Response.objects.get(author_kind=Response.Author.HUMAN)
    base = asked.item_responses.get(ordinal=0).response
    assert (child.parent, child.prompt_id) == (base, asked.prompt_id)
    assert child.messages == [{"role": "assistant", "content": "One bicycle.\r\nTwo lines."}]
    stored = done.annotation.values
    assert stored["better"] == {"base": base.pk, "text": "One bicycle.\r\nTwo lines.", "response": child.pk}
    assert stored["marks"]["spans"][0]["target"] == {"response": base.pk}
    assert len(of(sent)) <= 10, "\n".join(of(sent))
    assert asked.item_responses.count() == 2, "it is nobody's candidate yet"


def test_the_same_answer_twice_makes_one_child(
    asked: Item, rater: Rater, other_rater: Rater, claim: Callable[[Rater], leases.Lease]
) -> None:
    lease = claim(rater)
    first = submissions.submit(rater=rater, token=lease.token, values=values(lease))
    again = submissions.submit(rater=rater, token=lease.token, values=values(lease))
    assert again.replayed and again.annotation == first.annotation
    other_key = submissions.submit(rater=rater, token=lease.token, values=values(lease), idempotency_key=uuid.uuid4())
    assert other_key.replayed, "another tab with the same text"
    with pytest.raises(Conflict):
        submissions.submit(rater=rater, token=lease.token, values=values(lease, "Three."), idempotency_key=uuid.uuid4())
    theirs = claim(other_rater)
    # Two people may choose the same key: each has a child of their own.
    submissions.submit(rater=other_rater, token=theirs.token, values=values(theirs), idempotency_key=lease.token)
    assert Response.objects.filter(author_kind=Response.Author.HUMAN).count() == 2


def test_a_correction_makes_a_new_child_and_an_undo_gives_the_text_back(
    asked: Item, rater: Rater, claim: Callable[[Rater], leases.Lease]
) -> None:
    lease = claim(rater)
    first = submissions.submit(rater=rater, token=lease.token, values=values(lease)).annotation
    second = submissions.revise(
        rater=rater, annotation=first, values=values(lease, "Other.\nText."), idempotency_key=uuid.uuid4()
    ).annotation
    one, two = Response.objects.filter(author_kind=Response.Author.HUMAN).order_by("pk")
    assert [first.values["better"]["response"], second.values["better"]["response"]] == [one.pk, two.pk]
    assert two.messages[0]["content"] == "Other.\r\nText.", "the line ends of the response it was made of"
    assert submissions.displayed(second) == {
        "marks": values(lease)["marks"]
        | {"spans": [values(lease)["marks"]["spans"][0] | {"granularity": "sub-sentence"}]},
        "better": {"base": letter_of(lease, CRLF), "text": "Other.\r\nText."},
    }


def test_every_edit_teaches_and_a_snapshot_holds_its_text(
    asked: Item,
    project: Project,
    rater: Rater,
    other_rater: Rater,
    claim: Callable[[Rater], leases.Lease],
    tmp_path: Path,
    settings: Any,
) -> None:
    settings.VAR_DIR = tmp_path
    for person, text in ((rater, "One bicycle."), (other_rater, "Two bicycles.")):
        lease = claim(person)
        submissions.submit(rater=person, token=lease.token, values=values(lease, text))
    (label,) = labels.settle(item=asked)
    assert (label.field, label.rule, label.confidence) == ("better", "each", 1.0)
    base = asked.item_responses.get(ordinal=0).response_id
    assert [one["base"] for one in label.value["edits"]] == [base, base]
    made = request_snapshot(project=project, derivation={"field": "better", "rule": "each"})
    build_snapshot(snapshot_id=made.pk)
    made.refresh_from_db()
    rows = pq.read_table(tmp_path / made.path / "preferences.parquet").to_pylist()
    assert [row["chosen"][-1]["content"] for row in rows] == ["One bicycle.", "Two bicycles."]
    assert {row["rejected"][-1]["content"] for row in rows} == {CRLF}


def test_what_is_wrong_leaves_nothing_behind(asked: Item, rater: Rater, claim: Callable[[Rater], leases.Lease]) -> None:
    lease = claim(rater)
    wrong = values(lease) | {"marks": {"spans": [], "none": False}}
    with pytest.raises(Invalid) as fault:
        submissions.submit(rater=rater, token=lease.token, values=wrong)
    assert set(fault.value.fields) == {"marks.spans"}
    assert not Annotation.objects.exists()
    assert not Response.objects.filter(author_kind=Response.Author.HUMAN).exists()
    drafts.save(rater=rater, token=lease.token, values={"marks": {"spans": "half"}}, version=0)


def test_marks_and_edits_by_api(asked: Item, project: Project, rosa: User, api: Callable[..., APIClient]) -> None:
    client, at = api(rosa, scope="annotate"), f"/api/v1/projects/{project.slug}"
    given = client.post(f"{at}/next/").json()
    letter = next(one["letter"] for one in given["responses"] if one["text"] == CRLF)
    mark = {"target": {"response": letter}, "category": "incorrect", "severity": "major"}
    in_utf16 = mark | {"segments": [{"start": 13, "end": 18}], "quote": "\nTwo "}
    right = mark | {"segments": [{"start": 13, "end": 16}], "quote": "Two"}

    def submit(span: dict[str, Any]) -> Any:
        found = {"marks": {"spans": [span]}, "better": {"base": None, "text": "Patch it."}}
        return client.post(f"{at}/annotations/", {"token": given["token"], "values": found}, format="json")

    refused = submit(in_utf16)
    assert refused.status_code == 422 and "UTF-16" in str(refused.json()), refused.json()
    with CaptureQueriesContext(connection) as sent:
        assert submit(right).status_code == 201
    assert len(of(sent)) <= 10, "\n".join(of(sent))
    stored = Annotation.objects.get().values["marks"]["spans"][0]
    text = Response.objects.get(pk=stored["target"]["response"]).messages[0]["content"]
    (segment,) = stored["segments"]
    assert text[segment["start"] : segment["end"]] == "Two"
    assert Response.objects.get(author_kind=Response.Author.HUMAN).parent is None
