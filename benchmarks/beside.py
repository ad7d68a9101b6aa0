"""`make bench-beside`: pages and a judge while a model is trained and twenty more runs wait, beside the same when idle.

Both are taken in turns on one product (supervisor, gunicorn, workers, Redis, PostgreSQL) on this machine. Pages: how
long one answer takes. Judge: from the ring for 20 new items until a simulated judge's last answer is a row.
"""

import argparse
import http.client
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

from benchmarks import servers
from benchmarks.bench_pages import Address, ask, people
from benchmarks.servers import Absent

SLUG = "beside"
ITEMS, WAITING = 20, 20
TRAINED = {"hidden_size": 256, "layers": 6, "max_length": 256, "batch_size": 32, "epochs": 100.0}
"""Large enough to be at it for longer than anybody measures."""
PATIENCE = 300.0


def furnish() -> tuple[Any, Any]:
    """A project with 200 items, and a simulated judge that all new ones go to."""
    from benchmarks import seed
    from projects.models import Project
    from routing.services.judges import create_judge
    from routing.services.plans import set_plan

    seed.seed(slug=SLUG, items=200, overlap=1, raters=4, mix=seed.WORKED, say=print)
    project = Project.objects.get(slug=SLUG)
    judge = create_judge(project=project, name="Simulated", kind="simulated", config={"flip": 0, "tie_margin": 0})
    set_plan(project=project, policy="all_ai", config={}, judge=judge)
    return project, judge


def judged(project: Any, judge: Any, turn: int) -> float:
    """Seconds until the judge has answered all of so many new items."""
    from annotation.models import Annotation
    from annotation.tasks import take_candidates
    from corpus.models import Candidate, Prompt, Response

    def wanted() -> int:
        return Annotation.objects.filter(rater=judge.rater, item__external_id__startswith=f"beside-{turn}-").count()

    for number in range(ITEMS):
        name = f"beside-{turn}-{number}"
        told = [{"role": "user", "content": f"What is {number} and {turn}?"}]
        prompt = Prompt.objects.create(project=project, external_id=name, group=name, messages=told)
        made = [
            Response.objects.create(
                prompt=prompt, external_id=f"{name}-{text}", author_kind="model", model_name=text,
                messages=[{"role": "assistant", "content": f"It is {text}, thank you."}],
            )
            for text in ("more", "less")
        ]  # fmt: skip
        Candidate.objects.create(
            project=project, external_id=name, prompt=prompt, response_ids=[one.pk for one in made], meta={"round": 1}
        )
    begun = time.perf_counter()
    take_candidates.delay(project.pk)
    until(lambda: wanted() >= ITEMS, "judged")
    return time.perf_counter() - begun


def paged(server: servers.Server, repeats: int) -> list[float]:
    """Milliseconds of each answer: the project's page, its items and its runs."""
    who = people(SLUG, ["", ""])["admin"]
    paths = [f"/projects/{SLUG}/", f"/projects/{SLUG}/items/", f"/projects/{SLUG}/runs/"]
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=120)
    return [1000 * ask(connection, Address("", path, who)) for _ in range(repeats) for path in paths]


def until(there: Callable[[], Any], what: str) -> None:
    ends = time.monotonic() + PATIENCE
    while not there():
        if time.monotonic() > ends:
            raise RuntimeError(f"not {what} after {PATIENCE:.0f} seconds")
        time.sleep(0.02)


@contextmanager
def busy(project: Any, turn: int) -> Iterator[None]:
    """A run that trains, and twenty that wait."""
    from training_bridge.models import ACTIVE, Run
    from training_bridge.services import cancel_run, start_run
    from training_bridge.tasks import run as ring

    seeds = range(turn * 1000, turn * 1000 + 1 + WAITING)
    runs = [start_run(project=project, method="pretrain", config=TRAINED, seed=seed) for seed in seeds]
    for one in runs:
        ring.delay(one.pk)
    until(lambda: Run.objects.get(pk=runs[0].pk).step > 0, "training")
    yield
    assert Run.objects.filter(project=project, state__in=ACTIVE).count() == len(runs)
    for one in reversed(runs):
        cancel_run(run=one)
    until(lambda: not Run.objects.filter(project=project, state__in=ACTIVE).exists(), "idle again")


def measure(turns: int, repeats: int) -> dict[str, Any]:
    """Runs all of it. Raises Absent."""
    pages: dict[str, list[float]] = {"idle": [], "training": []}
    judge_seconds: dict[str, list[float]] = {"idle": [], "training": []}
    with ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="prefloop-bench-", ignore_cleanup_errors=True)
        var = Path(stack.enter_context(folder))
        url = stack.enter_context(servers.database("prefloop_bench_beside"))
        server = stack.enter_context(servers.product(url, var))
        stack.enter_context(servers.django_on(url, var))
        project, judge = furnish()
        paged(server, 2)
        for turn in range(turns):
            for place, name in enumerate(("idle", "training")):
                with busy(project, turn) if name == "training" else nullcontext():
                    pages[name] += paged(server, repeats)
                    judge_seconds[name].append(judged(project, judge, 2 * turn + place))
    found: dict[str, Any] = {}
    for name in pages:
        found |= {
            f"page_ms_{name}": round(median(pages[name]), 1),
            f"page_p95_ms_{name}": round(quantiles(pages[name], n=20)[-1], 1),
            f"judge_seconds_{name}": round(median(judge_seconds[name]), 2),
        }
    return found | {"page_p95_ratio": round(found["page_p95_ms_training"] / found["page_p95_ms_idle"], 2)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beside", description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=30)
    given = parser.parse_args()
    try:
        found = measure(given.turns, given.repeats)
    except Absent as reason:
        print(f"Nothing was measured. {reason}")
        return 0
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
