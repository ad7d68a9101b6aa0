"""Consent and survey: met once before the first item, kept apart from judgments, told of nobody who is too few."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from annotation.services import items, raters
from common.errors import Invalid
from projects.models import Agreement, Membership, Project, Respondent, SurveyAnswer
from projects.questions import as_text, check_answers, check_questions, read_questions
from projects.services import members, surveys
from projects.small_cells import LEAST, too_rare
from tests import factories

TYPED = """single [age] How old are you?
- under 30
- 30 or older

multiple [langs] Which languages do you speak?
- English
- Deutsch

scale 1-7 [use] How often do you use a chatbot?
- never
- every day

text [else] What else?"""
NEXT, WELCOME = "/api/v1/projects/bicycles/next/", "/api/v1/projects/bicycles/welcome/"


def test_questions_as_typed_and_back() -> None:
    asked = read_questions(TYPED)
    assert as_text(asked) == TYPED and read_questions(as_text(asked)) == check_questions(asked) == asked
    assert [(one["name"], one["kind"]) for one in asked] == [
        ("age", "single"), ("langs", "multiple"), ("use", "scale"), ("else", "text"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("How old?", "begin like"),
        ("single [age] How old?\n- one", "2 to"),
        ("single [age] How old?\nyoung\n- old", "begins with"),
        ("single [a] A?\n- x\n- x", "stands twice"),
        ("single [a] A?\n- x\n- -", "needs a word"),
        ("text [a] A?\n\ntext [a] B?", "used once"),
        ("scale 1-12 [a] A?", "2 to 11"),
        ("scale 1-5 [a] A?\n- low", "both of its ends"),
        ("text [a] A?\n- x", "no options"),
        (f"text [a] {'x' * 501}", "at most 500"),
    ],
)
def test_a_question_that_is_wrong_is_named(typed: str, words: str) -> None:
    with pytest.raises(Invalid) as fault:
        read_questions(typed)
    assert words in fault.value.fields["questions"][0] and "Question " in fault.value.fields["questions"][0]


def test_every_question_can_be_left_open() -> None:
    asked = read_questions(TYPED)
    nothing = dict.fromkeys(("age", "langs", "use", "else"))
    assert check_answers(asked, {}) == check_answers(asked, {"age": "", "langs": [], "else": " "}) == nothing
    full = {"age": "under 30", "langs": ["Deutsch", "English"], "use": 7, "else": "hi"}
    assert check_answers(asked, full) == full | {"langs": ["English", "Deutsch"]}
    wrong = [{"age": "old"}, {"use": 8}, {"use": True}, {"use": "7"}, {"langs": ["Latin"]}, {"else": 3}, {"x": 1}]
    for one in (*wrong, {"else": "a\x00"}, {"age": ["under 30", "30 or older"]}):
        with pytest.raises(Invalid) as fault:
            check_answers(asked, one)
        assert set(fault.value.fields) == set(one)


@given(st.lists(st.sampled_from("abcdefgh"), max_size=60))
def test_no_group_that_is_told_of_is_too_small(values: list[str]) -> None:
    rare = too_rare(values)
    told = {value: values.count(value) for value in set(values) - rare}
    assert all(count >= LEAST for count in told.values())
    withheld = sum(value in rare for value in values)
    assert withheld == 0 or withheld >= LEAST or not told


@pytest.fixture
def asked(project: Project, ada: User) -> Project:
    surveys.set_consent(project=project, text="You compare **texts**.", actor=ada)
    surveys.set_survey(project=project, questions=read_questions(TYPED), actor=ada)
    items.open_slots(item=factories.ItemFactory(project=project), humans=3, judges=0)
    return project


def test_a_rater_meets_both_before_the_first_item(asked: Project, rosa: User, browse: Any, api: Any) -> None:
    refused = api(rosa).post(NEXT)
    assert refused.status_code == 409 and refused.json()["type"] == "urn:prefloop:welcome-first"
    client = browse(rosa)
    page = client.get("/projects/bicycles/annotate/", follow=True)
    assert "<strong>texts</strong>" in page.text and "How old are you?" in page.text
    assert page.text.count("Prefer not to say") == 2, "of every question that is chosen by one"
    address = page.redirect_chain[-1][0]
    assert "to go on" in client.post(address, {"q-age": "under 30"}).text and not SurveyAnswer.objects.exists()
    onward = client.post(address, {"consent": "1", "q-age": "under 30", "q-use": "-", "q-langs": ["English"]})
    assert onward.headers["Location"] == "/projects/bicycles/annotate/"
    assert api(rosa).post(NEXT).status_code == 200
    assert SurveyAnswer.objects.get().values == {"age": "under 30", "langs": ["English"], "use": None, "else": None}


def test_a_changed_consent_is_asked_again_a_changed_survey_is_not(
    asked: Project, ada: User, rosa: User, api: Any, browse: Any
) -> None:
    client = api(rosa)
    assert client.post(f"{WELCOME}agreement/", {"consent_number": 2}).status_code == 409
    assert client.post(f"{WELCOME}agreement/", {"consent_number": 1}).json()["consent_due"] is False
    told = client.post(f"{WELCOME}answers/", {"survey_number": 1, "values": {"age": "under 30"}}).json()
    assert told["survey_due"] is False and told["told"]["age"] == "under 30"
    assert client.post(NEXT).status_code == 200
    changed = api(ada).patch(f"{WELCOME}ask/", {"questions": [{"name": "a", "kind": "text", "label": "A?"}]})
    assert changed.json()["survey_number"] == 2 and client.post(NEXT).status_code == 200
    api(ada).patch(f"{WELCOME}ask/", {"consent_text": "You compare long texts."})
    assert client.post(NEXT).status_code == 409
    assert client.post(f"{WELCOME}answers/", {"survey_number": 1, "values": {}}).status_code == 409
    page = browse(rosa).get("/projects/bicycles/annotate/", follow=True)
    assert "You compare long texts." in page.text
    surveys.set_consent(project=asked, text=" ", actor=ada)
    assert client.post(NEXT).status_code == 200, "nobody is asked any more"


def test_whoever_withdraws_is_given_nothing(asked: Project, rosa: User, api: Any, browse: Any) -> None:
    client = api(rosa)
    client.post(f"{WELCOME}agreement/", {"consent_number": 1})
    client.post(f"{WELCOME}answers/", {"survey_number": 1, "values": {"age": "under 30"}})
    token = client.post(NEXT).json()["token"]
    assert browse(rosa).post("/projects/bicycles/welcome/withdraw/", {"forget": "on"}).status_code == 302
    assert client.post(NEXT).status_code == 409 and not SurveyAnswer.objects.exists()
    assert Agreement.objects.get().withdrawn_at is not None
    assert browse(rosa).get(f"/projects/bicycles/annotate/{token}/").status_code == 302
    assert client.delete(f"{WELCOME}agreement/").status_code == 409
    client.post(f"{WELCOME}agreement/", {"consent_number": 1})
    assert Agreement.objects.count() == 2


def test_nothing_joins_the_two_pseudonyms_but_the_export(asked: Project, ada: User, rosa: User, api: Any) -> None:
    own = asked.memberships.get(user=rosa)
    surveys.answer(member=own, number=1, values={"age": "under 30"})
    rater = raters.rater_for(project=asked, user=rosa)
    assert Respondent.objects.get().pseudonym != rater.pseudonym
    members.remove_member(project=asked, member_id=own.pk, actor=ada)
    assert Respondent.objects.get().member is None and SurveyAnswer.objects.count() == 1


def crowd(project: Project, ages: list[str | None]) -> None:
    for number, age in enumerate(ages):
        user = factories.UserFactory()
        member = factories.MembershipFactory(project=project, user=user)
        raters.rater_for(project=project, user=user)
        told = {"age": age, "use": number % 2 + 1, "else": f"=I am {user.username}"}
        surveys.answer(member=Membership.objects.get(pk=member.pk), number=1, values=told)


def test_the_export_tells_nothing_of_few(asked: Project, ada: User, browse: Any, api: Any) -> None:
    path = "/api/v1/projects/bicycles/survey/export/"
    crowd(asked, ["under 30"] * 4)
    assert api(ada).get(path).status_code == 409
    assert browse(ada).get("/projects/bicycles/survey/export/").status_code == 302
    assert "as soon as five people" in browse(ada).get("/projects/bicycles/ask/").text
    crowd(asked, ["under 30"] * 2 + ["30 or older"] * 3 + [None] * 5)
    table = api(ada).get(path).json()
    ages = [row["age"] for row in table["rows"]]
    assert ages.count(None) == 0 and ages.count("under 30") == 6 and ages.count("withheld") == 8
    assert "else" not in table["questions"] and set(asked.raters.values_list("pseudonym", flat=True)) == {
        row["rater"] for row in table["rows"]
    }
    rows = list(csv.DictReader(io.StringIO(browse(ada).get("/projects/bicycles/survey/export/?texts=1").text)))
    assert len(rows) == 14 and all(row["else"].startswith("'=I am") for row in rows)
    page = browse(ada).get("/projects/bicycles/ask/").text
    assert "others, too few of each to show" in page and "person1" not in page
    assert "survey-exported" in browse(ada).get("/projects/bicycles/events/").text


def test_an_admin_writes_both_on_one_page(project: Project, ada: User, browse: Any) -> None:
    client = browse(ada)
    client.post("/projects/bicycles/ask/", {"consent": "1", "text": "One\r\ntwo"})
    client.post("/projects/bicycles/ask/", {"consent": "1", "text": "One\r\ntwo"})
    refused = client.post("/projects/bicycles/ask/", {"survey": "1", "questions": "How old?"})
    assert refused.status_code == 422 and "Question 1" in refused.text
    client.post("/projects/bicycles/ask/", {"survey": "1", "questions": TYPED.replace("\n", "\r\n")})
    project.refresh_from_db()
    assert (project.consent_number, project.survey_number) == (1, 1)
    assert project.consents.get().text == "One\ntwo"
    assert "single [age] How old are you?" in client.get("/projects/bicycles/ask/").text
