"""TRL's side of the training benchmarks: its trainers as they are, given the same tokens in the same order."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import trl
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, PrinterCallback

from benchmarks.train_setting import read_pairs
from benchmarks.train_turns import Turns
from training_bridge.trainer.trainer import Steps


def rows_of(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """TRL's rows of the pairs, in the order in which our steps take them."""
    steps = Steps(read_pairs(Path(spec["pairs"])), batch_size=spec["pairs_each"], epochs=1, seed=spec["seed"])
    ordered = [group for step in range(len(steps)) for group in steps[step]]
    if spec["task"] == "reward":
        return [
            {"chosen_ids": [*one.prompt, *one.responses[0]], "rejected_ids": [*one.prompt, *one.responses[1]]}
            for one in ordered
        ]
    return [
        {"prompt_ids": one.prompt, "chosen_ids": one.responses[0], "rejected_ids": one.responses[1]} for one in ordered
    ]


def arguments_of(spec: Mapping[str, Any]) -> Any:
    """Its settings: those that both sides have are the same, all others are its own."""
    reward = spec["task"] == "reward"
    kind = trl.RewardConfig if reward else trl.DPOConfig
    reference = {"precompute_ref_log_probs": True, "precompute_ref_batch_size": 2, "beta": 0.1}
    more = {"disable_dropout": True} if reward else reference
    return kind(
        output_dir=spec["output"],
        per_device_train_batch_size=spec["batch"],
        gradient_accumulation_steps=spec["pairs_each"] // spec["batch"],
        train_sampling_strategy="sequential",
        num_train_epochs=1,
        learning_rate=spec["learning_rate"],
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        optim="adamw_torch",
        bf16=spec.get("precision") == "bfloat16",
        use_cpu=spec["device"] == "cpu",
        gradient_checkpointing=spec.get("gradient_checkpointing", False),
        max_length=None,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=spec["device"] == "cuda",
        seed=spec["seed"],
        **more,
    )


def trainer_of(spec: Mapping[str, Any], turns: Turns | None = None, *, dtype: str = "float32") -> Any:
    """Its trainer, ready to train. Tokens are given, so preparing texts is left out, and nothing else."""
    reward = spec["task"] == "reward"
    base: Any = trl.RewardTrainer if reward else trl.DPOTrainer

    class Told(base):  # type: ignore[misc]
        total = 0.0

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def training_step(self, *given: Any, **named: Any) -> torch.Tensor:
            loss: torch.Tensor = super().training_step(*given, **named)
            self.total += loss.detach()
            return loss

        def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
            super().log(logs, start_time)
            if "loss" in logs and turns is not None:
                loss, self.total = float(self.total), 0.0
                turns.stepped(loss)

    torch.manual_seed(spec["seed"])
    auto, more = (AutoModelForSequenceClassification, {"num_labels": 1}) if reward else (AutoModelForCausalLM, {})
    if spec.get("attention"):
        more["attn_implementation"] = spec["attention"]
    model = auto.from_pretrained(spec["model"], dtype=getattr(torch, dtype), **more)
    tokenizer = AutoTokenizer.from_pretrained(spec["model"])
    model.config.pad_token_id = tokenizer.pad_token_id
    adapter = None
    if spec.get("trains") == "adapter":
        adapter = LoraConfig(
            r=16, lora_alpha=32, target_modules="all-linear", modules_to_save=["score"] if reward else None,
            task_type="SEQ_CLS" if reward else "CAUSAL_LM",
        )  # fmt: skip
    made = Told(
        model=model,
        args=arguments_of(spec),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(rows_of(spec)),
        peft_config=adapter,
    )
    made.remove_callback(PrinterCallback)
    return made


def work(spec: Mapping[str, Any]) -> None:
    """Trains until told to stop."""
    turns = Turns(spec["device"])
    trainer = trainer_of(spec, turns, dtype=spec.get("frozen_weights", "float32"))
    turns.ready()
    trainer.train()
