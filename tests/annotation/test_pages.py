"""The pages of annotation without a browser: what a plain form posts, what comes back, what each page must not cost."""

import itertools
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from annotation import forms, selectors
from annotation.models import Annotation, Draft, FormVersion, Item, Rater
from annotation.protocols import Content, check_config, protocol
from annotation.selectors import form_fields
from annotation.services import flags, leases, raters, submissions
from annotation.standings import current
from common.errors import Invalid
from config.overview import progress_of
from projects.models import Project
from tests.annotation.conftest import run_out
from tests.factories import ItemFactory

Claim = Callable[[Rater], leases.Lease]


def at(name: str, *args: object) -> str:
    return reverse(f"annotation:{name}", args=["bicycles", *args])


@pytest.fixture
def rosas(browse: Callable[[User], Client], rosa: User) -> Client:
    return browse(rosa)


PAIRWISE = protocol("pairwise")
SETTINGS = [
    check_config("pairwise", {"points": points, "tie": tie, "both_bad": both_bad, "rationale": "optional"})
    for points, tie, both_bad in itertools.product(range(3, 10), [True, False], [True, False])
    if tie or points % 2 == 0
]


STORABLE = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)


@given(config=st.sampled_from(SETTINGS), data=st.data(), rationale=STORABLE)
def test_every_control_posts_what_it_shows(config: dict[str, Any], data: st.DataObject, rationale: str) -> None:
    """control → post → display terms → stored → display terms → the same control, for every form there can be."""
    fields = form_fields(FormVersion(fields=[{"name": "preference", "protocol": "pairwise", "config": config}]))
    content = Content.of_ids([7, 4], [4, 7])
    (drawn,) = forms.questions(fields, {}, content)
    points = [*drawn.controls["bar"]["points"], *drawn.controls["bar"]["apart"]]
    assert not any(point["chosen"] for point in points), "no default value, ever"
    assert len({point["digit"] for point in points}) == len(points), "one key, one point"
    point = data.draw(st.sampled_from(points))
    posted = QueryDict(mutable=True)
    posted.update({"answer.preference": point["value"], "answer.preference.rationale": rationale})
    values = forms.read_answers(posted, fields)
    try:
        stored = PAIRWISE.normal_form(values["preference"], config, content)
    except Invalid:
        pytest.fail(f"{point} is drawn, and refused")
    again = {"preference": PAIRWISE.display_form(stored, content)}
    (shown,) = forms.questions(fields, again, content)
    drawn_again = (*shown.controls["bar"]["points"], *shown.controls["bar"]["apart"])
    assert [one["value"] for one in drawn_again if one["chosen"]] == [point["value"]]
    assert forms.in_words(fields, again)[0] == point["words"]
    assert (
        dict(parse_qsl(forms.as_posted(fields, values), keep_blank_values=True))["answer.preference"] == point["value"]
    )


def test_a_wrong_post_keeps_what_was_typed(rosas: Client, rater: Rater, open_item: Any, claim: Claim) -> None:
    open_item()
    token = claim(rater).token
    refused = rosas.post(at("submit", token), {"answer.preference.rationale": "Because <b>it</b> helps"})
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "Because &lt;b&gt;it&lt;/b&gt; helps</textarea>" in page
    assert "Choose one." in page
    assert not Annotation.objects.exists()
    for bad in ("scale:0", "scale:8", "scale:1e3", "scale:²", "choice:left", "strength:3", ":", "x" * 9000):
        assert rosas.post(at("submit", token), {"answer.preference": bad}).status_code == 422, bad


def test_a_double_click_is_one_answer(rosas: Client, rater: Rater, open_item: Any, claim: Claim) -> None:
    open_item()
    token = claim(rater).token
    for _ in range(2):
        assert rosas.post(at("submit", token), {"answer.preference": "scale:1"}).status_code == 302
    assert Annotation.objects.count() == 1
    assert rosas.session[f"answers-{rater.project_id}"] == 1
    saved = rosas.get(at("assignment", token), follow=True)
    assert "A is much better" in saved.content.decode()


def test_a_draft_answers_its_version_and_the_other_tabs(
    rosas: Client, rater: Rater, open_item: Any, claim: Claim
) -> None:
    open_item()
    token = claim(rater).token

    def save(version: int, **answer: str) -> Any:
        return rosas.post(at("draft", token), {"version": version} | {f"answer.{k}": v for k, v in answer.items()})

    assert save(0, preference="scale:2").json() == {"version": 1}
    stale = save(0, preference="choice:both_bad")
    assert stale.status_code == 409
    assert stale.json() | {"detail": ""} == {
        "code": "draft-stale",
        "detail": "",
        "version": 1,
        "fields": "answer.preference=scale%3A2",
    }
    assert save(1, preference="choice:both_bad").json() == {"version": 2}
    assert Draft.objects.get().values == {"preference": {"choice": "both_bad"}}
    assert 'value="choice:both_bad" data-digit="0" data-words="Both are bad" checked' in " ".join(
        rosas.get(at("assignment", token)).content.decode().split()
    )


def test_renewing_tells_what_became_of_a_lease(
    rosas: Client, rater: Rater, other_rater: Rater, open_item: Any, claim: Claim
) -> None:
    open_item()
    token = claim(rater).token
    assert rosas.post(at("renew", token)).status_code == 200
    run_out(token)
    claim(other_rater)
    lost = rosas.post(at("renew", token))
    assert (lost.status_code, lost.json()["code"]) == (409, "lease-lost")
    page = rosas.get(at("assignment", token)).content.decode()
    assert "Hand in as an extra" in page
    assert at("skip", token) not in page
    assert rosas.post(at("renew", uuid.uuid4())).status_code == 404


def test_late_work_is_offered_as_an_extra_without_javascript(
    rosas: Client, rater: Rater, other_rater: Rater, open_item: Any, claim: Claim
) -> None:
    item: Item = open_item()
    token = claim(rater).token
    run_out(token)
    claim(other_rater)
    answer = {"answer.preference": "scale:5", "answer.preference.rationale": "Late, but mine"}
    late = rosas.post(at("submit", token), answer)
    assert late.status_code == 409
    assert "Late, but mine</textarea>" in late.content.decode()
    assert rosas.post(at("submit", token), answer | {"extra": "1"}).status_code == 302
    assert item.annotations.get().standing == Annotation.Standing.EXTRA


def test_two_answers_of_one_rater_stand_side_by_side(rosas: Client, rater: Rater, open_item: Any, claim: Claim) -> None:
    open_item()
    token = claim(rater).token
    rosas.post(at("submit", token), {"answer.preference": "scale:1"})
    second = rosas.post(at("submit", token), {"answer.preference": "scale:7"})
    assert second.status_code == 409
    page = second.content.decode()
    assert "A is much better" in page and "B is much better" in page
    first = Annotation.objects.get()
    assert f'action="{at("answer", first.pk)}"' in page
    rosas.post(at("answer", first.pk), {"answer.preference": "scale:7"})
    assert current().get().revises == first


def test_undo_is_over_after_ten_seconds(rosas: Client, rater: Rater, answer: Any, open_item: Any) -> None:
    open_item()
    given = answer(rater).annotation
    assert at("undo", given.pk) in rosas.get(at("annotate")).content.decode()
    Annotation.objects.update(submitted_at=given.submitted_at.replace(year=2020))
    assert at("undo", given.pk) not in rosas.get(at("annotate")).content.decode()
    late = rosas.post(at("undo", given.pk), follow=True)
    assert "correct it instead" in late.content.decode()
    assert current().get() == given


def test_nothing_left_says_why(rosas: Client, rater: Rater, project: Project, open_item: Any, answer: Any) -> None:
    def said() -> str:
        return rosas.get(at("annotate"), follow=True).content.decode()

    assert "No item has been brought in yet." in said()
    new = ItemFactory(project=project)
    assert "New items are on their way" in said()
    new.delete()
    open_item()
    answer(rater)
    assert "Every item has its answers." in said()
    open_item()
    lease = leases.claim(project=project, rater=rater)
    assert lease is not None
    Project.objects.update(state=Project.State.PAUSED)
    assert "This project is resting" in said()
    assert rosas.get(at("assignment", lease.token)).status_code == 200


def test_my_answers_cost_the_same_however_many(
    rosas: Client, rater: Rater, open_item: Any, answer: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        open_item()
        answer(rater)
    with django_assert_max_num_queries(10):
        page = rosas.get(at("history")).content.decode()
    assert page.count("?edit=1") == 12


def test_an_item_and_its_answer_cost_few_queries(
    rosas: Client, rater: Rater, open_item: Any, claim: Claim, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        open_item()
    token = claim(rater).token
    with django_assert_max_num_queries(20):
        rosas.get(at("assignment", token))
    post = {"answer.preference": "scale:1"}
    with django_assert_max_num_queries(32):  # the answer, and the next item with all its page
        rosas.post(at("submit", token), post, headers={"X-Requested-With": "fetch"})


def test_the_script_gets_the_next_item_and_its_address(
    rosas: Client, rater: Rater, open_item: Any, claim: Claim
) -> None:
    open_item()
    open_item()
    token = claim(rater).token
    reply = rosas.post(at("submit", token), {"answer.preference": "scale:1"}, headers={"X-Requested-With": "fetch"})
    assert reply.status_code == 200
    following = claim(rater).token
    assert reply["Content-Location"] == at("assignment", following)
    assert f'data-token="{following}"' in reply.content.decode()


def test_the_story_of_an_item_tells_all_to_those_who_run_the_project(
    browse: Callable[[User], Client], rev: User, rosa: User, rater: Rater, open_item: Any, claim: Claim
) -> None:
    item: Item = open_item()
    lease = claim(rater)
    preference = {"choice": "B", "strength": 2, "rationale": "Shorter <i>and</i> right"}
    given = submissions.submit(rater=rater, token=lease.token, values={"preference": preference})
    submissions.revise(
        rater=rater,
        annotation=given.annotation,
        values={"preference": {"choice": "tie"}},
        idempotency_key=uuid.uuid4(),
    )
    page = browse(rev).get(at("item", item.pk)).content.decode()
    order = [row.response_id for row in item.item_responses.all()]
    better = "AB"[order.index(lease.display_order[1])]
    assert f"{better} is clearly better" in page
    assert ", ".join("AB"[order.index(pk)] for pk in lease.display_order) in page
    assert "Shorter &lt;i&gt;and&lt;/i&gt; right" in page
    assert "About the same" in page and "corrected" in page
    for row in item.item_responses.select_related("response"):
        assert row.response.model_name in page
    assert browse(rosa).get(at("item", item.pk)).status_code == 404


def test_items_are_found_filtered_and_paged(
    browse: Callable[[User], Client], ada: User, project: Project, django_assert_max_num_queries: Any
) -> None:
    made = [ItemFactory(project=project, external_id=f"tyre-{n:03}") for n in range(55)]
    Item.objects.filter(pk=made[3].pk).update(state=Item.State.VOID)
    client = browse(ada)
    with django_assert_max_num_queries(30):
        first = client.get(at("items")).content.decode()
    assert "tyre-049" in first and "tyre-050" not in first
    rest = client.get(at("items"), {"after": made[49].pk}).content.decode()
    assert "tyre-050" in rest and "tyre-049" not in rest
    assert "tyre-054" in client.get(at("items"), {"ordering": "-id"}).content.decode()
    void = client.get(at("items"), {"state": "void"}).content.decode()
    assert "tyre-003" in void and "tyre-004" not in void
    assert "No item is like that." in client.get(at("items"), {"search": "pump"}).content.decode()
    for odd in ({"after": "x"}, {"state": "gone"}, {"ordering": "user__password"}, {"after": "9" * 30}):
        assert client.get(at("items"), odd).status_code == 200, odd


def test_a_flag_leads_to_the_item_where_it_is_dealt_with(
    browse: Callable[[User], Client], ada: User, rev: User, rater: Rater, open_item: Any, claim: Claim
) -> None:
    item, other = open_item(), ItemFactory(project=rater.project)
    token = claim(rater).token
    flag = flags.raise_flag(rater=rater, token=token, reason="private", note="A <b>phone</b> number")
    flags.raise_flag(rater=rater, token=token, reason="broken")
    client, here = browse(rev), at("item", item.pk)
    listed = client.get(at("items"), {"flagged": "1"}).content.decode()
    assert here in listed and "2 flags" in listed and at("item", other.pk) not in listed
    page = client.get(here).content.decode()
    assert "It holds personal data" in page and "A &lt;b&gt;phone&lt;/b&gt; number" in page
    assert rater.pseudonym in page and rater.user.username not in page
    assert at("withdraw_item", item.pk) not in page, "an admin's decision"
    assert at("resolve_flag", item.pk, flag.pk) in page
    page = client.post(at("resolve_flag", item.pk, flag.pk), follow=True).content.decode()
    assert at("resolve_flag", item.pk, flag.pk) not in page and page.count("dealt with</span>") == 1
    admin = browse(ada)
    assert at("withdraw_item", item.pk) in admin.get(here).content.decode()
    assert admin.post(at("withdraw_item", item.pk), {"reason": "x" * 2001}).status_code == 422
    page = admin.post(at("withdraw_item", item.pk), {"reason": "A phone number"}, follow=True).content.decode()
    assert "A phone number" in page and at("withdraw_item", item.pk) not in page and "Open flags" not in page
    assert not client.get(at("items"), {"flagged": "1"}).content.decode().count(here)


@pytest.mark.parametrize("name", ["annotate", "history", "items", "form", "item", "assignment", "answer"])
def test_head_is_answered_where_get_is(
    name: str, browse: Callable[[User], Client], ada: User, project: Project, open_item: Any, claim: Claim
) -> None:
    open_item(humans=1), open_item(humans=1)
    rater = raters.rater_for(project=project, user=ada)
    answered = submissions.submit(rater=rater, token=claim(rater).token, values={"preference": {"choice": "tie"}})
    named = {"item": answered.annotation.item_id, "assignment": claim(rater).token, "answer": answered.annotation.pk}
    address = at(name, *([named[name]] if name in named else []))
    head, get = browse(ada).head(address), browse(ada).get(address)
    assert head.status_code == get.status_code != 405 and head.content == b""


def test_today_counts_items_not_corrections(
    browse: Callable[[User], Client], rosa: User, rater: Rater, open_item: Any, answer: Any
) -> None:
    """On the rater's page and on the project's: an answer of yesterday that is corrected today is none of today."""
    open_item(), open_item()
    old = answer(rater).annotation
    Annotation.objects.update(submitted_at=timezone.now() - timedelta(days=1))
    values = {"preference": {"choice": "tie"}}
    submissions.revise(rater=rater, annotation=old, values=values, idempotency_key=uuid.uuid4())
    assert (selectors.today(rater=rater), progress_of(rosa, rater.project.memberships.get(user=rosa)).today) == (0, 0)
    answer(rater)
    assert (selectors.today(rater=rater), progress_of(rosa, rater.project.memberships.get(user=rosa)).today) == (1, 1)
    assert progress_of(rosa, rater.project.memberships.get(user=rosa)).answered == 2


def as_built(settings: dict[str, str]) -> dict[str, str]:
    """What the form builder posts for one comparison with these settings."""
    shown = {"count": "1", "0-name": "preference", "0-protocol": "pairwise", "0-required": "on"}
    return shown | {f"0-config-{name}": value for name, value in settings.items()}


def test_a_change_of_the_form_is_a_new_version(
    browse: Callable[[User], Client], ada: User, project: Project, rater: Rater, open_item: Any, claim: Claim
) -> None:
    open_item()
    lease = claim(rater)
    client = browse(ada)
    odd = client.post(at("form"), as_built({"points": "5", "both_bad": "on", "rationale": "off"}))
    assert odd.status_code == 422 and "allow ties" in odd.content.decode()
    assert client.post(at("form"), as_built({"points": "12", "tie": "on", "rationale": "off"})).status_code == 422
    assert project.form_versions.count() == 1
    client.post(at("form"), as_built({"points": "5", "tie": "on", "rationale": "off"}))
    newest = project.form_versions.get(number=2)
    wanted = {"points": 5, "tie": True, "both_bad": False, "rationale": "off"}
    assert newest.fields[0]["config"] == check_config("pairwise", wanted)
    client.post(at("form"), as_built({"points": "5", "tie": "on", "rationale": "off"}))
    assert project.form_versions.count() == 2
    # Whoever had begun under the old form finishes under it.
    submissions.submit(rater=rater, token=lease.token, values={"preference": {"scale": 7}})
    assert Annotation.objects.get().form_version == lease.form


def test_a_preview_stores_nothing(browse: Callable[[User], Client], ada: User, project: Project) -> None:
    shown = browse(ada).post(at("form_preview"), as_built({"points": "9", "tie": "on", "rationale": "required"}))
    assert shown.content.decode().count('type="radio"') == 9
    assert json.dumps(project.form_versions.get().fields).count('"points": 7') == 1
    wrong = browse(ada).post(at("form_preview"), as_built({"points": "9", "rationale": "required"}))
    assert "allow ties" in wrong.content.decode()
