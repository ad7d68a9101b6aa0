"""`python -m lm.score <model folder>`: a reward model behind a pipe.

Reads JSON lines {"id", "messages"} whose last message is the response; writes {"id", "score"} for each, in order, or
{"id", "error"} for a line it cannot score. Answers as lines come, so a caller may keep the pipe open.
"""

import json
import sys
from collections.abc import Iterator
from queue import Empty, Queue
from threading import Thread
from typing import Any

from common.errors import DomainError
from lm.chat import check
from lm.loading import Loaded, load_reward
from lm.scoring import score

AT_ONCE = 64


def main(arguments: list[str]) -> int:
    """Serves until the input ends. Exit codes: 0 done, 2 no usable model."""
    if len(arguments) != 1:
        print("usage: python -m lm.score <model folder>", file=sys.stderr)
        return 2
    output = sys.stdout
    sys.stdout = sys.stderr  # a library that prints must not break the protocol
    try:
        loaded = load_reward(arguments[0])
    except Exception as fault:  # whatever it is, the caller is to read it
        print(f"the reward model cannot be loaded: {fault}", file=sys.stderr)
        return 2
    for lines in _together():
        for answer in _answers(loaded, lines):
            print(json.dumps(answer), file=output)
        output.flush()
    return 0


def _together() -> Iterator[list[str]]:
    """What has arrived, at most AT_ONCE lines: waits for the first, takes what else is there."""
    waiting: Queue[str | None] = Queue(maxsize=4 * AT_ONCE)
    Thread(target=_read, args=(waiting,), daemon=True).start()
    while (line := waiting.get()) is not None:
        lines = [line]
        while len(lines) < AT_ONCE:
            try:
                more = waiting.get_nowait()
            except Empty:
                break
            if more is None:
                waiting.put(None)  # for the outer loop
                break
            lines.append(more)
        yield lines


def _read(waiting: "Queue[str | None]") -> None:
    for line in sys.stdin:
        if line.strip():
            waiting.put(line)
    waiting.put(None)


def _answers(loaded: Loaded, lines: list[str]) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    good, conversations = [], []
    for line in lines:
        answer: dict[str, Any] = {"id": None}
        answers.append(answer)
        try:
            request = json.loads(line)
            answer["id"] = request.get("id")
            messages = request["messages"]
            conversation = (messages[:-1], messages[-1:])
            check(messages)
        except (DomainError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
            answer["error"] = f"not a conversation: {fault}"
            continue
        good.append(answer)
        conversations.append(conversation)
    for answer, value in zip(good, score(loaded, conversations) if good else [], strict=True):
        answer["score"] = value
    return answers


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
