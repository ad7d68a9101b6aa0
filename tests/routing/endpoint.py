"""An endpoint on loopback that speaks the OpenAI chat-completions protocol, and misbehaves on demand.

`Endpoint.behave`: what it does with the next requests, one entry each; when empty what `always` says, or `models` for
the model that is asked for; by default it prefers the longer response. `Endpoint.says`: its answer to other questions,
of the data that it is shown; `Endpoint.sure`: how likely its log-probabilities make its choice, of the same data.
`Endpoint.met`: is told the port of whoever connects. `requests`: all that came; `served`: those that were answered.
"""

import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def judged(body: dict[str, Any]) -> dict[str, Any]:
    """The data between the fences of a request, decoded as a reader of JSON would."""
    return judged_in(body["messages"][-1]["content"])


def judged_in(content: str) -> dict[str, Any]:
    """The same of what the judge is told last."""
    found = re.search(r"^(DATA-[0-9a-f]+)\n(.*)\n\1$", content, re.DOTALL | re.MULTILINE)
    assert found, content
    return json.loads(found.group(2))


class Endpoint:
    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.served: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.behave: list[str] = []
        self.always = "longer"
        self.models: dict[str, str] = {}
        self.says: Callable[[dict[str, Any]], Any] | None = None
        self.sure: Callable[[dict[str, Any]], float] = lambda data: 0.9
        self.met: Callable[[int], None] = lambda port: None
        self.came: list[float] = []
        self.released = threading.Event()
        self.url = ""

    def reply(self, body: dict[str, Any]) -> str:
        """An honest judge that likes the longer response; `first` always says A, whatever it reads."""
        data = judged(body)
        if self.says:
            return json.dumps(self.says(data))
        longer = "A" if len(data["response_A"]) >= len(data["response_B"]) else "B"
        choice = "A" if self.always == "first" else longer
        return json.dumps({"choice": choice, "strength": 1, "rationale": "It says more."})

    def completion(self, text: str, sure: float = 0.9, **extra: Any) -> bytes:
        letter = json.loads(text)["choice"] if text.startswith("{") and "choice" in text else "A"
        tokens = [
            {"token": '{"choice": "', "top_logprobs": []},
            {
                "token": letter,
                "top_logprobs": [
                    {"token": letter, "logprob": math.log(sure)},
                    {"token": "B" if letter == "A" else "A", "logprob": math.log(1 - sure)},
                ],
            },
        ]
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        body = {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [choice | {"logprobs": {"content": tokens}} | extra],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        }
        return json.dumps(body).encode()


class Handler(BaseHTTPRequestHandler):
    server: "Server"
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.endpoint.met(self.client_address[1])

    def log_message(self, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        endpoint = self.server.endpoint
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        endpoint.requests.append(body)
        endpoint.came.append(time.monotonic())
        endpoint.keys.append(self.headers.get("Authorization", ""))
        act = endpoint.behave.pop(0) if endpoint.behave else endpoint.models.get(body["model"], endpoint.always)
        getattr(self, f"act_{act}", self.act_answer)(endpoint, body)

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def act_answer(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(200, endpoint.completion(endpoint.reply(body), endpoint.sure(judged(body))))
        endpoint.served.append(body)

    def act_dead(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        """Hangs up without a word."""
        self.close_connection = True

    def act_busy(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(429, b'{"error": {"message": "slow down"}}', Retry_After="0")

    def act_busy_bare(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(429, b"")

    def act_later(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(429, b"", Retry_After="0.4")

    def act_tomorrow(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(503, b"", Retry_After=formatdate(time.time() + 86_400, usegmt=True))

    def act_broken(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(500, b'{"error": "oh"}')

    def act_uncounted(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        found = json.loads(endpoint.completion(endpoint.reply(body)))
        self.send(200, json.dumps({key: one for key, one in found.items() if key != "usage"}).encode())

    def act_forbidden(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(401, b'{"error": {"message": "who are you"}}')

    def act_hang(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        endpoint.released.wait(20)

    def act_trickle(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        while not endpoint.released.wait(0.2):
            self.wfile.write(b" ")
            self.wfile.flush()

    def act_garbage(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(200, b"<html>\xff\x00 not json")

    def act_endless(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(200, b"[" + b"1," * 2_000_000 + b"1]")

    def act_half(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        whole = endpoint.completion(endpoint.reply(body))
        self.send_response(200)
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole[: len(whole) // 2])
        self.close_connection = True

    def act_half_once(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        """Breaks off the first time that it is asked about something."""
        again = sum(judged(body) == judged(one) for one in endpoint.requests) > 1
        (self.act_answer if again else self.act_half)(endpoint, body)

    def act_redirect(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(307, b"", Location=endpoint.url.replace("127.0.0.1", "localhost") + "/chat/completions")

    def act_chatty(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(200, endpoint.completion(f"Sure! {endpoint.reply(body)}"))

    def act_extra(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(200, endpoint.completion(json.dumps({"choice": "A", "strength": 1, "also": "B"})))

    def act_both(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(200, endpoint.completion('{"choice": "A", "choice": "B", "strength": 1}'.replace("A", "A")))

    def act_cut(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        self.send(200, endpoint.completion(endpoint.reply(body), finish_reason="length"))

    def act_tool(self, endpoint: Endpoint, body: dict[str, Any]) -> None:
        message = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "fetch"}}]}
        self.send(200, endpoint.completion("{}", message=message, finish_reason="tool_calls"))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    endpoint: Endpoint

    def handle_error(self, *args: Any) -> None:
        """A client that has hung up is the point of some tests."""


@contextmanager
def serving(port: int = 0) -> Iterator[Endpoint]:
    server = Server(("127.0.0.1", port), Handler)
    server.endpoint = endpoint = Endpoint()
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
