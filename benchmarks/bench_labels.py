"""`make bench-labels`: how many labels a second raters get through, beside the bound; and `next` at a million items.

Both servers run in the same minutes and take turns, because rates of this or that hour cannot be compared. The harness,
the bound and the check of what was stored are those of ../shared/bench/load; ours is `load_adapter.py`.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import servers
from benchmarks.servers import HARNESS, ROOT, Absent, Server

CROWDS = (16, 64)
SIZES = (1_000, 1_000_000)


@dataclass
class Plan:
    """`seconds`: of one turn; `rounds`: turns of each server and crowd; `tasks`: items that wait at its beginning."""

    seconds: float = 10
    rounds: int = 3
    tasks: int = 4000
    sizes: tuple[int, ...] = SIZES
    blocks: int = 5
    per_block: int = 60


@dataclass
class Found:
    rows: list[dict[str, Any]] = field(default_factory=list)
    lost: int = 0
    over_labelled: int = 0
    next_p50_ms: dict[str, float] = field(default_factory=dict)

    def rate(self, tag: str, crowd: int) -> float:
        return median(row["labels_per_s"] for row in self.of(tag, crowd))

    def of(self, tag: str, crowd: int) -> list[dict[str, Any]]:
        return [row for row in self.rows if (row["tag"], row["annotators"]) == (tag, crowd)]

    def line(self) -> dict[str, Any]:
        line: dict[str, Any] = {f"labels_per_s_{n}": round(self.rate("prefloop", n), 1) for n in CROWDS}
        line |= {f"ratio_to_bound_{n}": round(self.rate("prefloop", n) / self.rate("bound", n), 3) for n in CROWDS}
        cpu = [row["server_cpu_ms_per_label"] for row in self.rows if row["tag"] == "prefloop"]
        line |= {"cpu_ms_per_label": round(median(cpu), 2), "next_p50_ms": self.next_p50_ms}
        return line | {"lost": self.lost, "over_labelled": self.over_labelled}


def harness() -> Any:
    """The harness as a module. Raises Absent."""
    if not (HARNESS / "bench.py").exists():
        raise Absent(f"The harness is not there: {HARNESS}")
    sys.path.insert(0, str(HARNESS))
    import bench

    return bench


def people(count: int, folder: Path) -> dict[str, str]:
    """Options of the adapter: the token of somebody who may create projects, and a file of so many raters' tokens."""
    from benchmarks import seed

    _, tokens = seed.people(count + 1)
    path = folder / "raters"
    path.write_text("\n".join(tokens[1:]))
    return {"token": tokens[0], "raters": str(path)}


def wait_until_settled() -> None:
    """Labels are settled in the background; what is left of it must not fall into the other server's turn."""
    from django.db import connection

    from annotation.models import Item

    try:
        while Item.objects.filter(label_due=True).exists():
            time.sleep(0.5)
    finally:
        connection.close()  # of this thread, which ends without giving it back


async def turn(bench: Any, adapter: Any, server: Server, database: int | None, crowd: int, plan: Plan) -> Any:
    """One turn of one server: a fresh project, a crowd at work, and what was stored beside what was acknowledged.

    `background_ms_per_label`: what workers and beat took beside it, until every label was settled.
    """
    await adapter.open()
    try:
        await adapter.setup(plan.tasks, 1)
        pids = [pid for pid in (server.pid, database) if pid]
        before = busy(server)
        record, row = await bench.run_load(adapter, crowd, plan.seconds, 10**9, 0, "", pids)
        if server.pids:
            await asyncio.to_thread(wait_until_settled)
            row["background_ms_per_label"] = round((busy(server) - before) / max(1, row["labels"]) * 1e3, 1)
        with tempfile.NamedTemporaryFile(suffix=".export") as file:
            await adapter.export(file.name)
            return row | {"check": bench.check(adapter, file.name, record, 1)}
    finally:
        await adapter.close()


def take_turns(bench: Any, ours: Any, theirs: Any, database: int | None, plan: Plan, found: Found) -> None:
    """`ours` and `theirs`: () → (adapter, server)."""
    for _ in range(plan.rounds):
        for crowd in CROWDS:
            for tag, make in (("prefloop", ours), ("bound", theirs)):
                adapter, server = make()
                row = asyncio.run(turn(bench, adapter, server, database, crowd, plan))
                if tag == "prefloop":
                    found.lost += row["check"]["lost"]
                    found.over_labelled += row["check"]["over_labelled_tasks"]
                found.rows.append(row | {"tag": tag})
                show(found.rows[-1])


def busy(server: Server) -> float:
    """CPU seconds of a product's workers and beat so far: imports, routing and settling labels."""
    import psutil

    spent = 0.0
    for name, pid in server.pids.items():
        if name.startswith(("worker", "beat")):
            for one in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
                times = one.cpu_times()
                spent += times.user + times.system
    return spent


def show(row: dict[str, Any]) -> None:
    check = row["check"]
    print(
        f"{row['tag']:>9} {row['annotators']:>3} raters  {row['labels_per_s']:>7.1f} labels/s  "
        f"next {row['next']['p50_ms']:>6.1f}/{row['next']['p95_ms']:>6.1f} ms  "
        f"submit {row['submit']['p50_ms']:>6.1f}/{row['submit']['p95_ms']:>6.1f} ms  "
        f"CPU {row['server_cpu_ms_per_label']} ms a label (web and database)  foreign {row['cores']['foreign']}  "
        f"lost {check['lost']}  over {check['over_labelled_tasks']}  errors {row['errors'] or 0}"
        + (f"  workers {row['background_ms_per_label']}" if "background_ms_per_label" in row else ""),
        flush=True,
    )


def next_by_size(bench: Any, make: Any, options: dict[str, str], plan: Plan, found: Found) -> None:
    """p50 of `next` for one rater, projects of different sizes taking turns. Only the items come by SQL."""
    from benchmarks import seed

    slugs = {}
    for size in plan.sizes:
        slugs[size] = f"of-{size}"
        made = seed.seed(slug=slugs[size], items=size, raters=1, mix=seed.FRESH, say=lambda words: print(words))
        Path(options["raters"]).with_suffix(f".{size}").write_text(made.tokens[1])
    seed.settle_statistics()
    took: dict[int, list[float]] = {size: [] for size in plan.sizes}

    async def block(size: int, first: bool) -> None:
        file = str(Path(options["raters"]).with_suffix(f".{size}"))
        adapter = make(**options | {"project": slugs[size], "raters": file})
        await adapter.open()
        try:
            record, _ = await bench.run_load(adapter, 1, 120, plan.per_block, 0, "", [])
        finally:
            await adapter.close()
        took[size] += [] if first else record.next

    for number in range(plan.blocks + 1):  # the first of each only warms caches and connections
        for size in plan.sizes if number % 2 else plan.sizes[::-1]:
            asyncio.run(block(size, not number))
    for size, seconds in took.items():
        found.next_p50_ms[str(size)] = round(median(seconds) * 1e3, 2)
        print(f"next at {size:>9,} items: p50 {found.next_p50_ms[str(size)]} ms of {len(seconds)} requests", flush=True)


def measure(plan: Plan) -> Found:
    """Runs all of it. Raises Absent."""
    bench, found = harness(), Found()
    with ExitStack() as stack:
        var = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="prefloop-bench-", ignore_cleanup_errors=True))
        )
        theirs, their_options = stack.enter_context(servers.bound(var))
        url = stack.enter_context(servers.database("prefloop_bench_labels"))
        ours = stack.enter_context(servers.product(url, var))
        stack.enter_context(servers.django_on(url, var))
        options = people(max(CROWDS), var)
        path = str(ROOT / "benchmarks" / "load_adapter.py")

        def adapter(**given: str) -> Any:
            return bench.load_adapter(path, ours.url, given)

        database = servers.postmaster(url)
        take_turns(
            bench,
            lambda: (adapter(**options), ours),
            lambda: (bench.load_adapter("minidjango", theirs.url, their_options), theirs),
            database,
            plan,
            found,
        )
        next_by_size(bench, adapter, options, plan, found)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_labels", description=__doc__)
    parser.add_argument("--seconds", type=float, default=Plan.seconds, help="of one turn")
    parser.add_argument("--rounds", type=int, default=Plan.rounds)
    parser.add_argument("--tasks", type=int, default=Plan.tasks)
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="items of the large project")
    given = parser.parse_args()
    sizes = (SIZES[0], given.largest)
    try:
        found = measure(Plan(seconds=given.seconds, rounds=given.rounds, tasks=given.tasks, sizes=sizes))
    except Absent as reason:
        print(f"Nothing was measured. {reason}")
        return 0
    print(json.dumps(found.line()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
