"""FeedbackTrainer: transformers' Trainer whose data-loader item is one optimiser step's list of items.

Cutting a step into pieces that fit into memory happens inside the step, so it cannot change the trajectory. Which items
make a step is a pure function of seed and step, so resuming needs no sampler state. Checkpoints hold no pickle.
"""

import json
import math
import resource
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.modeling_utils import PreTrainedModel

from common.words import gettext_noop
from lm.loading import best_device
from training_bridge.methods.interface import Context, Refused
from training_bridge.methods.settings import Optimisation
from training_bridge.trainer import checkpoints, extent, ranks, sharding
from training_bridge.trainer.objectives import Objective

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

    Resumes from `context.checkpoint` where its files are whole; else starts over, which ends in the same weights. Where
    several processes train together, all but the first end with this by PartDone; the first goes on alone.
    """
    layers = sharding.layers_of(model) if sharding.is_asked_for(config) else None
    core = getattr(model, "core", model)
    if config.gradient_checkpointing and isinstance(core, PreTrainedModel):
        core.activation_checkpointing_enable({"use_reentrant": False})
    trained = sharding.aside(model, config) if layers is not None else model
    steps = Steps(items, batch_size=config.batch_size, epochs=config.epochs, seed=context.seed)
    context.total(len(steps))
    trainer = FeedbackTrainer(context, config, trained, steps, objective, layers)
    checkpoint = _usable(context)
    with context.unbroken():
        try:
            trainer.train(resume_from_checkpoint=checkpoint)
        except StepBrokenOff:
            trainer.keep_whole_steps()
        stopped = ranks.any_of(context.stop_requested())
        if layers is not None and not stopped:
            sharding.bring_back(trained, model, trainer.args.device)
        ranks.leave(stopped)
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


def _arguments(context: Context, config: Optimisation, steps: int, layers: Sequence[str] | None) -> TrainingArguments:
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
        use_cpu=best_device().type == "cpu",
        ddp_find_unused_parameters=False,
        ddp_broadcast_buffers=False,
        **sharding.arguments(layers),
    )


class _StopWhenAsked(TrainerCallback):
    def __init__(self, context: Context) -> None:
        self.context = context

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if ranks.any_of(self.context.stop_requested()):
            control.should_save = control.should_training_stop = True


class StepBrokenOff(Exception):
    """The run is to stop, and the step that it is at is longer than anybody would wait for."""


class FeedbackTrainer(Trainer):
    """One device a process. `measured` holds the last step's measures.

    `layers`: where the model is spread over the processes, the classes of the layers that are gathered one by one.
    """

    def __init__(
        self,
        context: Context,
        config: Optimisation,
        model: nn.Module,
        steps: Steps,
        objective: Objective[Any],
        layers: Sequence[str] | None = None,
    ) -> None:
        arguments = _arguments(context, config, len(steps), layers)
        arguments._n_gpu = min(arguments.n_gpu, 1)  # else Trainer wraps the model in nn.DataParallel by itself
        super().__init__(model=model, args=arguments, callbacks=[_StopWhenAsked(context)])
        self.remove_callback(PrinterCallback)
        self.context, self.config = context, config
        self.steps = steps
        self.objective: Objective[Any] = objective
        self.network = model
        self.checkpoints = context.output / "checkpoints"
        self.measured: dict[str, float] = {}
        self._began = time.monotonic()

    def create_accelerator_and_postprocess(self) -> None:
        super().create_accelerator_and_postprocess()
        if self.args.fsdp:
            sharding.switch_on(self.accelerator, self.args)
            self.is_fsdp_enabled = True

    def create_optimizer(self, model: Any = None) -> Optimizer:
        return extent.learnt_apart(self.network, super().create_optimizer(model))

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
        self.objective.begin(model, inputs, self.state.global_step)
        total, measures = torch.zeros((), device=self.args.device), dict[str, float]()
        pieces = self._pieces(inputs)
        for number, (piece, counts) in enumerate(pieces, start=1):
            # Several processes would have to agree on it; they stop after the step.
            if number > 1 and ranks.count() == 1 and self.context.stop_requested():
                raise StepBrokenOff
            self.context.reading(self.objective.tokens(piece), len(piece))
            with nullcontext() if number == len(pieces) else self.accelerator.no_sync(model):
                loss, sums = self.objective.loss(model, piece)
                part = loss * counts / weight
                # The processes' gradients are averaged where they meet; what is wanted is their sum.
                self.accelerator.backward(part * ranks.count() if ranks.count() > 1 else part)
            total += part.detach()
            for name, value in sums.items():
                measures[name] = measures.get(name, 0.0) + counts * value / weight
        total, measures = _of_all(total, measures)
        if not math.isfinite(float(total)):
            raise _diverged(self.state.global_step + 1)
        self.measured = {"loss": float(total), **measures, "tokens": float(self.objective.tokens(inputs))}
        return total

    def _pieces(self, items: list[Any]) -> list[tuple[list[Any], float]]:
        """This process's pieces of a step, and what each counts.

        Processes meet at every layer that is spread over them, and at the last piece, so all read the same number:
        whoever has fewer reads the smallest item again, which counts nought.
        """
        sizes = [self.objective.tokens([item]) for item in items]
        shares = [[items[index] for index in share] for share in ranks.shares(sizes, ranks.count())]
        cut = [list(self.objective.pieces(share)) if share else [] for share in shares]
        own = [(piece, 1.0) for piece in cut[ranks.place()]]
        smallest = items[sizes.index(min(sizes))]
        return own + [([smallest], 0.0)] * (max(map(len, cut)) - len(own))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Reports each step; Trainer's own summary at the end is left out."""
        if "learning_rate" not in logs:
            return
        self.measured |= {"learning_rate": logs["learning_rate"], "grad_norm": float(logs.get("grad_norm", 0.0))}
        seconds = max(time.monotonic() - self._began, 1e-6)
        values = {key: value for key, value in self.measured.items() if key != "tokens"}
        rate = self.measured["tokens"] / seconds
        speed = {"tokens_per_second": round(rate, 1), "memory": round(peak_memory(), 3)}
        self.context.metrics(self.state.global_step, values | speed)

    def floating_point_ops(self, inputs: Any) -> int:
        return 0  # Trainer's estimate reads a dict of tensors, which a step's items are not

    def keep_whole_steps(self) -> None:
        """A checkpoint of the last step that came to its end: nothing has moved since, but for gradients."""
        if self.state.global_step:
            self._save_checkpoint(self.network, None)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        assert self.optimizer is not None  # Trainer makes it before the first step
        collected = checkpoints.collect(self.network, self.optimizer, self.lr_scheduler, self.measured)
        if not ranks.is_first():
            return

        def fill(folder: Path) -> None:
            collected.save(folder)
            self.state.save_to_json(str(folder / "trainer_state.json"))
            resolved = {"config": self.config.model_dump(mode="json"), "seed": self.context.seed}
            (folder / "configuration.json").write_text(json.dumps(resolved, indent=1), encoding="utf-8")

        folder = self.checkpoints / f"checkpoint-{self.state.global_step}"
        digest = checkpoints.write(folder, fill)
        self.context.saved(folder, self.state.global_step, digest)
        checkpoints.forget_others(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        checkpoints.load_weights(self.network, Path(resume_from_checkpoint))
        self.measured = checkpoints.measured(Path(resume_from_checkpoint))  # there may be no step left

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None and self.optimizer is not None:
            checkpoints.load_optimizer(self.optimizer, self.lr_scheduler, Path(checkpoint))

    def _load_scaler(self, checkpoint: str | None) -> None:
        """Trainer would unpickle one; neither float32 nor bfloat16 has any."""

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            checkpoints.load_random(Path(checkpoint))


def _diverged(step: int) -> Refused:
    """Before the first step nothing has been learnt: it is not the learning rate's fault."""
    if step == 1:
        return Refused(
            gettext_noop(
                "The loss is not a number before anything has been learnt: the base model or its reference holds "
                "weights that are no numbers, or that are too large."
            )
        )
    said = gettext_noop("The loss is no longer a number at step %(global_step)s: lower the learning rate.")
    return Refused(said % {"global_step": step})


def _of_all(total: Tensor, measures: dict[str, float]) -> tuple[Tensor, dict[str, float]]:
    """The loss and the measures of a step, each process having those of its own pieces."""
    if ranks.count() == 1:
        return total, measures
    names = sorted(measures)
    own = torch.tensor([float(total), *(measures[name] for name in names)], dtype=torch.float64, device=total.device)
    first, *others = ranks.summed(own).tolist()
    return torch.full_like(total, first), dict(zip(names, others, strict=True))


def peak_memory() -> float:
    """The most memory in GiB that this process has held so far: of its GPU where it has one, else of the machine."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated() / 2**30)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _only(batch: list[Any]) -> Any:
    return batch[0]
