"""Questions on their way together: their requests out at once, each reply handed to the question it belongs to."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from common.words import gettext_noop
from routing.judges import Answer, Question, refusal
from routing.judges.asking import Asking, Reply, Request
from routing.judges.endpoint import Silent


@dataclass(frozen=True)
class Fetched:
    request: Request
    reply: Reply
    tokens: int
    cost: float


@dataclass
class Job:
    """One question on its way: what it has cost, what is out, and why it has to be tried another time."""

    question: Question
    asking: Asking
    tokens: int = 0
    cost: float = 0.0
    fault: str = ""
    out: set[Future[Fetched]] = field(default_factory=set)

    def took(self, future: Future[Fetched]) -> None:
        self.out.discard(future)
        try:
            found = future.result()
            self.tokens, self.cost = self.tokens + found.tokens, self.cost + found.cost
            self.asking.take(found.request, found.reply)
        except Silent as fault:
            self.fault = self.fault or str(fault)
        except Exception as fault:  # what one question does must not lose the others
            why = gettext_noop("The judge failed: %(kind)s: %(fault)s")
            self.fault = self.fault or why % {"kind": type(fault).__name__, "fault": fault}

    def answer(self) -> Answer:
        if self.fault:
            spent: dict[str, Any] = {"tokens": self.tokens, "cost": self.cost, "orders": self.asking.records}
            return refusal(self.question, self.fault[:500], passing=True, **spent)
        return self.asking.answer(tokens=self.tokens, cost=self.cost)


class Batch:
    """Jobs whose requests are out. The first request of every job goes before the second of any: what is lost early
    costs less."""

    def __init__(self, pool: ThreadPoolExecutor, fetch: Callable[[Request], Fetched], jobs: Sequence[Job]) -> None:
        self.running: dict[Future[Fetched], Job] = {}
        self._pool, self._fetch = pool, fetch
        for row in zip_longest(*([(job, request) for request in job.asking.due()] for job in jobs)):
            for job, request in filter(None, row):
                self._put(job, request)

    def _put(self, job: Job, request: Request) -> None:
        future = self._pool.submit(self._fetch, request)
        self.running[future] = job
        job.out.add(future)

    def took(self, done: Iterable[Future[Fetched]]) -> Iterator[Job]:
        """Hands replies to their jobs and puts out what they ask next; the jobs that are through."""
        for future in done:
            job = self.running.pop(future)
            job.took(future)
            if job.fault or job.asking.over:
                for waiting in [one for one in job.out if one.cancel()]:
                    job.out.discard(waiting)
                    del self.running[waiting]
            else:
                for request in job.asking.due():
                    self._put(job, request)
            if not job.out:
                yield job

    def given_up(self) -> list[Job]:
        return list({id(job): job for job in self.running.values()}.values())
