"""`make bench-router`: how fast the router is, on a PostgreSQL of its own, and whether the budget holds.

A single decision is a new item that comes alone, from lock to commit; bulk is a project's backlog. `…_cpu_ms`: of the
router's own process, which a busy machine does not stretch. What is pure, scoring and the features of texts, is timed
in memory for a million items (`benchmarks.scoring`). Ends with one JSON line.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import servers
from benchmarks.scoring import scoring
from benchmarks.servers import Absent

CLAIMERS = 64
WARM = 20
"""The first decisions warm caches and connections."""


@dataclass(frozen=True)
class Plan:
    items: int = 20_000
    alone: int = 300
    pure: int = 1_000_000


def project(slug: str, items: int) -> Any:
    """A project of so many new items, and a plan with a judge and everything drawn at random that a plan can draw."""
    from benchmarks import seed
    from projects.models import Project
    from routing.sampling import Sampling
    from routing.services.judges import create_judge
    from routing.services.plans import set_plan

    seed.seed(slug=slug, items=items, mix=seed.Mix(new=100))
    made = Project.objects.get(slug=slug)
    judge = create_judge(project=made, name="Judge", kind="simulated", config={})
    sampling = Sampling(calibration=100).model_dump()
    set_plan(project=made, policy="random", config={"share": 0.25}, judge=judge, sampling=sampling)
    return made


def alone(made: Any, count: int) -> dict[str, float]:
    """One new item's decision, in milliseconds."""
    from routing.services.route_new import route_new

    took, cpu = [], 0.0
    for number in range(count + WARM):
        began, busy = time.perf_counter(), time.process_time()
        assert route_new(project=made, limit=1) == 1
        if number >= WARM:
            took.append(time.perf_counter() - began)
            cpu += time.process_time() - busy
    p50, p99 = (1e3 * float(value) for value in np.quantile(took, [0.5, 0.99]))
    return {
        "decision_p50_ms": round(p50, 2),
        "decision_p99_ms": round(p99, 2),
        "decision_cpu_ms": round(1e3 * cpu / count, 2),
    }


def bulk(made: Any) -> dict[str, float]:
    """The whole backlog, by one router."""
    from routing.services.route_new import route_new

    done, began, busy = 0, time.perf_counter(), time.process_time()
    while routed := route_new(project=made):
        done += routed
    took, cpu = time.perf_counter() - began, time.process_time() - busy
    return {"items": done, "items_per_s": round(done / took, 1), "item_cpu_ms": round(1e3 * cpu / done, 3)}


def overrun(made: Any) -> int:
    """Labels beyond the limits, after 64 routers at once on a budget for half of them, in all and of a period."""
    from django.db import connections

    from annotation.models import Slot
    from routing.services import budgets
    from routing.services.plans import set_plan
    from routing.services.route_new import route_new

    set_plan(project=made, policy="all_human", config={})
    taken = budgets.budget_of(project=made).labels_allocated
    limit = taken + CLAIMERS * 2
    budgets.set_limits(project=made, labels=limit, money=None, period="month", period_labels=limit - CLAIMERS // 2)
    start, faults = threading.Barrier(CLAIMERS), []

    def router() -> None:
        start.wait()
        try:
            for _ in range(4):
                route_new(project=made, limit=2)
        except Exception as fault:
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=router) for _ in range(CLAIMERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    route_new(project=made)
    out = Slot.objects.filter(project=made, audience="human").exclude(state="void").count()
    return int(out) - (limit - CLAIMERS // 2)


def measure(plan: Plan) -> dict[str, Any]:
    """Runs all of it. Raises Absent."""
    with ExitStack() as stack:
        var = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prefloop-bench-")))
        url = stack.enter_context(servers.database("prefloop_bench_router"))
        stack.enter_context(servers.django_on(url, var))
        from django.core.management import call_command

        from benchmarks import seed

        call_command("migrate", verbosity=0)
        backlog, few, raced = (
            project("backlog", plan.items),
            project("alone", plan.alone + WARM),
            project("raced", CLAIMERS * 8),
        )
        seed.settle_statistics()
        found = alone(few, plan.alone) | bulk(backlog) | {"overrun": overrun(raced)}
        return found | scoring(plan.pure)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.router", description=__doc__)
    parser.add_argument("--items", type=int, default=Plan.items, help="of the backlog")
    parser.add_argument("--alone", type=int, default=Plan.alone, help="items that come alone")
    parser.add_argument("--pure", type=int, default=Plan.pure, help="items that are scored in memory")
    given = parser.parse_args()
    try:
        found = measure(Plan(given.items, given.alone, given.pure))
    except Absent as reason:
        print(f"Nothing was measured. {reason}")
        return 0
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
