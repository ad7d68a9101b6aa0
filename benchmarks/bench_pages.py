"""`make bench-pages`: pages and their API twins at a million items and three million annotations, over HTTP.

The list of items is asked for by every filter in every order, at its beginning and half way through; a family of pages
is as slow as its slowest member. Each address is asked for several times; its figure is the median.
"""

import argparse
import http.client
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlencode, urlsplit

from benchmarks import servers
from benchmarks.servers import Absent

GOAL_MS = 300
REPEATS = 5
ORDERINGS = ("id", "-id", "priority", "-priority", "confidence", "-confidence")


@dataclass(frozen=True)
class Address:
    """`family`: under which name it is reported; `headers`: who asks."""

    family: str
    path: str
    headers: dict[str, str]


def people(slug: str, tokens: list[str]) -> dict[str, dict[str, str]]:
    """Who asks: the admin and a rater, each with a browser's session and with a token."""
    from django.test import Client

    from projects.models import Membership

    found = {}
    for role, token in (("admin", tokens[0]), ("rater", tokens[1])):
        member = Membership.objects.select_related("user").filter(project__slug=slug, role=role).order_by("pk")[0]
        client = Client()
        client.force_login(member.user)
        found[role] = {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}
        found[f"{role} by API"] = {"Authorization": f"Token {token}"}
    return found


def filters(slug: str) -> dict[str, dict[str, str]]:
    from corpus.models import Import

    sources = Import.objects.filter(project__slug=slug).order_by("pk").values_list("pk", flat=True)
    return {
        "none": {},
        "state": {"state": "open"},
        "rare state": {"state": "void"},
        "new": {"state": "new"},
        "begins with": {"search": "pair-99"},
        "round": {"round": "2"},
        "priority": {"priority": "5"},
        "language": {"language": "ja"},
        "tag": {"tag": "topic=law"},
        "import": {"source": str(sources[len(sources) - 1])},
        "flagged": {"flagged": "true"},
        "not flagged": {"flagged": "false"},
        "labelled": {"labelled": "true"},
        "not labelled": {"labelled": "false"},
        "less sure": {"below": "0.6"},
        "answered": {"answered": "2"},
        "answered, none so": {"answered": "9"},
        "several": {"state": "done", "language": "ja", "flagged": "true", "round": "2"},
    }


def addresses(slug: str, tokens: list[str]) -> Iterator[Address]:
    from annotation.models import Item

    who = people(slug, tokens)
    ids = Item.objects.filter(project__slug=slug).values_list("pk", flat=True)
    first, last = (ids.order_by(order)[0] for order in ("pk", "-pk"))
    middle = (first + last) // 2
    keys = {"id": str(middle), "priority": f"0:{middle}", "confidence": f"0.75:{middle}"}
    page, api = f"/projects/{slug}", f"/api/v1/projects/{slug}"
    for (name, given), ordering in itertools.product(filters(slug).items(), ORDERINGS):
        for where in ({}, {"after": keys[ordering.lstrip("-")]}, {"before": keys[ordering.lstrip("-")]}):
            query = urlencode(given | {"ordering": ordering} | where)
            yield Address(f"items: {name}", f"{page}/items/?{query}", who["admin"])
            yield Address(f"items by API: {name}", f"{api}/items/?limit=50&{query}", who["admin by API"])
    for name, path, person in (
        ("queue", "/", "rater"),
        ("queue of an admin", "/", "admin"),
        ("progress (overview)", f"{page}/", "admin"),
        ("progress by API", f"{api}/progress/", "admin by API"),
        ("overview of a rater", f"{page}/", "rater"),
        ("an item's story", f"{page}/items/{middle}/", "admin"),
        ("an item's story by API", f"{api}/items/{middle}/", "admin by API"),
        ("the item in hand", f"{page}/annotate/", "rater"),
        ("own answers", f"{page}/answers/", "rater"),
        ("own answers by API", f"{api}/annotations/mine/", "rater by API"),
        ("labels by API", f"{api}/labels/?after={middle}", "admin by API"),
    ):
        yield Address(name, path, who[person])


def ask(connection: http.client.HTTPConnection, address: Address) -> float:
    """Seconds until the whole answer is here, a redirect followed."""
    begun = time.perf_counter()
    path = address.path
    for _ in range(3):
        connection.request("GET", path, headers=address.headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 302:
            path = answer.headers["Location"]
            continue
        if answer.status != 200:
            raise RuntimeError(f"{address.path}: {answer.status} {body[:300]!r}")
        return time.perf_counter() - begun
    raise RuntimeError(f"{address.path} leads round in a circle")


def measure(items: int, overlap: int, repeats: int) -> dict[str, object]:
    """Runs all of it. Raises Absent."""
    with ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="prefloop-bench-", ignore_cleanup_errors=True)
        var = Path(stack.enter_context(folder))
        url = stack.enter_context(servers.database("prefloop_bench_pages"))
        server = stack.enter_context(servers.product(url, var))
        stack.enter_context(servers.django_on(url, var))
        from annotation.services import tallies
        from benchmarks import seed

        made = seed.seed(slug="large", items=items, overlap=overlap, raters=64, mix=seed.WORKED, say=print)
        seed.settle_statistics()
        tallies.tally_due()
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=120)
        slowest: dict[str, tuple[float, str]] = {}
        for address in list(addresses("large", made.tokens)):
            took = median(ask(connection, address) for _ in range(repeats)) * 1000
            slowest[address.family] = max(slowest.get(address.family, (0.0, "")), (round(took, 1), address.path))
        for family, (took, path) in sorted(slowest.items(), key=lambda one: -one[1][0]):
            print(f"{took:>8.1f} ms {'' if took < GOAL_MS else 'SLOW '} {family:<32} {path}")
    pages = {family: took for family, (took, _path) in slowest.items()}
    return {"items": made.items, "annotations": made.annotations, "pages": pages, "slowest_ms": max(pages.values())}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_pages", description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--overlap", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    given = parser.parse_args()
    try:
        found = measure(given.items, given.overlap, given.repeats)
    except Absent as reason:
        print(f"Nothing was measured. {reason}")
        return 0
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
