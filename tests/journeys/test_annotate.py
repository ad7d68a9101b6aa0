"""A rater's day in a real browser: judging, correcting, and everything that can go wrong on the way."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from annotation.models import Annotation, Draft, Flag, Item, Skip, Slot
from annotation.services import items, leases, raters, submissions
from projects.models import Project
from tests.browser import axe, sign_in
from tests.factories import GuidelineFactory, ItemFactory, PromptFactory, ResponseFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


LONG = "\n\n".join(f"Paragraph {n}. " + "You start at the valve and go round the rim. " * 10 for n in range(24))
HOSTILE = (
    "<img src=x onerror=alert(1)><script>alert(2)</script> <b hx-get='/' hx-trigger='load'>c</b> ![i](https://e.vil/i)"
)


@pytest.fixture
def waiting(project: Project) -> Callable[..., list[Item]]:
    """`waiting(3)`: so many open items, each wanting one person's answer."""

    def make(count: int, first: str = "Clean the hole and patch it.", second: str = "Buy a new tyre.") -> list[Item]:
        made = []
        for _ in range(count):
            prompt = PromptFactory(project=project)
            texts = (first, second)
            pair = [ResponseFactory(prompt=prompt, messages=[{"role": "assistant", "content": t}]) for t in texts]
            item = ItemFactory(project=project, prompt=prompt, responses=pair)
            items.open_slots(item=item, humans=1, judges=0)
            made.append(item)
        return made

    return make


@pytest.fixture
def page_of(open_page: Callable[..., Any], live_server: Any) -> Callable[..., Any]:
    """`page_of(user, **options)`: a signed-in person's browser on this test's own data."""
    return lambda user, **options: open_page(live_server.url, user=user, **options)


@pytest.fixture
def desk(page_of: Callable[..., Any], project: Project, rosa: User) -> Callable[..., Any]:
    """`desk()`: rosa's page with an item on it."""

    def sit_down(**options: Any) -> Any:
        page = page_of(rosa, **options)
        page.goto(f"/projects/{project.slug}/annotate/")
        page.wait_for_selector("#judgement")
        return page

    return sit_down


def answers() -> list[Annotation]:
    return list(Annotation.objects.order_by("pk"))


def token_of(page: Any) -> str:
    return str(page.get_attribute("#work", "data-token"))


def next_item(page: Any, before: str) -> None:
    page.wait_for_function("before => document.getElementById('work').dataset.token !== before", arg=before)


def saved(page: Any) -> None:
    page.wait_for_selector("#save-state[data-state=saved]")


def run_out(token: str) -> None:
    Slot.objects.filter(token=token).update(leased_until=timezone.now() - timedelta(seconds=1))


def test_ten_pairs_by_keyboard_alone_take_two_keys_each(desk: Any, waiting: Any) -> None:
    waiting(10)
    page = desk()
    assert page.evaluate("document.querySelectorAll('#judgement :checked').length") == 0
    for number in range(10):
        before = token_of(page)
        page.keyboard.press(str(number % 7 + 1))
        page.keyboard.press("Enter")
        if number < 9:
            next_item(page, before)
    page.wait_for_selector("text=Nothing left for you right now")
    assert len(answers()) == 10
    page.wait_for_selector("#progress:has-text('10 this session')")
    for number, answer in enumerate(answers()):
        value, step = answer.values["preference"], number % 7 - 3
        assert value["strength"] == abs(step)
        if step:
            better = value[value["choice"]]
            assert better == answer.display_order[0 if step < 0 else 1]
        else:
            assert value["choice"] == "tie"
        assert answer.active_ms is not None and answer.active_ms < 60_000


def test_every_key_works_where_there_is_no_guideline(desk: Any, waiting: Any, project: Project) -> None:
    project.guidelines.all().delete()
    waiting(1)
    page = desk()
    assert page.query_selector("#guideline") is None
    page.keyboard.press("i")
    page.keyboard.press("6")
    page.keyboard.press("e")
    page.keyboard.type("It says how.")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Nothing left for you right now")
    assert answers()[0].values["preference"]["rationale"] == "It says how."


def test_what_is_missing_is_listed_and_focused(desk: Any, waiting: Any, project: Project) -> None:
    fields = project.form_versions.get().fields
    fields[0]["config"]["rationale"] = "required"
    project.form_versions.update(fields=fields)
    waiting(1)
    page = desk()
    page.keyboard.press("Enter")
    assert page.inner_text("#missing") == "Still needed: your choice, a rationale"
    assert page.evaluate("document.activeElement.type") == "radio"
    page.keyboard.press("6")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    page.keyboard.type("sdf1 w?")  # every one of them is a shortcut elsewhere
    assert page.input_value("textarea") == "sdf1 w?"
    assert page.is_checked("[data-digit='6']")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") != "TEXTAREA"
    page.keyboard.press("e")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=Nothing left for you right now")
    assert answers()[0].values["preference"]["rationale"] == "sdf1 w?"


def test_without_javascript(page_of: Any, waiting: Any, project: Project, rosa: User) -> None:
    waiting(3)
    page = page_of(rosa, java_script_enabled=False)
    page.goto(f"/projects/{project.slug}/annotate/")
    page.get_by_label("B is clearly better").check(force=True)
    page.fill("textarea", "It says how.")
    page.get_by_role("button", name="Submit").click()
    assert [a.values["preference"]["rationale"] for a in answers()] == ["It says how."]
    page.get_by_role("button", name="Undo").click()
    assert page.get_by_label("B is clearly better").is_checked()
    assert page.input_value("textarea") == "It says how."
    page.get_by_role("button", name="Submit").click()
    page.locator("summary", has_text="Flag").click()
    page.get_by_role("button", name="It holds personal data").click()
    assert page.get_by_text("Flagged. Thank you.").is_visible()
    before = page.url
    page.locator("summary", has_text="Skip").click()
    page.get_by_role("button", name="I do not understand it").click()
    assert page.url != before
    page.go_back()
    page.goto(f"/projects/{project.slug}/answers/")
    page.get_by_role("link", name="Edit").first.click()
    page.get_by_label("About the same").check(force=True)
    page.get_by_role("button", name="Save").click()
    assert answers()[-1].revises is not None
    assert answers()[-1].values["preference"]["choice"] == "tie"


def test_back_leads_to_the_answer_and_its_correction(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk()
    before = token_of(page)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    next_item(page, before)
    page.go_back()
    page.wait_for_selector("text=A is much better")
    assert page.locator("#judgement").count() == 0
    page.get_by_role("link", name="Edit").click()
    page.wait_for_selector("#judgement")
    page.keyboard.press("7")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Corrected. Your earlier answer is kept beside it.")
    assert page.inner_text(".verdict") == "B is much better"
    first, second = answers()
    assert second.revises_id == first.pk
    page.get_by_role("link", name="Next item").click()
    page.wait_for_selector("#judgement")


def test_undo_gives_the_item_back_as_it_was(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk()
    before = token_of(page)
    text = page.inner_text("#response-A")
    page.keyboard.press("2")
    page.keyboard.press("e")
    page.keyboard.type("It helps.")
    page.keyboard.press("Control+Enter")
    next_item(page, before)
    other = token_of(page)
    page.keyboard.press("u")
    next_item(page, other)
    assert page.is_checked("[data-digit='2']")
    assert page.input_value("textarea") == "It helps."
    assert page.inner_text("#response-A") == text
    assert answers()[0].retracted_at is not None
    again = token_of(page)
    page.keyboard.press("Control+Enter")
    next_item(page, again)
    assert [a.retracted_at is None for a in answers()] == [False, True]


def test_a_reload_and_another_device_find_the_draft(desk: Any, waiting: Any) -> None:
    waiting(1)
    page = desk()
    page.keyboard.press("3")
    page.keyboard.press("e")
    page.keyboard.type("Half a thought")
    saved(page)
    assert re.fullmatch(r"Saved \d\d:\d\d:\d\d", page.inner_text("#save-state"))
    assert Draft.objects.get().values["preference"] == {"scale": 3, "rationale": "Half a thought"}
    page.keyboard.type(" and more")  # on the device at once; the server may not have it yet
    page.reload()
    assert page.input_value("textarea") == "Half a thought and more"
    elsewhere = desk()
    elsewhere.wait_for_function("() => document.querySelector('textarea').value.startsWith('Half a thought')")
    assert elsewhere.is_checked("[data-digit='3']")


def test_two_tabs_show_both_versions(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk(tolerate="409")
    other = page.context.new_page()
    other.goto(page.url)
    page.keyboard.press("1")
    saved(page)
    other.keyboard.press("7")
    other.wait_for_selector("text=This answer was changed in another tab as well.")
    shown = other.inner_text("#shown-versions")
    assert "B is much better" in shown and "A is much better" in shown
    other.get_by_role("button", name="Take the other").click()
    assert other.is_checked("[data-digit='1']")
    before = token_of(page)
    page.keyboard.press("Enter")
    next_item(page, before)
    other.keyboard.press("7")
    other.keyboard.press("Enter")
    other.wait_for_selector("text=You have already answered this item")
    assert len(answers()) == 1
    other.get_by_role("button", name="Replace it by this one").click()
    other.wait_for_selector("text=Corrected. Your earlier answer is kept beside it.")
    assert [a.values["preference"]["strength"] for a in answers()] == [3, 3]
    first, second = answers()
    assert first.values["preference"]["choice"] != second.values["preference"]["choice"]


def test_a_lease_lost_while_typing_keeps_the_text_as_an_extra(
    desk: Any, waiting: Any, project: Project, rui: User
) -> None:
    (item,) = waiting(1)
    page = desk(tolerate="409")
    page.keyboard.press("2")
    page.keyboard.press("e")
    page.keyboard.type("Slow but sure.")
    saved(page)
    run_out(token_of(page))
    faster = raters.rater_for(project=project, user=rui)
    lease = leases.claim(project=project, rater=faster)
    assert lease is not None
    submissions.submit(rater=faster, token=lease.token, values={"preference": {"choice": "tie"}})
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=it went to somebody else")
    assert page.input_value("textarea") == "Slow but sure."
    page.get_by_role("button", name="Hand in as an extra").click()
    page.wait_for_selector("text=Handed in as an extra.")
    extra = item.annotations.get(standing=Annotation.Standing.EXTRA)
    assert extra.values["preference"]["rationale"] == "Slow but sure."
    assert item.annotations.filter(standing=Annotation.Standing.COUNTED).count() == 1


def test_a_lease_that_ran_out_but_nobody_took_still_serves(desk: Any, waiting: Any) -> None:
    waiting(1)
    page = desk()
    page.keyboard.press("2")
    saved(page)
    run_out(token_of(page))
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Nothing left for you right now")
    assert [a.standing for a in answers()] == [Annotation.Standing.COUNTED]


def test_offline_keeps_the_answer_and_sends_it_when_back(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk(tolerate="ERR_INTERNET_DISCONNECTED")
    before = token_of(page)
    page.context.set_offline(True)
    page.keyboard.press("5")
    page.keyboard.press("e")
    page.keyboard.type("In a tunnel.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=will be sent as soon as there is one")
    assert page.inner_text("#save-state") == "Offline — kept on this device"
    assert answers() == []
    page.context.set_offline(False)
    next_item(page, before)
    assert [a.values["preference"]["rationale"] for a in answers()] == ["In a tunnel."]


def test_an_answer_given_offline_survives_the_closed_tab(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk(tolerate="ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    page.keyboard.press("5")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=will be sent as soon as there is one")
    address, before = page.url, token_of(page)
    page.close()
    assert answers() == []
    page.context.set_offline(False)
    later = page.context.new_page()
    later.goto(address)
    next_item(later, before)
    assert len(answers()) == 1


def test_signed_out_while_judging_leads_back_to_the_draft(
    desk: Any, waiting: Any, rosa: User, live_server: Any
) -> None:
    waiting(1)
    page = desk(tolerate="403")
    page.keyboard.press("4")
    saved(page)
    page.context.clear_cookies()
    page.keyboard.press("e")
    page.keyboard.type("Still here")
    page.wait_for_selector("text=You have been signed out.")
    page.get_by_role("link", name="Sign in and go on").click()
    page.wait_for_url("**/sign-in/**")
    assert "next=" in page.url and token_of_address(page.url)
    sign_in(page.context, rosa, live_server.url)
    page.goto("/projects/bicycles/annotate/")
    page.wait_for_function("() => document.querySelector('textarea').value === 'Still here'")
    assert page.is_checked("[data-digit='4']")


def token_of_address(address: str) -> bool:
    return re.search(r"annotate(%2F|/)[0-9a-f-]{36}", address) is not None


def test_skip_with_a_reason_takes_two_keys_and_flag_stays(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk()
    before = token_of(page)
    page.keyboard.press("f")
    page.keyboard.press("3")
    page.wait_for_function("() => document.getElementById('announcer').textContent.includes('Flagged')")
    assert token_of(page) == before
    page.keyboard.press("s")
    page.keyboard.press("2")
    next_item(page, before)
    assert Skip.objects.get().reason == "expertise"
    assert Flag.objects.get().reason == "broken"


def test_the_guideline_opens_by_itself_and_after_a_change(desk: Any, waiting: Any, project: Project) -> None:
    waiting(6)
    page = desk()
    drawer = page.locator("#guideline")
    assert drawer.get_attribute("open") is not None
    page.keyboard.press("i")
    assert drawer.get_attribute("open") is None
    for _ in range(4):
        before = token_of(page)
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        next_item(page, before)
        assert drawer.get_attribute("open") is None
    GuidelineFactory(project=project, number=2, text="Now prefer the *short* one.")
    before = token_of(page)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    next_item(page, before)
    page.wait_for_selector("#guideline[open] >> text=The guidelines have changed since your last answer.")
    page.fill("[data-search]", "SHORT")
    assert page.inner_text("mark.found") == "short"


def test_views_of_the_pair(desk: Any, waiting: Any) -> None:
    waiting(1, first=LONG, second=LONG.replace("valve", "nipple") + "\n\nThe *end*.")
    page = desk()
    page.keyboard.press("d")
    marked = page.eval_on_selector_all("mark.only", "marks => [...new Set(marks.map(mark => mark.textContent))].sort()")
    assert marked == [".", "The end", "end", "nipple", "valve"] or {"nipple", "valve"} <= set(marked)
    page.keyboard.press("r")
    assert page.locator("[data-raw]:visible").count() == 2
    assert any("*end*" in text for text in page.locator("[data-raw]").all_inner_texts())
    page.keyboard.press("d")
    assert page.locator("mark.only").count() == 0
    bodies = page.locator("[data-body]")
    bodies.nth(0).evaluate("body => { body.scrollTop = body.scrollHeight }")
    page.wait_for_function("() => [...document.querySelectorAll('[data-body]')].every(b => b.scrollTop > 100)")
    wide = bodies.nth(0).bounding_box()["width"]
    page.keyboard.press("w")
    assert bodies.nth(0).bounding_box()["width"] > wide * 1.5


COUNT_ACTIVE_TIME = """async () => {
    const { ActiveClock } = await import('/static/annotation/clock.js');
    let now = 0;
    const clock = new ActiveClock(5000, () => now);
    now = 30_000; clock.input();   // 30 s of reading
    now = 500_000; clock.input();  // away for minutes: 60 s of them count
    now = 510_000;
    return clock.value();
}"""
COMPARE = """async ([a, b]) => {
    const { compare, words } = await import('/static/annotation/diff.js');
    const [left, right] = [words(a), words(b)];
    const [onlyLeft, onlyRight] = compare(left.map(w => w.word), right.map(w => w.word));
    const pick = (list, only) => list.filter((_, i) => only[i]).map(w => w.word);
    return [pick(left, onlyLeft), pick(right, onlyRight)];
}"""


def test_time_counts_while_somebody_is_there(desk: Any, waiting: Any) -> None:
    waiting(1)
    assert desk().evaluate(COUNT_ACTIVE_TIME) == 5_000 + 30_000 + 60_000 + 10_000


def test_words_are_compared_in_any_script_and_at_any_length(desk: Any, waiting: Any) -> None:
    waiting(1)
    page = desk()
    assert page.evaluate(COMPARE, ["a b c d", "a c x d"]) == [["b"], ["x"]]
    assert page.evaluate(COMPARE, ["same", "same"]) == [[], []]
    assert page.evaluate(COMPARE, ["", "new"]) == [[], ["new"]]
    assert page.evaluate(COMPARE, ["أصلح إطار الدراجة", "أصلح عجلة الدراجة"]) == [["إطار"], ["عجلة"]]
    far = [" ".join(f"w{n}" for n in range(9000)), " ".join(f"w{n}" for n in range(8999, -1, -1)) + " end"]
    assert page.evaluate(COMPARE, far) == [[], ["end"]]  # beyond the limit: only words of no counterpart


def test_hostile_text_is_shown_inert(desk: Any, waiting: Any) -> None:
    waiting(1, first=HOSTILE, second=HOSTILE + " ")
    page = desk()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("r")
    page.keyboard.press("d")
    assert page.locator("#work img, #work script, #work [hx-get]").count() == 0
    assert "onerror" in page.inner_text("#response-A")
    assert [url for url in asked if "e.vil" in url] == []


def test_the_page_tells_nothing_of_models_and_others(desk: Any, waiting: Any, project: Project, rui: User) -> None:
    (item,) = waiting(1)
    ids = [f'"{one.response_id}"' for one in item.item_responses.all()]
    page = desk()
    source = page.content()
    for response in item.item_responses.select_related("response"):
        assert response.response.model_name not in source
        assert response.response.external_id not in source
    assert not any(one in source for one in ids)
    assert item.external_id not in source


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing(
    page_of: Any, waiting: Any, project: Project, rosa: User, ada: User, scheme: str, width: int
) -> None:
    waiting(2, first=LONG, second="# Title\n\n```\ncode " + "x" * 300 + "\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    size = {"width": width, "height": 844}
    page = page_of(rosa, viewport=size, color_scheme=scheme)

    def check(where: str) -> None:
        assert axe(page) == [], where
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{where} scrolls sideways"

    page.goto(f"/projects/{project.slug}/annotate/")
    page.wait_for_selector("#judgement")
    check("item with guidelines")
    page.keyboard.press("i")
    page.keyboard.press("d")
    page.keyboard.press("3")
    page.keyboard.press("s")
    check("item chosen, differences, skipping")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    check("help")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=1 this session")
    check("next item")
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Nothing left for you right now")
    check("nothing left")
    page.goto(f"/projects/{project.slug}/answers/")
    check("my answers")
    page.get_by_role("link", name="Show").first.click()
    check("an answer")
    page = page_of(ada, viewport=size, color_scheme=scheme)
    for name in ("items/", f"items/{Item.objects.first().pk}/", "form/"):  # type: ignore[union-attr]  # made above
        page.goto(f"/projects/{project.slug}/{name}")
        check(name)


def test_on_a_phone_one_response_at_a_time(desk: Any, waiting: Any) -> None:
    waiting(1, first=LONG, second=LONG)
    page = desk(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.evaluate("document.getElementById('guideline').open = false")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shown = """letter => {
        const box = document.getElementById('response-' + letter).getBoundingClientRect();
        return box.left >= 0 && box.right <= innerWidth;
    }"""
    assert page.evaluate(shown, "A") and not page.evaluate(shown, "B")
    line = page.locator("[data-prompt-line]")
    assert line.is_hidden()
    page.evaluate("scrollTo(0, 900)")
    line.wait_for(state="visible")
    assert line.inner_text().startswith("How do I repair a bicycle tyre")
    page.locator("[data-show='response-B']").tap()
    page.wait_for_function(shown, arg="B")
    page.wait_for_selector("[data-show='response-B'][aria-current=true]")
    page.get_by_label("B is much better").tap()
    page.wait_for_selector("text=B is much better")
    page.get_by_role("button", name="Submit").tap()
    page.wait_for_selector("text=Nothing left for you right now")
    assert answers()[0].values["preference"]["strength"] == 3


def test_the_form_has_a_live_preview(page_of: Any, project: Project, ada: User) -> None:
    page = page_of(ada)
    page.goto(f"/projects/{project.slug}/form/")
    assert page.locator("#preview .points:not(.beside) .point").count() == 7
    page.select_option("[name=points]", "4")
    page.wait_for_function("() => document.querySelectorAll('#preview .points:not(.beside) .point').length === 4")
    assert project.form_versions.count() == 1
    page.get_by_role("button", name="Put in force").click()
    page.wait_for_selector("text=Version 2 is in force.")
    assert project.form_versions.first().fields[0]["config"]["points"] == 4
