"""Train a compressed model to answer as the original."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from typing import Any, get_args

import torch
from torch import Tensor, nn

from qimlp.compression import check_batches, model_device
from qimlp.distributed import ProcessGroup, connect
from qimlp.files import shown
from qimlp.settings import OptimisationSettings
from qimlp.training.distillation.apart import modes_kept, take_apart_, weights_kept_on_failure
from qimlp.training.distillation.matching import Match, MatchedNetwork, Outputs
from qimlp.training.distillation.matching_loss import Loss, MatchingLoss
from qimlp.training.distillation.teacher_batches import TeacherBatches, collected, count, share
from qimlp.training.engine.callbacks import Callback
from qimlp.training.engine.trainer import Trainer

_LR, _LEAST_LR = 1e-3, 1e-5
_MEASURED = 8
"""Batches on which the loss is measured before and after training, where there is no dev."""

_NEAR = 0.1
"""Relative error below which the learning rate shrinks with it: larger steps would undo the fit."""


@dataclass(frozen=True)
class DistillationResult:
    """What came of a distillation.

    Attributes:
        steps: Optimizer steps taken.
        before: The loss before the first step.
        after: The loss of the weights that the student has now.
        measured_on: Where both were measured: on the `"dev"` batches or, without them, on the
            `"first 8 batches"`, or as many as there are.
        rejected: The loss that training led to where it was higher than before, so that the
            student has the weights that it came with; None else.
    """

    steps: int
    before: float
    after: float
    measured_on: str
    rejected: float | None = None

    def __str__(self) -> str:
        done = f"distilled for {self.steps:,} steps: loss {self.before:.4g} before, "
        if self.rejected is None:
            return f"{done}{self.after:.4g} after, on the {self.measured_on}"
        return (
            f"{done}{self.rejected:.4g} after, on the {self.measured_on}: it rose, so the "
            "weights are as they were; try a lower lr or more batches"
        )


@torch.inference_mode(False)
@torch.enable_grad()
def distill(
    student: nn.Module,
    teacher: nn.Module,
    batches: Iterable[Any],
    *,
    steps: int | None = None,
    epochs: int = 1,
    lr: float | None = None,
    factor_lr_scale: float = 0.0,
    match: Match = "auto",
    loss: Loss | None = None,
    temperature: float = 2.0,
    outputs: Outputs | None = None,
    dev: Iterable[Any] = (),
    dropout: bool = False,
    processes: ProcessGroup | None = None,
    callbacks: Sequence[Callback] = (),
) -> DistillationResult:
    """Train a compressed model, in place, to answer as the original; by default in one pass.

    The teacher answers every batch when it comes; nothing is stored, and the labels in a batch are
    not read. The student's parameters that need a gradient are trained; what it shares with the
    teacher it gets copies of. Modes, dtypes, device and hooks of both stay as they were; so do the
    student's weights after an error, and where training raises the loss (of `dev`, or 8 batches).

    Started by a launcher (`torchrun`, `accelerate launch`), every process is given the same batches
    and takes its part of the rows.

    Args:
        student: The model to train.
        teacher: The original.
        batches: Inputs: tensors, mappings of the model's arguments, or tuples that start with one
            of these. An iterator's are kept in memory.
        steps: Optimizer steps, one for each batch; the batches are gone through as often as
            needed. By default the epochs decide.
        epochs: Passes over the batches; with `steps`, parts after each of which `dev` is looked at.
        lr: Peak learning rate; by default 1e-3, less for a student within 10% of its teacher. At
            high ratios Kronecker factors of an MLP want up to 1e-2.
        factor_lr_scale: From 0 to 1, as in the settings of a run; see `param_groups`.
        match: `"outputs"`, `"hidden"` states of every attended token, or `"embedding"`, their mean.
        loss: `"mse"` over the variance of the teacher's answers (the default), `"kl"` of class
            probabilities, or `"cosine"`.
        temperature: What logits are divided by for `"kl"`.
        outputs: Maps a model's output and the batch to what is matched, in place of `match`.
        dev: Batches that say after which epoch the student is best; its weights then are kept.
        dropout: Whether the student is trained in training mode, with dropout.
        processes: Processes and device; by default those of the launcher, on the student's device.
        callbacks: Told what happens, see `Trainer`.

    Returns:
        Steps and losses.

    Raises:
        TypeError: A batch or an output of another kind.
        ValueError: No batches, nothing to train, answers that do not fit or are not finite, or an
            option out of range.
        NonFiniteLossError: Training diverges.
    """
    _check_given(student, teacher, batches, dev, outputs)
    _check(steps, epochs, lr, factor_lr_scale, match, loss, temperature)
    batches, dev = collected(batches, steps), collected(dev, None)
    take_apart_(student, teacher)
    processes = _processes(student) if processes is None else processes
    learner = MatchedNetwork(student, match, outputs, dropout=dropout)
    source = MatchedNetwork(teacher, match, outputs)
    with modes_kept(student, teacher), weights_kept_on_failure(student) as put_back:
        first = list(islice(batches, 1 if count(dev) else _MEASURED))
        start = _look(learner, source, first, loss or "mse", temperature, processes)
        total = epochs * count(batches) if steps is None else steps
        periods = min(epochs, total)
        rate = start.lr if lr is None else lr
        trainer = Trainer(
            learner,
            start.objective,
            _optimisation(periods, rate, factor_lr_scale),
            train=TeacherBatches(batches, source, processes, max(round(total / periods), 1)),
            dev=TeacherBatches(dev, source, processes),
            processes=processes,
            callbacks=callbacks,
        )
        return _train(trainer, first, source, put_back)


def _processes(student: nn.Module) -> ProcessGroup:
    """Those of the launcher, else this one, on the student's device."""
    device = model_device(student)
    launched = connect(device.type)
    return ProcessGroup.alone(device) if launched.size == 1 else launched


def _optimisation(periods: int, lr: float, factor_lr_scale: float) -> OptimisationSettings:
    return OptimisationSettings(
        epochs=periods, batch_size=1, lr=lr, factor_lr_scale=factor_lr_scale, ema_decay=None
    )


def _train(
    trainer: Trainer, first: Sequence[Any], teacher: MatchedNetwork, put_back: Callable[[], None]
) -> DistillationResult:
    """Train; measure before and after on what decides: on dev, or else the first batches."""
    state, measured, where = trainer.state, trainer.dev_batches, "dev"
    if not len(measured):
        measured = TeacherBatches(first, teacher, state.processes)
        where = "first batch" if len(first) == 1 else f"first {len(first)} batches"
    before: float = trainer.evaluate(measured).metrics["loss"]
    trainer.fit()
    if state.best:
        state.use_best()
    after: float = trainer.evaluate(measured).metrics["loss"]
    if after <= before:
        return DistillationResult(state.progress.step, before, after, where)
    put_back()
    return DistillationResult(state.progress.step, before, before, where, rejected=after)


@dataclass(frozen=True)
class _Start:
    """What the first batch says: the loss in its unit, and a learning rate."""

    objective: MatchingLoss
    lr: float


def _look(
    student: MatchedNetwork,
    teacher: MatchedNetwork,
    batches: Sequence[Any],
    loss: Loss,
    temperature: float,
    processes: ProcessGroup,
) -> _Start:
    """Look at the first batch: how far the student is off, and whether it can be trained.

    With several processes the parameters that the answers do not depend on are frozen for the
    time: data-parallel training waits for their gradients.
    """
    if not any(parameter.requires_grad for parameter in student.parameters()):
        raise ValueError("student: expected a parameter that needs a gradient, all are frozen")
    if not batches:
        raise ValueError("batches: expected at least one batch, got none")
    own = share(batches[0], processes)
    student.eval()
    teacher.eval()
    with torch.no_grad():
        wanted = teacher(own).to(processes.device).float()
    _require_finite("teacher", wanted)
    unit = _mean((wanted - wanted.mean(dim=0)).square().mean(), processes) or 1.0
    objective = MatchingLoss(loss, temperature, unit)
    student.to(processes.device)
    given = student(own).float()
    found = objective.loss(given, wanted)
    _require_finite("student", given)
    if not found.requires_grad:
        raise ValueError(
            "student: expected answers that depend on a parameter that needs a gradient"
        )
    if processes.size > 1:
        found.backward()
        for parameter in student.parameters():
            parameter.requires_grad_(parameter.grad is not None)
            parameter.grad = None
    error = _mean((given.detach() - wanted).square().mean(), processes) / unit
    lr = min(max(_LR * error**0.5 / _NEAR, _LEAST_LR), _LR)
    return _Start(objective, lr)


def _require_finite(name: str, answers: Tensor) -> None:
    if not bool(torch.isfinite(answers).all()):
        raise ValueError(f"{name}: expected finite answers, got some that are not")


def _mean(value: Tensor, processes: ProcessGroup) -> float:
    return float(processes.sum(value)) / processes.size


def _check_given(student: object, teacher: object, *given: object) -> None:
    batches, dev, outputs = given
    for name, model in (("student", student), ("teacher", teacher)):
        if not isinstance(model, nn.Module):
            raise TypeError(f"{name}: expected an nn.Module, got {shown(model, 60)}")
        if any(parameter.is_meta for parameter in model.parameters()):
            raise ValueError(f"{name}: it is on the meta device and has no values; load them first")
    check_batches("batches", batches)
    check_batches("dev", dev)
    if outputs is not None and not callable(outputs):
        raise TypeError(
            f"outputs: expected a function of a model's output and the batch, got "
            f"{shown(outputs, 60)}"
        )


def _check(
    steps: int | None,
    epochs: int,
    lr: float | None,
    factor_lr_scale: float,
    match: str,
    loss: str | None,
    temperature: float,
) -> None:
    for name, value in (("steps", steps), ("epochs", epochs)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise TypeError(f"{name}: expected a whole number, got {shown(value, 60)}")
        if value is not None and value < 1:
            raise ValueError(f"{name}: expected 1 or more, got {value}")
    for name, number in (("lr", 1 if lr is None else lr), ("temperature", temperature)):
        if not (isinstance(number, int | float) and isfinite(number) and number > 0):
            raise ValueError(f"{name}: expected a number above 0, got {shown(number, 60)}")
    if not (isinstance(factor_lr_scale, int | float) and 0 <= factor_lr_scale <= 1):
        raise ValueError(f"factor_lr_scale: expected 0 to 1, got {shown(factor_lr_scale, 60)}")
    for name, chosen, known in (
        ("match", match, get_args(Match)),
        ("loss", loss, (None, *get_args(Loss))),
    ):
        if chosen not in known:
            names = ", ".join(str(each) for each in known if each is not None)
            raise ValueError(f"{name}: expected one of {names}, got {shown(chosen, 60)}")
