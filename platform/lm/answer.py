"""`python -m lm.answer <model folder>`: a causal language model behind a pipe that answers chats.

The first line is {"max_tokens", "temperature", "seed"}; each further one {"id", "messages"} and, where the reply shall
be one of a few, {"begins", "options"}: the model then says how likely it goes on with each. Writes, in any order,
{"id", "text", "finished", "tokens", "likely"}, or {"id", "logps"}, or {"id", "error"} for what it cannot answer.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from torch import inference_mode

from common.errors import DomainError
from lm.chat import Message, check, encode
from lm.generation import Sampling, Wanted, generate
from lm.likelihood import response_rows, sum_logps
from lm.loading import Loaded, load_causal

TOP = 5
AT_ONCE = 8
WHOLE = 10**9


def main(arguments: list[str]) -> int:
    """Answers all lines of the input. Exit codes: 0 done, 2 no usable model."""
    if len(arguments) != 1:
        print("usage: python -m lm.answer <model folder>", file=sys.stderr)
        return 2
    output = sys.stdout
    sys.stdout = sys.stderr  # a library that prints must not break the protocol
    try:
        loaded = load_causal(arguments[0])
    except Exception as fault:  # whatever it is, the caller is to read it
        print(f"the language model cannot be loaded: {fault}", file=sys.stderr)
        return 2
    lines = [json.loads(line) for line in sys.stdin if line.strip()]
    for answer in answers(loaded, lines[0], lines[1:]):
        print(json.dumps(answer), file=output)
        output.flush()
    return 0


def answers(loaded: Loaded, how: dict[str, Any], lines: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One answer a line."""
    room = getattr(loaded.model.config, "max_position_embeddings", None) or WHOLE
    fit, choices = [], []
    for line in lines:
        try:
            check(line["messages"])
            length = len(encode(loaded.tokenizer, line["messages"], [], None).prompt)
        except (DomainError, KeyError, TypeError, ValueError) as fault:
            yield {"id": line.get("id"), "error": f"not a chat: {fault}"}
            continue
        # Of a prompt that is cut the beginning is lost, which is what tells the judge what to do.
        if length + how["max_tokens"] > room:
            yield {"id": line["id"], "error": f"{length} tokens are too many for this model"}
        elif "options" in line:
            choices.append(line)
        else:
            fit.append(line)
    for line in choices:
        yield {"id": line["id"], "logps": continued(loaded, line["messages"], line["begins"], line["options"])}
    for seed in sorted({line.get("seed", 0) for line in fit}):
        wanted = [Wanted(line["id"], line["messages"]) for line in fit if line.get("seed", 0) == seed]
        sampling = Sampling(
            temperature=how["temperature"],
            max_new_tokens=how["max_tokens"],
            max_prompt_tokens=room,
            batch_size=AT_ONCE,
            top=TOP,
        )
        for one in generate(loaded, wanted, sampling, seed=seed):
            said = {"id": one.key, "text": one.text, "finished": one.finished, "tokens": one.tokens}
            yield said | {"likely": one.likely}


@inference_mode()
def continued(loaded: Loaded, messages: Sequence[Message], begins: str, options: Sequence[str]) -> list[float]:
    """log P(`begins` + option | chat) of each option."""
    prompt = encode(loaded.tokenizer, messages, [], None).prompt
    rows = [loaded.tokenizer(begins + option, add_special_tokens=False)["input_ids"] for option in options]
    filler = loaded.tokenizer.pad_token_id or 0
    ids, mask, wanted = response_rows([prompt] * len(rows), rows, filler, loaded.device)
    return [float(one) for one in sum_logps(loaded.model, ids, mask, wanted)]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
