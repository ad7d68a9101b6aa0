"""`python -m lm.score <model folder>`: a reward model behind a pipe.

Reads JSON lines {"id", "messages"} whose last message is the response; writes {"id", "score"} for each, in order, or
{"id", "error"} for a line it cannot score. With `--tokens` an answer has "tokens" as well: {"start", "end", "reward"}
of each, start and end in code points of the response's text (end exclusive), null for a token that is none of it (the
end token). Answers as lines come, so a caller may keep the pipe open.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from queue import Empty, Queue
from threading import Thread
from typing import Any

from common.errors import DomainError
from lm.chat import Message, check, encode, response_places
from lm.loading import Loaded, load_reward
from lm.scoring import raw_scores, rewards_by_token

AT_ONCE = 64


def main(arguments: list[str]) -> int:
    """Serves until the input ends. Exit codes: 0 done, 2 no usable model, or arguments that cannot be read."""
    asked = _parser().parse_args(arguments)
    output = sys.stdout
    sys.stdout = sys.stderr  # a library that prints must not break the protocol
    try:
        loaded = load_reward(asked.folder)
    except Exception as fault:  # whatever it is, the caller is to read it
        print(f"the reward model cannot be loaded: {fault}", file=sys.stderr)
        return 2
    for lines in _together():
        for answer in _answers(loaded, lines, asked.max_length, tokens=asked.tokens):
            print(json.dumps(answer), file=output)
        output.flush()
    return 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m lm.score", description="Scores JSON lines {id, messages}.")
    made.add_argument("folder", help="of a reward model")
    made.add_argument("--tokens", action="store_true", help="the reward of each token of the response as well")
    made.add_argument(
        "--max-length", type=_length, default=1024, help="tokens of prompt and response that are read (1024)"
    )
    return made


def _length(text: str) -> int:
    """A number of tokens. Raises ValueError for one that leaves no room for prompt and response."""
    if int(text) < 2:
        raise ValueError
    return int(text)


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


def _answers(loaded: Loaded, lines: list[str], max_length: int = 1024, *, tokens: bool = False) -> list[dict[str, Any]]:
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
            encode(loaded.tokenizer, messages[:-1], [messages[-1:]], max_length)  # its template may refuse it
        except (DomainError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
            answer["error"] = f"not a conversation: {fault}"
            continue
        good.append(answer)
        conversations.append(conversation)
    values = raw_scores(loaded, conversations, max_length=max_length) if good else []
    for answer, conversation, value in zip(good, conversations, values, strict=True):
        if not math.isfinite(value):
            answer["error"] = "the score is no number"
            continue
        try:
            found = {"tokens": _tokens(loaded, *conversation, max_length)} if tokens else {}
        except DomainError as fault:  # e.g. a tokenizer that cannot tell where its tokens stand
            answer["error"] = f"no rewards by token: {fault}"
            continue
        answer |= {"score": value} | found
    return answers


def _tokens(
    loaded: Loaded, prompt: Sequence[Message], response: Sequence[Message], max_length: int
) -> list[dict[str, Any]]:
    """Where each token that is read stands in the response's text, and its reward."""
    values = rewards_by_token(loaded, prompt, response, max_length=max_length)
    places = response_places(loaded.tokenizer, prompt, response)[: len(values)]
    inside = [(start, end) if start < end else (None, None) for start, end in places]
    return [{"start": start, "end": end, "reward": one} for (start, end), one in zip(inside, values, strict=True)]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
