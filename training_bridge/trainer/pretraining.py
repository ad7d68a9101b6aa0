"""A tiny causal model from a configuration, and its tokenizer, trained on a text file."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from common.words import gettext_noop as _
from lm.chat import text_of
from lm.loading import Loaded, best_device, save
from training_bridge.methods import METHODS
from training_bridge.methods.interface import Context, ModelFolder, Refused, Result
from training_bridge.methods.pretrain import PretrainConfig
from training_bridge.trainer.checkpoints import without_dropout
from training_bridge.trainer.files import read_documents
from training_bridge.trainer.trainer import fit

# Methods that do not learn from a snapshot.
APART = {"pretrain", "respond", "evaluate", "reward_expression", "best_of_n"}
PAD, END, ROLES = "<|pad|>", "<|end|>", ("system", "user", "assistant")
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
UNSEEN = -100  # is learnt nowhere
Document = str | Sequence[Mapping[str, Any]]


class NextToken:
    """Cross-entropy of the next token over blocks of one length, or shorter."""

    def __init__(self, device: torch.device, token_budget: int) -> None:
        self.device, self.token_budget = device, token_budget

    def begin(self, model: nn.Module, items: Sequence[Tensor], step: int) -> None:
        """Every block is read for itself."""

    def pieces(self, items: Sequence[Tensor]) -> Iterator[list[Tensor]]:
        each = max(1, self.token_budget // max(map(len, items)))
        for start in range(0, len(items), each):
            yield list(items[start : start + each])

    def weight(self, items: Sequence[Tensor]) -> float:
        return float(self.tokens(items) - len(items))

    def tokens(self, items: Sequence[Tensor]) -> int:
        return sum(len(item) for item in items)

    def loss(self, model: nn.Module, items: Sequence[Tensor]) -> tuple[Tensor, dict[str, float]]:
        ids = pad_sequence(list(items), batch_first=True).to(self.device)  # on the right, where nothing sees it
        wanted = pad_sequence([item[1:] for item in items], batch_first=True, padding_value=UNSEEN).to(self.device)
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits.float()
        return cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="sum", ignore_index=UNSEEN), {}


def pretrain(context: Context, config: PretrainConfig) -> Result:
    """Learns the tokenizer from all documents, then the model from blocks of their tokens, end to end."""
    if config.hidden_size % config.heads:
        raise Refused(
            _("%(heads)s heads do not divide a width of %(hidden_size)s.")
            % {"heads": config.heads, "hidden_size": config.hidden_size}
        )
    documents = list(read_documents(context.input["text"]))
    context.phase(_("Learning the tokens of %(documents)s documents") % {"documents": len(documents)})
    tokenizer = learn_tokenizer(documents, config.vocabulary)
    blocks = list(_blocks(tokenizer, documents, config.max_length))
    if len(blocks) < 2 or len(blocks[1]) < config.max_length:
        raise Refused(_("The text is too short: it does not fill two blocks."))
    torch.manual_seed(context.seed)
    loaded = Loaded(_model(tokenizer, config), tokenizer)
    context.phase(
        _("Reading %(blocks)s blocks of %(max_length)s tokens")
        % {"blocks": len(blocks), "max_length": config.max_length}
    )
    without_dropout(loaded.model)
    last = fit(context, config, loaded.model, blocks, NextToken(loaded.device, config.token_budget))
    folder = context.output / "model"
    save(loaded, folder)
    values = {"train_loss": last.get("loss"), "parameters": loaded.model.num_parameters(), "vocabulary": len(tokenizer)}
    made = {"method": "pretrain", "suggested": suggested(config.max_length)}
    return Result(values, ModelFolder(str(folder), "policy", made))


def suggested(max_length: int) -> dict[str, dict[str, Any]]:
    """Settings of the methods that may follow, by key, for a model this small that follows `max_length` tokens.

    The methods' own defaults are for models a thousand times its size, whose learning rates would leave it unmoved.
    """
    preferring = {"learning_rate": 1e-3, "epochs": 3, "batch_size": 16, "max_length": max_length + 16}
    learning = {key: preferring for key in METHODS if key not in APART}
    answering = {"max_new_tokens": 2 * max_length // 3, "batch_size": 64}
    return learning | {
        "dpo": preferring | {"beta": 0.3, "label_smoothing": 0.1},
        "chain_of_hindsight": preferring | {"max_length": 2 * max_length + 16},
        "rationale_dpo": preferring | {"max_length": 2 * max_length + 16},
        "reward_aspects": preferring | {"gate_width": 32, "gate_depth": 1},
        "respond": answering | {"max_prompt_tokens": max_length // 3},
        "best_of_n": answering | {"max_prompt_tokens": max_length // 3},
        "evaluate": answering | {"max_length": max_length + 16},
    }


def learn_tokenizer(documents: Sequence[Document], vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE of at most `vocabulary` tokens with a chat template; any text can be spelt in it."""
    special = [PAD, END, *(f"<|{role}|>" for role in ROLES)]
    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learned.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    learned.train_from_iterator((text for document in documents for text in _texts(document)), trainer)
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        tokenizer_object=learned, eos_token=END, pad_token=PAD
    )
    tokenizer.add_special_tokens({"additional_special_tokens": special[2:]})
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _texts(document: Document) -> list[str]:
    return [document] if isinstance(document, str) else [text_of(message) for message in document]


def _blocks(tokenizer: PreTrainedTokenizerFast, documents: Sequence[Document], length: int) -> Iterator[Tensor]:
    """All documents end to end, in token blocks [length], the last of which may be shorter.

    Each begins with the last token of the one before, so that every token but the very first is foretold once.
    """
    block: list[int] = []
    for document in documents:
        if isinstance(document, str):
            text = f"{document}{END}"
        else:
            text = str(tokenizer.apply_chat_template([dict(message) for message in document], tokenize=False))
        block += tokenizer(text, add_special_tokens=False)["input_ids"]
        start = 0
        while len(block) - start > length:
            yield torch.tensor(block[start : start + length])
            start += length - 1
        block = block[start:]
    if len(block) > 1:
        yield torch.tensor(block)


def _model(tokenizer: PreTrainedTokenizerFast, config: PretrainConfig) -> Qwen2ForCausalLM:
    shape = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=config.hidden_size,
        intermediate_size=4 * config.hidden_size,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        max_position_embeddings=4 * config.max_length,
        tie_word_embeddings=True,
        initializer_range=0.5 * config.hidden_size**-0.5,  # the usual 0.02 is meant for widths of hundreds to thousands
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen2ForCausalLM(shape)
    model.to(best_device())  # type: ignore[arg-type]  # mypy takes the decorated method for a function
    return model
