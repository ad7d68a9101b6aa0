"""The pages and the API of quality: what staff do there, what raters are told, and what a watched project costs."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEvent
from annotation.models import Annotation, Gold, Item, Label, Pause, Qualification, Slot
from annotation.selectors import crowd, quality
from annotation.services import golds, items, labels, leases, scoring, submissions
from annotation.watch import watch_of
from projects.models import Membership
from routing.models import Budget
from routing.services.decisions import buy
from routing.services.overlap import set_overlap
from tests.annotation.conftest import A_MUCH_BETTER, B_MUCH_BETTER, TIE, work_off
from tests.annotation.test_api import queries
from tests.factories import BudgetFactory, CandidateFactory, DecisionFactory, ItemFactory, RaterFactory

pytestmark = pytest.mark.django_db
PAGES, API = "/projects/bicycles", "/api/v1/projects/bicycles"
A_IS_BETTER = {"answer.preference.point": "1"}


def posted(value):
    """A pairwise answer as the browser posts it."""
    from annotation import forms, selectors
    from annotation.models import FormVersion

    fields = selectors.form_fields(FormVersion.objects.order_by("-number").first())
    from urllib.parse import parse_qsl

    return dict(parse_qsl(forms.as_posted(fields, value)))


# Overlap of items that are out


@pytest.fixture
def bought(open_item):
    """`bought(humans=3)`: an item whose slots the router has opened and paid for."""

    def make(humans=1):
        item = open_item(humans=humans)
        buy(DecisionFactory(item=item, human_labels=humans), item.slots.all())
        return item

    return make


def states(item):
    return sorted(item.slots.filter(purpose="label").values_list("state", flat=True))


def test_overlap_is_raised_by_slots_and_lowered_by_open_ones(project, ada, rater, other_rater, bought, answer):
    BudgetFactory(project=project, labels_limit=10, labels_allocated=3, money_allocated=Decimal("0.9"))
    item = bought(humans=3)
    answer(rater)
    leases.claim(project=project, rater=other_rater)
    changed = set_overlap(project=project, item_ids=[item.pk], people=1, by=ada)
    assert (changed.withdrawn, states(item)) == (1, ["done", "leased", "void"]), "never below those at it"
    changed = set_overlap(project=project, item_ids=[item.pk], people=5, by=ada)
    assert (changed.opened, states(item)) == (3, ["done", "leased", "open", "open", "open", "void"])
    assert Budget.objects.get().labels_allocated == 5
    set_overlap(project=project, item_ids=[item.pk], people=None, by=ada)
    assert states(item) == ["done", "leased", "void", "void", "void", "void"], "as the project has it"


def test_the_budget_is_never_overrun_by_a_change(project, ada, bought):
    BudgetFactory(project=project, labels_limit=4, labels_allocated=2)
    first, second = bought(), bought()
    changed = set_overlap(project=project, item_ids=[first.pk, second.pk], people=3, by=ada)
    assert (changed.items, changed.opened, changed.left) == (1, 2, 1)
    assert (states(first), states(second)) == (["open"] * 3, ["open"])


def test_the_router_opens_what_the_share_says(project, ada):
    from routing.models import RoutingPlan
    from routing.services.route_new import route_new

    RoutingPlan.objects.create(project=project, number=1, policy="all_human", config={})
    project.quality = {"share": 0.2, "share_overlap": 3}
    project.save()
    for number in range(20):
        ItemFactory(project=project, random_key=number * 2**31 // 20 + 1)
    route_new(project=project)
    counts = [item.slots.count() for item in Item.objects.order_by("random_key")]
    assert counts == [3] * 4 + [1] * 16


def test_items_are_changed_by_a_filter(project, ada, noor, browse, api, bought, rater):
    found = [bought() for _ in range(3)]
    Item.objects.filter(pk=found[0].pk).update(external_id="x-1")
    sent = {"people": "2", "priority": "5", "move": "on", "language": "de", "topic": "", "cohort": "experts"}
    answer = browse(ada).post(f"{PAGES}/items/change/?search=x-", sent)
    assert answer.status_code == 302
    found[0].refresh_from_db()
    assert (found[0].overlap, found[0].priority, states(found[0])) == (2, 5, ["open", "open"])
    assert leases.claim(project=project, rater=rater).item != found[0], "only for the cohort"
    assert AuditEvent.objects.filter(kind__in=["items.changed", "items.overlap"]).count() == 2
    body = api(ada).post(f"{API}/items/change/", {"item": found[1].pk, "cohort": "experts"}, format="json").json()
    assert body == {"items": 1, "opened": 0, "withdrawn": 0, "left": 0}
    assert found[1].slots.get().lane not in {0, found[0].lane}, "the same cohort, any language"
    assert api(noor).post(f"{API}/items/change/", {"priority": 1}, format="json").status_code == 404


# Gold items


def test_an_import_brings_known_answers(project):
    made = CandidateFactory(project=project, external_id="known")
    plain = CandidateFactory(project=project, external_id="plain")
    names = dict(made.prompt.responses.values_list("pk", "external_id"))
    left, right = (names[pk] for pk in made.response_ids)
    said = {"kind": "comparison", "annotator": "expert", "annotator_kind": "human", "left": left, "right": right}
    made.feedback = [said | {"choice": "left", "is_gold": True, "tolerance": 0.5, "explanation": "It works."}]
    made.save()
    items.take_candidates()
    row = Gold.objects.get()
    assert (row.item.external_id, row.kind, row.source, row.tolerance) == ("known", "gold", "import", 0.5)
    assert row.annotation.values["preference"]["choice"] == "left" and row.item.state == "done"
    assert Item.objects.get(candidate=plain).state == "new"
    labels.settle_due()
    assert not Label.objects.exists()


def test_staff_make_change_and_retire_a_gold_item(project, rev, rater, browse, open_item):
    item = open_item(humans=2)
    page, client = f"{PAGES}/items/{item.pk}/gold/", browse(rev)
    assert "The known answer" in client.get(page).content.decode()
    wrong = client.post(page, {"kind": "check", "trains": "on"} | posted(TIE))
    assert wrong.status_code == 422 and not Gold.objects.exists()
    sent = {"kind": "gold", "tolerance": "0.3", "explanation": "Because.", "in_qualification": "on"} | posted(TIE)
    assert client.post(page, sent).status_code == 302
    row = Gold.objects.get()
    assert (row.tolerance, row.explanation, row.in_qualification, row.trains) == (0.3, "Because.", True, False)
    assert states(item) == ["void", "void"]
    assert client.post(page, {"kind": "gold"} | posted(A_MUCH_BETTER)).status_code == 302
    row.refresh_from_db()
    assert row.annotation.values["preference"]["choice"] == "left" and row.annotation.revises is not None
    assert "item.gold" in AuditEvent.objects.values_list("kind", flat=True)
    assert "Because." not in client.get(f"{PAGES}/quality/gold/").content.decode()
    client.post(f"{PAGES}/items/{item.pk}/gold/retire/")
    row.refresh_from_db()
    assert row.retired_at is not None


def test_gold_items_over_the_api(project, rev, api, open_item):
    client, item = api(rev), open_item()
    path = f"{API}/items/{item.pk}/gold/"
    assert client.get(path).status_code == 404
    assert client.put(path, {}, format="json").json()["type"] == "urn:prefloop:not-adjudicated"
    made = client.put(path, {"values": TIE, "kind": "check"}, format="json").json()
    assert (made["kind"], made["values"]["preference"]["choice"]) == ("check", "tie")
    assert client.put(path, {"explanation": "Read it."}, format="json").json()["explanation"] == "Read it."
    assert client.put(path, {"kind": "nonsense"}, format="json").status_code == 422
    assert [row["gold"]["item_id"] for row in client.get(f"{API}/quality/gold/?kind=check").json()] == [item.pk]
    assert client.delete(path).status_code == 204
    assert client.get(f"{API}/quality/gold/").json() == []


# Settings


def test_settings_are_checked_and_audited(project, ada, browse, api, gold):
    client = browse(ada)
    start = {key: str(value) for key, value in watch_of(project).model_dump().items() if value is not True}
    assert client.post(f"{PAGES}/quality/settings/", start | {"gold_rate": "0.1"}).status_code == 302
    project.refresh_from_db()
    assert project.quality == {"gold_rate": 0.1, "qualification_feedback": False}
    wrong = client.post(f"{PAGES}/quality/settings/", start | {"gold_rate": "0.4", "repeat_rate": "0.4"})
    assert wrong.status_code == 422 and b"at most half" in wrong.content
    assert AuditEvent.objects.get(kind="quality-changed").detail["changes"]["gold_rate"] == [None, 0.1]
    over = api(ada).put(f"{API}/quality/", {"qualification_items": 2}, format="json")
    assert over.status_code == 422 and "qualification_items" in over.json()["errors"]
    gold(TIE, in_qualification=True), gold(TIE, in_qualification=True)
    assert api(ada).put(f"{API}/quality/", {"qualification_items": 2}, format="json").json()["gold_rate"] == 0


# Review


def test_review_lists_what_raters_disagree_on_and_settles_it(project, rev, rater, other_rater, browse, api, open_item):
    disputed, agreed = open_item(humans=2), open_item(humans=2)
    said = {disputed.pk: [A_MUCH_BETTER, TIE], agreed.pk: [TIE, TIE]}
    for number, who in enumerate((rater, other_rater)):
        while (lease := leases.claim(project=project, rater=who)) is not None:
            submissions.submit(rater=who, token=lease.token, values=said[lease.item.pk][number])
    labels.settle_due()
    assert [row.item for row in quality.disputes(project=project)] == [disputed]
    assert api(rev).get(f"{API}/quality/review/").json()[0] | {"distance": 0} == {
        "item_id": disputed.pk,
        "external_id": disputed.external_id,
        "answers": 2,
        "field": "preference",
        "distance": 0,
    }
    client = browse(rev)
    page = client.get(f"{PAGES}/items/{disputed.pk}/adjudicate/").content.decode()
    assert rater.pseudonym in page and other_rater.pseudonym in page and "Rosa" not in page
    assert client.post(f"{PAGES}/items/{disputed.pk}/adjudicate/", {}).status_code == 422, "an answer is needed"
    sent = posted(B_MUCH_BETTER) | {"then": "gold"}
    answer = client.post(f"{PAGES}/items/{disputed.pk}/adjudicate/", sent)
    assert answer.headers["Location"].endswith(f"/items/{disputed.pk}/gold/")
    assert quality.disputes(project=project) == []
    made = api(rev).post(f"{API}/items/{agreed.pk}/adjudicate/", {"values": TIE}, format="json").json()
    assert made["standing"] == "adjudicated"
    settled = client.get(f"{PAGES}/items/{disputed.pk}/gold/").content.decode()
    assert "has settled this item" in settled


# Raters


def test_the_figures_of_a_rater(project, rev, rater, other_rater, api, browse, open_item):
    for _ in range(4):
        open_item(humans=2)
    for who, chance in ((rater, 2), (other_rater, 1)):
        number = 0
        while (lease := leases.claim(project=project, rater=who)) is not None:
            values = A_MUCH_BETTER if number % chance == 0 else TIE
            submissions.submit(rater=who, token=lease.token, values=values, active_ms=4000)
            number += 1
    row = crowd.rater_row(project=project, pseudonym=rater.pseudonym)
    assert (row.done, row.today, row.median_ms) == (4, 4, 4000)
    assert (row.ties.hits, row.ties.of) == (2, 4) and (row.position.hits, row.position.of) == (2, 2)
    assert row.agreement.of == 4 and row.position.low < 0.5 < row.position.high
    body = api(rev).get(f"{API}/quality/raters/").json()
    assert {one["rater"] for one in body} == {rater.pseudonym, other_rater.pseudonym}
    assert "Rosa" not in browse(rev).get(f"{PAGES}/quality/").content.decode(), "reviewers know pseudonyms"
    page = browse(rev).get(f"{PAGES}/quality/raters/{rater.pseudonym}/").content.decode()
    assert "First one preferred (2/2)" in page
    assert browse(rev).get(f"{PAGES}/quality/raters/nobody/").status_code == 404


def test_a_person_decides_about_a_pause_and_the_rater_is_told_kindly(project, rev, rosa, rater, browse, api):
    Pause.objects.create(rater=rater, why="gold", passed=2, asked=10, bar=0.7)
    told = browse(rosa).get(f"{PAGES}/annotate/").content.decode()
    assert "a person of the project looks" in told and "gold" not in told.lower()
    assert api(rosa, scope="annotate").get(f"{API}/standing/").json()["code"] == "quality"
    page, client = f"{PAGES}/quality/raters/{rater.pseudonym}/", browse(rev)
    assert "2 of the last 10" in client.get(page).content.decode()
    client.post(f"{page}decide/", {"decision": "keep", "note": "Wait."})
    assert Pause.objects.get().ended_at is None and "Wait." in client.get(page).content.decode()
    body = api(rev).post(f"{API}/quality/raters/{rater.pseudonym}/decide/", {"decision": "resume"}, format="json")
    assert body.status_code == 200 and Pause.objects.get().ended_at is not None
    again = api(rev).post(f"{API}/quality/raters/{rater.pseudonym}/decide/", {"decision": "resume"}, format="json")
    assert (again.status_code, again.json()["type"]) == (409, "urn:prefloop:not-paused")


def test_qualification_in_the_browser(project, rosa, rev, browse, api, open_item, gold, watch):
    open_item()
    for _ in range(2):
        gold(TIE, in_qualification=True, explanation="Both say the same.")
    watch(qualification_items=2, qualification_bar=1, qualification_attempts=2)
    client = browse(rosa)

    def give(value):
        address = client.get(f"{PAGES}/annotate/").headers["Location"]
        shown = client.get(address).content.decode()
        return shown, client.post(f"{address}submit/", posted(value), follow=True).content.decode()

    shown, told = give(TIE)
    assert "Qualification, 1 of 2" in shown and "As expected. Both say the same." in told
    shown, told = give(A_MUCH_BETTER)
    assert "Qualification, 2 of 2" in shown and "Expected: About the same. Both say the same." in told
    assert "Not passed this time" in told and "You have one more attempt." in told and "Try again" in told
    standing = api(rosa, scope="annotate").get(f"{API}/standing/").json()
    assert (standing["code"], standing["may_try_again"]) == ("not-qualified", True)
    assert [one["passed"] for one in standing["told"]] == [True, False]
    client.post(f"{PAGES}/annotate/qualification/again/")
    give(TIE), give(TIE)
    assert Qualification.objects.get().state == "passed"
    assert "Qualification" not in client.get(f"{PAGES}/annotate/", follow=True).content.decode().split("<main")[1]
    pseudonym = Qualification.objects.get().rater.pseudonym
    assert "Attempt 2: 2 of 2 passed" in browse(rev).get(f"{PAGES}/quality/raters/{pseudonym}/").content.decode()
    waived = api(rev).post(f"{API}/quality/raters/{pseudonym}/qualify/", {"do": "waive"}, format="json")
    assert waived.json()["type"] == "urn:prefloop:qualified"


def test_who_has_reached_a_cap_or_is_of_another_lane_is_told(project, rosa, rater, browse, open_item, watch):
    watch(cap_day=1)
    open_item(), open_item()
    work_off(project, rater)
    assert "Enough for today" in browse(rosa).get(f"{PAGES}/annotate/").content.decode()
    watch()
    from annotation.services import lanes

    number = lanes.number_of(project=project, wanted=lanes.Wanted(language="de"))
    Slot.objects.filter(state="open").update(lane=number)
    Membership.objects.filter(user=rosa).update(languages=["en"])
    assert "another group of raters" in browse(rosa).get(f"{PAGES}/annotate/").content.decode()


def test_own_statistics_tell_nothing_of_tests_and_can_be_off(project, rosa, rater, browse, api, open_item, gold, watch):
    gold(TIE), open_item(), open_item()
    watch(gold_rate=0.5)
    work_off(project, rater)
    scoring.score_due(grace=timedelta(0))
    page = browse(rosa).get(f"{PAGES}/statistics/").content.decode()
    assert "Gold" not in page and "check" not in page.lower().split("<main")[1]
    body = api(rosa, scope="annotate").get(f"{API}/statistics/").json()
    assert body["today"] == 3 and not {"gold", "checks", "items", "flags"} & body.keys()
    assert body["ties"]["of"] == 0, "what moves with some answers and not with others would tell which were tests"
    Annotation.objects.update(submitted_at=timezone.now() - timedelta(days=1))
    assert api(rosa, scope="annotate").get(f"{API}/statistics/").json()["ties"]["of"] == 2
    project.raters_see_statistics = False
    project.save()
    assert browse(rosa).get(f"{PAGES}/statistics/").status_code == 404
    assert api(rosa, scope="annotate").get(f"{API}/statistics/").status_code == 404


# What it costs


@pytest.mark.parametrize("purpose", ["label", "gold", "check", "repeat"])
def test_a_watched_project_costs_no_more_queries(project, rater, rosa, api, open_item, gold, watch, purpose):
    from annotation.services import lanes

    for _ in range(3):
        item = open_item()
        number = lanes.number_of(project=project, wanted=lanes.Wanted(language="de"))
        Slot.objects.filter(item=item).update(lane=number)
    client = api(rosa, scope="annotate")
    token = client.post(f"{API}/next/").json()["token"]
    client.post(f"{API}/annotations/", {"token": token, "values": TIE}, format="json")
    Slot.objects.filter(state="done").update(leased_at=timezone.now() - timedelta(days=3))
    gold(TIE), gold(TIE, kind="check")
    rates = {f"{purpose}_rate": 0.5} if purpose != "label" else {"gold_rate": 0.1}
    watch(chance=0.99 if purpose == "label" else 0.0, cap_total=100, cap_day=50, **rates)
    with CaptureQueriesContext(connection) as of_next:
        token = client.post(f"{API}/next/").json()["token"]
    with CaptureQueriesContext(connection) as of_submit:
        assert client.post(f"{API}/annotations/", {"token": token, "values": TIE}, format="json").status_code == 201
    assert Slot.objects.get(token=token).purpose == purpose
    assert len(queries(of_next)) <= 6, "\n".join(queries(of_next))
    assert len(queries(of_submit)) <= 10, "\n".join(queries(of_submit))


def test_a_judges_answers_are_no_raters(project, rev, rater, answer, open_item, api):
    open_item()
    answer(rater)
    RaterFactory(project=project, kind="judge", user=None)
    assert Annotation.objects.count() == 1
    assert len(api(rev).get(f"{API}/quality/raters/").json()) == 1
    assert golds.GOLD_SETTINGS[0] == "kind"
