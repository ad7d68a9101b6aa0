"""FeedbackTrainer: transformers' Trainer whose data-loader item is one optimiser step's list of items.

Cutting a step into pieces that fit into memory happens inside the step, so it cannot change the trajectory. Which items
make a step is a pure function of seed and step, so resuming needs no sampler state. Checkpoints hold no pickle.
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.modeling_utils import PreTrainedModel

from common.words import gettext_noop
from training_bridge.methods import checkpoints
from training_bridge.methods.interface import Cancelled, Context, Refused
from training_bridge.methods.objectives import Objective
from training_bridge.methods.settings import Optimisation

SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


class Steps(Dataset[list[Any]]):
    """The items of each optimiser step: every epoch is its own shuffle, drawn from the seed and the epoch's number."""

    def __init__(self, items: Sequence[Any], *, batch_size: int, epochs: float, seed: int) -> None:
        self.items, self.batch_size, self.seed = items, batch_size, seed
        self.an_epoch = math.ceil(len(items) / batch_size)
        self.count = math.ceil(epochs * self.an_epoch)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, step: int) -> list[Any]:
        epoch, place = divmod(step, self.an_epoch)
        order = torch.randperm(len(self.items), generator=torch.Generator().manual_seed(self.seed * 1_000_003 + epoch))
        return [self.items[i] for i in order[place * self.batch_size : (place + 1) * self.batch_size].tolist()]


def fit(
    context: Context, config: Optimisation, model: nn.Module, items: Sequence[Any], objective: Objective[Any]
) -> dict[str, float]:
    """Trains `model` in place; returns the last step's measures. Raises Cancelled when stopped, a checkpoint behind it.

    Resumes from `context.checkpoint` where its files are whole; else starts over, which ends in the same weights.
    """
    if config.gradient_checkpointing and isinstance(model, PreTrainedModel):
        model.gradient_checkpointing_enable()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    steps = Steps(items, batch_size=config.batch_size, epochs=config.epochs, seed=context.seed)
    context.total(len(steps))
    trainer = FeedbackTrainer(context, config, model, steps, objective)
    trainer.train(resume_from_checkpoint=_usable(context))
    if context.stop_requested():
        raise Cancelled
    model.eval()
    return trainer.measured


def _usable(context: Context) -> str | None:
    if context.checkpoint is None:
        return None
    folder = Path(context.checkpoint["path"])
    if not folder.is_dir() or checkpoints.digest_of(folder) != context.checkpoint["sha256"]:
        context.log(f"The checkpoint of step {context.checkpoint['step']} is missing or damaged: starting over.")
        return None
    context.log(f"Resuming after step {context.checkpoint['step']}.")
    return str(folder)


def _arguments(context: Context, config: Optimisation, steps: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(context.output / "checkpoints"),
        max_steps=steps,
        per_device_train_batch_size=1,
        learning_rate=config.learning_rate,
        lr_scheduler_type=SCHEDULES[config.schedule],
        warmup_steps=round(config.warmup * steps),
        weight_decay=config.weight_decay,
        adam_beta2=config.beta2,
        max_grad_norm=config.max_grad_norm,
        optim="adamw_torch",
        bf16=config.precision == "bfloat16",
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=config.checkpoint_every,
        seed=context.seed,
        disable_tqdm=True,
        report_to=[],
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )


class _StopWhenAsked(TrainerCallback):
    def __init__(self, context: Context) -> None:
        self.context = context

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.context.stop_requested():
            control.should_save = control.should_training_stop = True


class FeedbackTrainer(Trainer):
    """One process, one device. `measured` holds the last step's measures."""

    def __init__(
        self, context: Context, config: Optimisation, model: nn.Module, steps: Steps, objective: Objective[Any]
    ) -> None:
        arguments = _arguments(context, config, len(steps))
        arguments._n_gpu = min(arguments.n_gpu, 1)  # else Trainer wraps the model in nn.DataParallel by itself
        super().__init__(model=model, args=arguments, callbacks=[_StopWhenAsked(context)])
        self.remove_callback(PrinterCallback)
        self.context = context
        self.steps = steps
        self.objective: Objective[Any] = objective
        self.network = model
        self.checkpoints = context.output / "checkpoints"
        self.measured: dict[str, float] = {}
        self._began = time.monotonic()

    def get_train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.steps, batch_size=1, collate_fn=_only)

    def training_step(self, model: nn.Module, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """One optimiser step's forward and backward passes, piece by piece. Returns the step's mean loss, a scalar."""
        self._began = time.monotonic()
        model.train()
        weight = self.objective.weight(inputs)
        if not weight > 0:
            raise Refused(
                gettext_noop("All that a step reads weighs nothing: the snapshot's weights leave nothing to learn.")
            )
        self.objective.begin(model, inputs)
        total, measures = torch.zeros((), device=self.args.device), dict[str, float]()
        for piece in self.objective.pieces(inputs):
            loss, sums = self.objective.loss(model, piece)
            self.accelerator.backward(loss / weight)
            total += loss.detach() / weight
            for name, value in sums.items():
                measures[name] = measures.get(name, 0.0) + value / weight
        if not math.isfinite(float(total)):
            raise Refused(
                gettext_noop("The loss is no longer a number at step %(global_step)s: lower the learning rate.")
                % {"global_step": self.state.global_step + 1}
            )
        self.measured = {"loss": float(total), **measures, "tokens": float(self.objective.tokens(inputs))}
        return total

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Reports each step; Trainer's own summary at the end is left out."""
        if "learning_rate" not in logs:
            return
        self.measured |= {"learning_rate": logs["learning_rate"], "grad_norm": float(logs.get("grad_norm", 0.0))}
        seconds = max(time.monotonic() - self._began, 1e-6)
        values = {key: value for key, value in self.measured.items() if key != "tokens"}
        rate = self.measured["tokens"] / seconds
        self.context.metrics(self.state.global_step, {**values, "tokens_per_second": round(rate, 1)})

    def floating_point_ops(self, inputs: Any) -> int:
        return 0  # Trainer's estimate reads a dict of tensors, which a step's items are not

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        folder = self.checkpoints / f"checkpoint-{self.state.global_step}"
        digest = checkpoints.write(folder, self._fill)
        self.context.saved(folder, self.state.global_step, digest)
        checkpoints.forget_older(folder.parent)

    def _fill(self, folder: Path) -> None:
        save_model(self.network, str(folder / "model.safetensors"))
        assert self.optimizer is not None  # Trainer makes it before the first step
        checkpoints.save_optimizer(self.optimizer, self.lr_scheduler, folder)
        self.state.save_to_json(str(folder / "trainer_state.json"))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        load_model(self.network, Path(resume_from_checkpoint) / "model.safetensors")

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None and self.optimizer is not None:
            checkpoints.load_optimizer(self.optimizer, self.lr_scheduler, Path(checkpoint))

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            checkpoints.load_random(Path(checkpoint))


def _only(batch: list[Any]) -> Any:
    return batch[0]
