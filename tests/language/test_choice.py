"""Which language is spoken: a person's own, else this browser's, else what is asked for; and what is alike in all."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.models import User
from common.charts import Series, fixed, line_chart, percent
from common.said import said
from projects.models import Project
from routing.models import Decision
from tests import factories

GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}


def spoken(client: Client, path: str = "/", **rest: Any) -> str:
    found = re.search(r'<html lang="(\w+)" dir="ltr"', client.get(path, follow=True, **rest).text)
    assert found
    return found[1]


def test_the_browser_is_answered_in_its_language_and_english_is_the_rest(db: None) -> None:
    assert spoken(Client(), headers=GERMAN) == "de" and "Anmelden" in Client(headers=GERMAN).get("/sign-in/").text
    assert spoken(Client()) == spoken(Client(), headers={"accept-language": "fr"}) == "en"
    assert Client(headers=GERMAN).get("/sign-in/").headers["Content-Language"] == "de"


def test_somebody_not_signed_in_chooses_without_a_script(db: None) -> None:
    client = Client()
    page = client.get("/sign-in/?next=/projects/")
    assert 'name="language" value="de" lang="de"' in page.text and 'value="/sign-in/?next=/projects/"' in page.text
    answer = client.post(reverse("accounts:language"), {"language": "de", "next": "/sign-in/?next=/projects/"})
    assert answer.headers["Location"] == "/sign-in/?next=/projects/" and client.cookies["django_language"]["httponly"]
    assert spoken(client) == "de"


@pytest.mark.parametrize("sent", [{"language": "xx"}, {"language": ""}, {}])
def test_a_language_that_is_not_offered_is_refused(db: None, sent: dict[str, str]) -> None:
    assert Client().post(reverse("accounts:language"), sent).status_code == 400


def test_the_way_back_never_leads_elsewhere(db: None) -> None:
    sent = {"language": "de", "next": "https://evil.example/"}
    assert Client().post(reverse("accounts:language"), sent).headers["Location"] == "/"


def test_a_persons_own_choice_goes_with_them_and_before_the_browsers(browse: Callable[..., Client], rosa: User) -> None:
    client = browse(rosa)
    answer = client.post(reverse("accounts:account"), {"display_name": "Rosa", "language": "de"}, follow=True)
    rosa.refresh_from_db()
    assert rosa.language == "de" and "Gespeichert." in answer.text
    other = browse(rosa)
    assert spoken(other, headers={"accept-language": "en"}) == "de"
    client.post(reverse("accounts:account"), {"display_name": "Rosa", "language": ""})
    rosa.refresh_from_db()
    assert rosa.language == "" and spoken(client) == "en" and spoken(client, headers=GERMAN) == "de"
    assert client.post(reverse("accounts:account"), {"language": "xx"}).status_code == 422


def test_whoever_is_signed_in_keeps_what_they_choose_at_the_top(browse: Callable[..., Client], rosa: User) -> None:
    browse(rosa).post(reverse("accounts:language"), {"language": "de"})
    rosa.refresh_from_db()
    assert rosa.language == "de"


def test_the_api_says_what_is_wrong_in_the_language_asked_for(
    api: Callable[..., Any], noor: User, project: Project
) -> None:
    noor.language = "de"
    noor.save()
    path = f"/api/v1/projects/{project.slug}/runs/"
    english, german = (api(noor).post(path, {"method": "dpo"}, headers=asked) for asked in ({}, GERMAN))
    assert english.status_code == german.status_code == 422 and english.json()["type"] == german.json()["type"]
    assert "DPO needs a base model." in english.json()["errors"]["base"]
    assert "DPO braucht ein Basismodell." in german.json()["errors"]["base"]
    assert api(noor).get("/api/v1/nothing/", headers=GERMAN).json()["title"] == "Hier gibt es nichts"


def test_errors_of_values_and_of_json_are_said_in_german_too(
    api: Callable[..., Any], noor: User, project: Project
) -> None:
    path = f"/api/v1/projects/{project.slug}/runs/"
    base = factories.ModelVersionFactory(project=project)
    wrong = {"method": "pretrain", "base": base.pk, "config": {"layers": 0, "epochs": "many"}}
    errors = api(noor).post(path, wrong, headers=GERMAN).json()["errors"]
    assert errors["layers"] == ["Das muss mindestens 1 sein."] and errors["epochs"] == ["Das muss eine Zahl sein."]
    broken = api(noor).post(path, '{"a": 1, "a": 2}', content_type="application/json", headers=GERMAN)
    assert broken.json()["detail"] == "der Schlüssel 'a' steht in einem Objekt doppelt"


def test_what_was_stored_in_english_is_read_in_german(
    browse: Callable[..., Client], noor: User, project: Project
) -> None:
    item = factories.ItemFactory(project=project)
    reasons = ["This item's draw, 0.1234, fell below 0.25.", "Words of somebody's own."]
    word = factories.DecisionFactory(item=item, reasons=reasons, propensity=0.25, route=Decision.Route.HUMAN)
    page = browse(noor).get(reverse("routing:decision", args=[project.slug, word.pk]), headers=GERMAN).text
    assert "Das Los dieser Aufgabe, 0.1234, fiel unter 0.25." in page and "Words of somebody&#x27;s own." in page
    word.refresh_from_db()
    assert word.reasons == reasons


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("", ""),
        ("Its worker was stopped.", "Der Worker wurde angehalten."),
        ("Traceback of theirs\n(exit code 3)", "Traceback of theirs\n(Rückgabewert 3)"),
        ("the file a (1).zip: the zip archive is empty", "die Datei a (1).zip: das Zip-Archiv ist leer"),
        ("12 of 20: anybody's own words", "12 of 20: anybody's own words"),
    ],
)
def test_a_stored_text_is_read_whole_by_its_lines_and_with_its_gaps(stored: str, read: str) -> None:
    assert said(stored) == stored
    with translation.override("de"):
        assert said(stored) == read


def test_numbers_are_for_people_in_texts_and_for_machines_in_attributes(
    browse: Callable[..., Client], noor: User, project: Project
) -> None:
    counts = {"labels": 12345, "train": 12000, "test": 345, "train_groups": 2, "test_groups": 1, "judgments": 20000}
    counts |= {"pairs": 12345, "dropped": {}}
    made = factories.SnapshotFactory(
        project=project, state="ready", counts=counts, manifest_sha256="0" * 64, path="snapshots/1"
    )
    page = browse(noor).get(reverse("training_bridge:snapshot", args=[project.slug, made.number]), headers=GERMAN).text
    assert "12.345" in page and "97,2 %" in page
    drawn = re.findall(r' (?:x|y|x1|x2|y1|y2|width|height|dx|dy)="([^"]*)"', page)
    assert len(drawn) > 10 and not [value for value in drawn if "," in value]
    with translation.override("de"):
        chart = line_chart([Series("loss", [(0, 0.5), (1, 0.25)])])
        assert (fixed(1250.26, 1), percent(0.625, 1)) == ("1.250,3", "62,5 %")
    assert chart and chart.lines[0].last.text == "0,25" and "," not in chart.lines[0].path.replace(",", "", 2)


def test_dates_are_for_people_in_texts_and_for_machines_in_attributes(
    browse: Callable[..., Client], rosa: User, project: Project
) -> None:
    User.objects.filter(pk=rosa.pk).update(date_joined=datetime(2026, 3, 9, 8, tzinfo=UTC))
    assert "9. März 2026" in browse(rosa).get(reverse("accounts:account"), headers=GERMAN).text
    assert "9 March 2026" in browse(rosa).get(reverse("accounts:account")).text
    stamp = api_stamp(browse(rosa).get(reverse("annotation:history", args=[project.slug]), headers=GERMAN).text)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT.*", one) for one in stamp)


def api_stamp(page: str) -> list[str]:
    return re.findall(r'datetime="([^"]*)"', page)


def test_what_machines_read_is_the_same_in_every_language(
    api: Callable[..., Any], noor: User, project: Project
) -> None:
    factories.RunFactory(project=project, result={"win_rate": 0.625}, config={"beta": 0.5})
    paths = [f"/api/v1/projects/{project.slug}/{name}/" for name in ("runs", "labels", "routing/budget", "progress")]
    for path in paths:
        english, german = (api(noor).get(path, headers=asked) for asked in ({}, GERMAN))
        told = [re.sub(r'"counted_at":"[^"]*"', "", answer.text) for answer in (english, german)]
        assert english.status_code == 200 and told[0] == told[1], path
