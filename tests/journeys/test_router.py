"""A project is routed from its import to its last label, in a real browser and by the real workers: a thousand items,
an endpoint as judge that dies once, 250 labels of people and not one more, and a certificate. Then everything that the
product says of it is reckoned again from its export (tests/routing/recompute.py).
"""

import json
import random
import re
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.browser import axe_by_day_and_night
from tests.routing import recompute
from tests.routing.endpoint import Endpoint, judged, serving
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.services]

SLUG, HOME = "orchard", "/projects/orchard"
ITEMS, LABELS, PILOT, CALIBRATION, RATERS = 1000, 250, 40, 110, 8
MODELS = ("calm", "brisk")
TOKENS_IN, TOKENS_OUT = 100, 10  # as the endpoint counts them
READ = ("audit", "committed")
SETUP = f"""
import json
from accounts import services
from accounts.models import ApiToken, Scope
from tests import factories

ada = factories.UserFactory(username="ada")
project = factories.ProjectFactory(name="Orchard", slug="{SLUG}", state="active", overlap=1, created_by=ada)
factories.FormVersionFactory(project=project)
factories.GuidelineFactory(project=project, created_by=ada)
people = [factories.UserFactory(username=f"orchard-{{n}}") for n in range({RATERS})]
for user, role in [(ada, "admin"), *((one, "rater") for one in people)]:
    factories.MembershipFactory(project=project, user=user, role=role)
tokens = [ApiToken.objects.create(user=one, name="story", scope=Scope.WRITE)[1] for one in (ada, *people)]
print(json.dumps([services.make_sign_in_link(user=ada, minutes=60), *tokens]))
"""


# The world: each response holds so many tips, and more tips are better. Most pairs are plain, some hardly differ.


def lines() -> Iterator[str]:
    for number in range(ITEMS):
        draw = random.Random(number)
        gap = draw.choice([-1, 1]) if draw.random() < 0.2 else draw.choice([-1, 1]) * draw.randint(4, 7)
        few = draw.randint(1, 3)
        tips = (few + max(gap, 0), few + max(-gap, 0))
        models = MODELS if gap > 0 or draw.random() < 0.6 else MODELS[::-1]
        more = " in a very long winter" * (400 if number == 17 else 0)
        asked = f"How do I look after apple tree number {number}{more}?"
        responses = [{"text": text(one, draw), "model": model} for one, model in zip(tips, models, strict=True)]
        yield json.dumps({"external_id": f"tree-{number}", "prompt": asked, "responses": responses})


def text(tips: int, draw: random.Random) -> str:
    return "\n\n".join(
        f"Tip: {' '.join(draw.choices(('prune', 'water', 'mulch', 'graft'), k=6))}." for _ in range(tips)
    )


def gap_of(first: str, second: str) -> int:
    return first.count("Tip:") - second.count("Tip:")


def better(first: str, second: str, who: str, plain: float, hard: float) -> bool:
    """Whether `who` prefers the first: right so often where they differ plainly, and where they hardly do. The same
    whichever comes first, and on plain pairs the same for everybody of one kind."""
    gap = gap_of(first, second)
    if not gap:
        return first < second
    kind = who.partition("/")[0] if abs(gap) > 1 else who
    right = random.Random("/".join([kind, *sorted((first, second))])).random() < (plain if abs(gap) > 1 else hard)
    return (gap > 0) == right


def judges(data: dict[str, Any]) -> dict[str, Any]:
    first = better(data["response_A"], data["response_B"], "judge", 0.99, 0.6)
    return {"choice": "A" if first else "B", "strength": 1, "rationale": "It says more."}


def is_sure(data: dict[str, Any]) -> float:
    pair = sorted((data["response_A"], data["response_B"]))
    spread = random.Random("/".join(pair)).random()
    return 0.86 + 0.12 * spread if abs(gap_of(*pair)) > 1 else 0.52 + 0.2 * spread


# People and the product's API


def ask(stack: Stack, token: str, method: str, path: str, body: Any = None) -> Any:
    """The answer's JSON, or its text where it is none; None for 204."""
    request = urllib.request.Request(
        f"{stack.url}/api/v1{HOME}/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Token {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        said = answer.read()
    return json.loads(said) if said else None


def rate(stack: Stack, token: str, name: str, over: Event) -> int:
    """Answers whatever there is until the day is over; how many."""
    done = 0
    while not over.is_set():
        given = ask(stack, token, "POST", "next/")
        if given is None:
            over.wait(1)
            continue
        first, second = (one["text"] for one in given["responses"])
        letter = "A" if better(first, second, f"people/{name}", 0.99, 0.75) else "B"
        values = {"preference": {"choice": letter, "strength": 1 + 2 * (abs(gap_of(first, second)) > 1)}}
        body = {"token": given["token"], "values": values, "active_ms": 9_000}
        ask(stack, token, "POST", "annotations/", body)
        done += 1
    return done


@contextmanager
def raters_at_work(stack: Stack, tokens: list[str]) -> Iterator[list[int]]:
    """Meanwhile people answer; afterwards the list says how many each has."""
    over, done = Event(), []
    with ThreadPoolExecutor(len(tokens)) as pool:
        days = [pool.submit(rate, stack, token, str(number), over) for number, token in enumerate(tokens)]
        try:
            yield done
        finally:
            over.set()
        done += [one.result() for one in days]


def watch_the_web(stack: Stack, endpoint: Endpoint) -> list[int]:
    """A list that a connection of the web process to the endpoint would get into."""
    web = psutil.Process(stack.pid("web"))
    family, found = [web, *web.children(recursive=True)], []

    def met(port: int) -> None:
        ends = (port, int(endpoint.url.rpartition(":")[2].removesuffix("/v1")))
        opened = [one for process in family for one in process.net_connections("tcp") if one.raddr]
        if any((one.laddr.port, one.raddr.port) == ends for one in opened):
            found.append(port)

    endpoint.met = met
    return found


def wait(stack: Stack, condition: Callable[[], Any], what: str) -> None:
    """For as long as a crowded machine may take; looked at once a second, which is work as well."""

    def looked() -> bool:
        found = bool(condition())
        time.sleep(0 if found else 1)
        return found

    began = time.monotonic()
    stack.wait(looked, 300, what)
    print(f"{what} after {time.monotonic() - began:.1f} s", flush=True)


# The admin


def fill(page: Page, button: str, **values: str) -> None:
    for name, value in values.items():
        page.fill(f"[name={name}]", value)
    page.get_by_role("button", name=button).click()


def import_items(page: Page, folder: Path) -> None:
    path = folder / "trees.jsonl"
    path.write_text("\n".join(lines()))
    page.goto(f"{HOME}/imports/new/")
    page.get_by_role("radio", name="Prefloop JSON lines").check()
    page.set_input_files("[name=file]", path)
    page.get_by_label("Show me first").uncheck()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("#progress .badge")).to_have_attribute("data-state", "succeeded", timeout=60_000)


def route(page: Page, address: str) -> None:
    """A judge, a budget and a plan, each on its page."""
    page.goto(f"{HOME}/routing/")
    expect(page.locator("main")).to_contain_text("an admin chooses a plan")
    page.goto(f"{HOME}/routing/judges/new/?kind=openai_compatible")
    page.get_by_label("Ask in both orders").uncheck()
    fill(
        page,
        "Make this judge",
        name="Gardener",
        base_url=address,
        model="gardener",
        price_in="100",
        price_out="500",
        retries="1",
        price_per_call="0.02",
    )
    expect(page.get_by_text("can be put into a plan now")).to_be_visible()
    page.goto(f"{HOME}/routing/budget/")
    fill(page, "Set limits", labels_limit=str(LABELS), money_limit="200")
    page.goto(f"{HOME}/routing/plan/?policy=certified")
    page.select_option("[name=judge]", label="Gardener")
    page.get_by_text("What is drawn at random").click()
    fill(
        page,
        "Put this plan in force",
        pilot=str(PILOT),
        calibration=str(CALIBRATION),
        audit_share="0.05",
        audits_a_week="40",
        second_share="0",
    )
    expect(page.get_by_text("Plan 1 is in force")).to_be_visible()


def bring_up_to_date(page: Page, stack: Stack, ready: Callable[[], Any]) -> None:
    """Presses the button until what is shown is what is `ready` for."""

    def done() -> bool:
        if ready():
            return True
        page.goto(f"{HOME}/routing/promises/")
        page.get_by_role("button", name="Bring up to date").click()
        return False

    wait(stack, done, "brought up to date")


SEEN = ["routing/", "routing/decisions/", "routing/judges/", "routing/promises/", "routing/learning/", "items/"]


def look_around(page: Page) -> list[str]:
    """Pages that the admin looks at while everything is at work; how long each took, in words."""
    took = []
    for path in SEEN:
        began = time.monotonic()
        page.goto(f"{HOME}/{path}")
        took.append(f"{path} {time.monotonic() - began:.2f} s")
    return took


def exported(page: Page) -> list[dict[str, Any]]:
    """What the button of the decisions gives."""
    page.goto(f"{HOME}/routing/decisions/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Everything as JSON lines").click()
    return [json.loads(line) for line in download.value.path().read_text().splitlines()]


def agree(rows: list[dict[str, Any]], get: Callable[[str], Any], endpoint: Endpoint) -> None:
    """What the product says is what its export says."""
    assert len(rows) == ITEMS and {row["state"] for row in rows} == {"done"}
    assert recompute.wrong_draws(rows, SLUG) == []
    drawn = {kind: sum(recompute.set_aside(row, kind) for row in rows) for kind in recompute.DRAWN}
    assert (drawn["pilot"], drawn["calibration"]) == (PILOT, CALIBRATION) and drawn["audit"] >= recompute.LEAST
    assert_ledger(rows, get, endpoint)
    assert_promises(rows, get)
    assert recompute.wrong_labels(rows) == []


def assert_ledger(rows: list[dict[str, Any]], get: Callable[[str], Any], endpoint: Endpoint) -> None:
    mine, budget = recompute.ledger(rows), get("routing/budget/")
    lines = {(one["kind"], one["state"]): one for one in get("routing/ledger/")["lines"]}
    nothing = (0, Decimal(0))
    assert {key: (one["labels"], Decimal(one["money"])) for key, one in lines.items()} == {
        key: mine.get(key, nothing) for key in lines
    }
    assert set(mine) <= set(lines)
    labels, money = recompute.most_taken(rows)
    assert labels == LABELS == budget["labels_limit"] == budget["labels_allocated"] == budget["labels_used"]
    assert money == Decimal(budget["money_allocated"]) <= Decimal(budget["money_limit"])
    # Whatever the endpoint has answered is paid, and nothing twice, though it died in between.
    served = Counter(json.dumps(judged(one)) for one in endpoint.served)
    assert len(served) == ITEMS
    assert recompute.tokens(rows) == lines["judge", "committed"]["tokens"]
    assert recompute.tokens(rows) == (TOKENS_IN + TOKENS_OUT) * served.total()
    assert lines["judge", "committed"]["labels"] == ITEMS


def assert_promises(rows: list[dict[str, Any]], get: Callable[[str], Any]) -> None:
    (held,) = get("routing/promises/")["held"]
    said = recompute.Certified(*(held[name] for name in recompute.Certified._fields))
    assert said == pytest.approx(recompute.certificate(rows, alpha=held["alpha"], delta=held["share"]))
    assert said.threshold is not None and held["share"] == held["delta"] / 2
    assert recompute.wrongly_kept(rows, threshold=said.threshold, limit=LABELS) == []
    readings = {(one["kind"], one["subject"]): one for one in get("routing/promises/readings/?limit=100")["results"]}
    audit, mine = readings["audit", ""], recompute.audits(rows, delta=held["delta"])
    assert (audit["labelled"], audit["items"], audit["details"]["disagree"]) == (mine.n, mine.n, mine.disagree)
    assert (audit["low"], audit["high"]) == pytest.approx((mine.low, mine.high), abs=1e-6)
    figures = {
        f"{kind} {subject}": recompute.Figure(*(one[name] for name in recompute.Figure._fields))
        for (kind, subject), one in readings.items()
        if kind in {"share", "win"}
    }
    columns = recompute.columns(rows, "preference")
    assert set(figures) == set(columns) >= {"share preference=left", f"win preference={MODELS[0]}"}
    for name, column in columns.items():
        assert figures[name] == pytest.approx(recompute.figure(column), abs=1e-9), name
        by_ppi = recompute.figure_by_ppi(column)
        assert by_ppi is None or figures[name].value == pytest.approx(by_ppi, abs=1e-9), name


def settled(page: Page, stack: Stack, get: Callable[[str], Any]) -> None:
    """Until every audit is read and every label is made."""

    def read() -> bool:
        audits = get("routing/promises/readings/?kind=audit")["results"]
        asked = next(one for one in get("routing/ledger/")["lines"] if (one["kind"], one["state"]) == READ)
        return bool(audits) and audits[0]["labelled"] == asked["labels"]

    bring_up_to_date(page, stack, read)
    wait(stack, lambda: get("routing/promises/")["check"]["state"] == "idle", "up to date")
    wait(stack, lambda: all(row["labels"] for row in exported(page)), "labelled")


def look_at_what_was_done(page: Page, rows: list[dict[str, Any]]) -> None:
    """The desk, the promises, and the page of a decision of each kind: whole on a phone, and axe finds nothing."""
    kept = next(row for row in rows if row["decisions"][-1]["route"] == "judge" and row["decisions"][-1]["asked"])
    person = next(row for row in rows if row["decisions"][-1]["purpose"] == "plan" and row["decisions"][-1]["bought"])
    for name, path, words in (
        ("desk", "", "Routing has spared 750 of them"),
        ("promises", "promises/", "Certificates so far"),
        ("kept", f"decisions/{kept['decisions'][-1]['id']}/", "so the answer stands"),
        ("person", f"decisions/{person['decisions'][-1]['id']}/", "so people are asked"),
    ):
        page.goto(f"{HOME}/routing/{path}")
        expect(page.locator("main")).to_contain_text(words)
        assert axe_by_day_and_night(page) == []
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), name
        page.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.timeout(900)
def test_what_the_router_says_is_what_it_did(live_stack: Stack, open_page: Callable[..., Page], tmp_path: Path) -> None:
    link, ada, *raters = json.loads(live_stack.shell(SETUP).splitlines()[-1])

    def get(path: str) -> Any:
        return ask(live_stack, ada, "GET", path)

    page = open_page(live_stack.url, bypass_csp=True, reduced_motion="reduce")
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/$|/projects/"))
    import_items(page, tmp_path)
    host = live_stack.env["JUDGE_ALLOWED_HOSTS"]
    with serving(int(host.rpartition(":")[2])) as endpoint:
        endpoint.says, endpoint.sure = judges, is_sure
        by_web = watch_the_web(live_stack, endpoint)
        route(page, f"http://{host}/v1")
        with raters_at_work(live_stack, raters) as done:
            wait(live_stack, lambda: len(endpoint.requests) > 100, "judging")
            endpoint.behave = ["dead"] * 40
            print("while everything is at work:", *look_around(page), sep="\n  ")

            def calibrated() -> bool:
                drawn = get("routing/promises/")["calibration"]
                return (drawn["drawn"], drawn["waiting"]) == (CALIBRATION, 0)

            wait(live_stack, calibrated, "calibrated")
            bring_up_to_date(page, live_stack, lambda: get("routing/promises/")["held"])
            spoken = 2 * ITEMS - PILOT - CALIBRATION
            wait(live_stack, lambda: get("routing/decisions/?limit=1")["count"] == spoken, "routed")

            def nothing_open() -> bool:
                return all(one["labels"] == 0 for one in get("routing/ledger/")["lines"] if one["state"] == "reserved")

            wait(live_stack, nothing_open, "answered")
        assert sum(done) == LABELS and min(done) > 0
        assert not by_web, "a web request waited for the judge"
        settled(page, live_stack, get)
        rows = exported(page)
        agree(rows, get, endpoint)
    look_at_what_was_done(page, rows)
