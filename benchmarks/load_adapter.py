"""Prefloop for the load harness in `../shared/bench/load`: its public HTTP API, an API token per person, no shortcut.

    python bench.py --adapter ../../../main/benchmarks/load_adapter.py --url http://127.0.0.1:8000 \\
        --opt token=<of somebody who may create projects> --opt raters=<file: one writing token a line> …

People and their tokens are an operator's business (`manage.py create_person`, `create_token`), so they are given.
All else goes over HTTP: the project, the import, the routing plan, invitations, joining, next, submit, export.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

import aiohttp
from adapter import Adapter, Label, Refused, Task, pair

SETUP_SECONDS = 300
# The number that `pair` writes into its prompt: what a rater is shown names no item.
NUMBER = re.compile(r"Question (\d+):")
CHOICES = {"left": "A", "right": "B"}


def record(i: int, labelled: bool) -> dict[str, Any]:
    """One line of the native import format."""
    texts = pair(i)
    row: dict[str, Any] = {
        "external_id": f"pair-{i}",
        "prompt": texts["prompt"],
        "responses": [{"id": side, "text": texts[side]} for side in ("left", "right")],
    }
    if labelled:
        side = "left" if i % 2 else "right"
        verdict = {"kind": "comparison", "annotator": "recorded", "annotator_kind": "human", "choice": side}
        row["feedback"] = [verdict | {"left": "left", "right": "right", "strength": 1}]
    return row


class Prefloop(Adapter):
    """Options: `token`, `raters` (see above); `project`: a slug that is there already, for which setup does nothing."""

    name = "prefloop"

    async def open(self) -> None:
        self.http = aiohttp.ClientSession(
            self.base_url,
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=600),
        )
        self.admin = {"Authorization": f"Token {self.options['token']}"}
        self.tokens = Path(self.options["raters"]).read_text().split()
        self.slug = self.options.get("project", "")
        self.given = bool(self.slug)
        self.joined: set[int] = set()

    async def close(self) -> None:
        await self.http.close()

    async def call(self, method: str, path: str, who: dict[str, str], **body: Any) -> tuple[int, Any]:
        async with self.http.request(method, f"/api/v1{path}", headers=who, **body) as answer:
            text = await answer.read()
            if answer.status >= 400:
                raise Refused(answer.status, text.decode(errors="replace"))
            return answer.status, json.loads(text) if text else None

    async def setup(self, n_tasks: int, overlap: int = 1, labelled: int = 0) -> None:
        if self.given:
            return
        self.joined.clear()
        body = {"name": "Bench", "overlap": overlap}
        _, made = await self.call("POST", "/projects/", self.admin, json=body)
        self.slug = made["slug"]
        plan = {"policy": "all_human"}
        await self.call("POST", f"/projects/{self.slug}/routing/plans/", self.admin, json=plan)
        form = aiohttp.FormData()
        form.add_field("format", "native")
        lines = "\n".join(json.dumps(record(i, i < labelled)) for i in range(n_tasks))
        form.add_field("files", lines.encode(), filename="pairs.jsonl", content_type="application/x-ndjson")
        _, made = await self.call("POST", f"/projects/{self.slug}/imports/", self.admin, data=form)
        await self._until(f"/imports/{made['id']}/", lambda told: told["state"] == "succeeded")
        await self._until("/progress/", lambda told: told["items"]["new"] == 0)

    async def _until(self, path: str, ready: Any) -> None:
        """An import and the routing go on in workers; both say how far they are. Setting up is not timed."""
        ends = time.monotonic() + SETUP_SECONDS
        while True:
            _, told = await self.call("GET", f"/projects/{self.slug}{path}", self.admin)
            if ready(told):
                return
            if told.get("state") in {"rejected", "failed"} or time.monotonic() > ends:
                raise RuntimeError(f"{path} did not come to its end: {told}")
            await asyncio.sleep(0.5)

    async def login(self, annotator_i: int) -> dict[str, str]:
        """The rater's own token; they join by an invitation, as anybody does."""
        who = {"Authorization": f"Token {self.tokens[annotator_i]}"}
        if not self.given and annotator_i not in self.joined:
            _, made = await self.call("POST", f"/projects/{self.slug}/invitations/", self.admin, json={"role": "rater"})
            secret = made["link"].rstrip("/").rpartition("/")[2]
            await self.call("POST", f"/invitations/{secret}/", who)
            self.joined.add(annotator_i)
        return who

    async def next_task(self, session: dict[str, str]) -> Task | None:
        status, told = await self.call("POST", f"/projects/{self.slug}/next/", session)
        if status == 204:
            return None
        number = NUMBER.match(told["messages"][0]["text"])
        assert number is not None, told
        return Task(f"pair-{number[1]}", told)

    async def submit(self, session: dict[str, str], task: Task, label: str) -> None:
        answer = {"choice": CHOICES[label], "strength": 1}
        body = {"token": task.payload["token"], "values": {task.payload["form"][0]["name"]: answer}}
        await self.call("POST", f"/projects/{self.slug}/annotations/", session, json=body)

    async def export(self, path: str) -> int:
        size = 0
        address = f"/api/v1/projects/{self.slug}/annotations/export/"
        async with self.http.get(address, headers=self.admin) as answer:
            if answer.status != 200:
                raise Refused(answer.status, await answer.text())
            with Path(path).open("wb") as file:
                async for chunk in answer.content.iter_chunked(1 << 16):
                    size += file.write(chunk)
        return size

    def read_export(self, path: str) -> list[Label]:
        with Path(path).open() as file:
            rows = [json.loads(line) for line in file if line.strip()]
        return [Label(row["external_id"], row["rater"], row["values"]["preference"]["choice"]) for row in rows]


ADAPTER = Prefloop
