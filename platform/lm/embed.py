"""`python -m lm.embed <folder or hub id>`: a sentence encoder behind a pipe.

Reads JSON lines {"id", "texts": [...]}; writes {"id", "cosines"} for each: the cosine similarity of each pair of texts
(0,1), (0,2), … (1,2), …, in that order; or {"id", "error"}. A text's vector is the mean over its tokens of what the
last layer gives (Reimers & Gurevych, Sentence-BERT, 2019); long texts are cut.
"""

import json
import sys
from itertools import combinations
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel

from lm.batching import by_budget, pad
from lm.loading import Loaded, load

BUDGET = 16_384
"""Tokens of one forward pass, padding included."""
LONGEST = 512


def main(arguments: list[str]) -> int:
    """Exit codes: 0 done, 2 no usable model."""
    if len(arguments) != 1:
        print("usage: python -m lm.embed <folder or hub id>", file=sys.stderr)
        return 2
    output = sys.stdout
    sys.stdout = sys.stderr  # a library that prints must not break the protocol
    try:
        loaded = load(arguments[0], AutoModel, fresh_head=True)
    except Exception as fault:  # whatever it is, the caller is to read it
        print(f"the encoder cannot be loaded: {fault}", file=sys.stderr)
        return 2
    for answer in answers(loaded, [json.loads(line) for line in sys.stdin if line.strip()]):
        print(json.dumps(answer), file=output)
    output.flush()
    return 0


def answers(loaded: Loaded, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One answer a request, in order; the same text is read once."""
    texts = list(dict.fromkeys(text for request in requests for text in request["texts"]))
    places = {text: place for place, text in enumerate(texts)}
    vectors = embedded(loaded, texts)
    found = []
    for request in requests:
        own = vectors[[places[text] for text in request["texts"]]]
        alike = own @ own.T
        pairs = [round(float(alike[a, b]), 5) for a, b in combinations(range(len(own)), 2)]
        found.append({"id": request["id"], "cosines": pairs})
    return found


@torch.inference_mode()
def embedded(loaded: Loaded, texts: list[str]) -> Tensor:
    """(n, d) float32, each of length 1; an empty text is read as its special tokens alone."""
    longest = min(LONGEST, getattr(loaded.model.config, "max_position_embeddings", LONGEST))
    rows = loaded.tokenizer(texts, truncation=True, max_length=longest)["input_ids"] if texts else []
    rows = [row or [loaded.tokenizer.pad_token_id or 0] for row in rows]
    found = torch.zeros(len(rows), int(loaded.model.config.hidden_size))
    for batch in by_budget([len(row) for row in rows], BUDGET):
        ids, mask = pad([rows[i] for i in batch], loaded.tokenizer.pad_token_id or 0, loaded.device)
        states = loaded.model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        weight = mask.unsqueeze(-1).to(states.dtype)
        means = (states * weight).sum(dim=1) / weight.sum(dim=1)
        found[batch] = torch.nn.functional.normalize(means.float(), dim=-1).cpu()
    return found


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
