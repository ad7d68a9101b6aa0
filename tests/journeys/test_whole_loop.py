"""What a newcomer does after `make run`: judge as the rater; then, as the researcher, close the loop. A real browser
on the real product: its web server, its workers, its trainer.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from demo.desk import PEOPLE, SLUG
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.services]

HOME = f"/projects/{SLUG}"
# A minute when nothing else runs; on a loaded machine it may take several.
TRAINING_MS = 480_000
# One pass over the pairs is enough to see; everything else is as the form suggests for the tiny model.
QUICK = {"epochs": "1"}


def sign_in(page: Page, stack: Stack, name: str) -> None:
    page.goto(stack.manage("sign_in_link", name).strip())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/$|/projects/"))


def run_method(page: Page, method: str, **choices: str) -> int:
    """Starts a run from its form as a person would, stays on its page until it is done; returns its number."""
    page.goto(f"{HOME}/runs/new/{method}/")
    for name, label in choices.items():
        option = page.locator(f"select[name={name}] option", has_text=label).first.get_attribute("value")
        page.select_option(f"select[name={name}]", option)
        if name == "base":  # another base fetches the settings that suit it
            page.wait_for_url(re.compile(rf"base={option}\b"))
    for name, value in QUICK.items():
        if page.locator(f"[name={name}]").count():
            page.fill(f"[name={name}]", value)
    if method == "dpo":
        assert page.input_value("[name=learning_rate]") == "0.001", "no suggestion for the tiny model"
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    number = int(page.url.rstrip("/").rpartition("/")[2])
    expect(page.locator("#live .badge")).to_have_attribute("data-state", "succeeded", timeout=TRAINING_MS)
    return number


@pytest.mark.timeout(1500)
def test_from_ten_judgments_to_the_next_round(
    demo_stack: Stack, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    rosa = open_page(demo_stack.url)
    sign_in(rosa, demo_stack, "rosa")
    rosa.goto(f"{HOME}/annotate/")
    for turn in range(10):
        token = rosa.get_attribute("#work", "data-token")
        rosa.keyboard.press("1" if turn % 2 else "7")
        rosa.keyboard.press("Enter")
        rosa.wait_for_function("before => document.getElementById('work').dataset.token !== before", arg=token)
    rosa.goto(f"{HOME}/answers/")
    expect(rosa.locator("main")).to_contain_text("is much better")
    assert not re.search(r"run-\d|pretrain|Simulated judge", rosa.content()), "a rater sees what would bias them"

    noor = open_page(demo_stack.url, viewport={"width": 1280, "height": 900})
    sign_in(noor, demo_stack, "noor")
    noor.goto(f"{HOME}/runs/")
    noor.get_by_role("link", name=re.compile("Tiny base model|Run 1|pretrain")).first.click()
    expect(noor.locator("#live .badge")).to_have_attribute("data-state", "succeeded", timeout=TRAINING_MS)
    expect(noor.locator("#live figure.chart").first).to_be_visible()

    noor.goto(f"{HOME}/snapshots/new/")
    noor.fill("[name=name]", "The first ten")
    noor.get_by_role("button", name=re.compile("Freeze|Make|Create")).click()
    expect(noor.locator(".badge").first).to_have_attribute("data-state", "ready", timeout=60_000)

    run_method(noor, "reward_model", snapshot="The first ten", base="pretrain")
    expect(noor.locator("#live figure.chart").first).to_be_visible()
    noor.screenshot(path=tmp_path / "reward-model.png", full_page=True)
    tuned = run_method(noor, "dpo", snapshot="The first ten", base="pretrain")
    noor.get_by_role("link", name=f"dpo-{tuned}").first.click()
    expect(noor.locator(".lineage")).to_contain_text("Snapshot 1")

    run_method(noor, "respond", base=f"dpo-{tuned}")
    noor.goto(f"{HOME}/items/")
    demo_stack.wait(lambda: items_of_round_two(demo_stack) > 20, 120, "items of the new version's responses")
    run_method(
        noor, "evaluate", snapshot="The first ten", base=f"dpo-{tuned}", reference="pretrain", reward="reward-model"
    )
    expect(noor.locator("main")).to_contain_text(re.compile("win rate", re.IGNORECASE))
    assert PEOPLE["noor"][0] in noor.content()


def items_of_round_two(stack: Stack) -> int:
    return int(stack.shell("from annotation.models import Item; print(Item.objects.filter(round=2).count())"))
