"""From examples and parameters to a trained network, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from qimlp.data import StepBatches
from qimlp.distributed import ProcessGroup
from qimlp.estimators.canonical import Examples
from qimlp.estimators.following import Following, Score
from qimlp.estimators.progress_bar import Bar
from qimlp.estimators.surroundings import drawing, threads
from qimlp.models import TableNetwork
from qimlp.settings import SMALL_ROWS, ComputeSettings, OptimisationSettings, table_recipe
from qimlp.tasks import Task, linear_r2
from qimlp.training import NonFiniteLossError, Trainer

_ROWS = 2048  # evaluated at a time

_STEADY_RATE = 0.003
"""Learning rate of `partial_fit`, which stays the same, unless the user gives one."""

_NETWORK = {
    "hidden_layer_sizes": "hidden",
    "activation": "activation",
    "embedding_dim": "embedding_dim",
    "rank": "rank",
    "n_members": "members",
}
"""Parameters of an estimator by what a `TableNetwork` calls them."""

_OF_NETWORK = {*_NETWORK.values(), "dropout", "linear_skip"}


@dataclass(frozen=True)
class Plan:
    """How a network is built and trained.

    Attributes:
        network: Arguments of `TableNetwork`.
        optimisation: How the weights are found; its epochs are the iterations.
        steps: Optimizer steps of one iteration.
    """

    network: dict[str, Any]
    optimisation: OptimisationSettings
    steps: int


def plan_fit(parameters: Mapping[str, Any], rows: int, train: Examples, task: Task) -> Plan:
    """Choose by the size of the table and the task what the parameters leave open.

    Args:
        parameters: Of an estimator, by name.
        rows: Training rows, repeated ones counted.
        train: The training rows.
        task: What is learned.

    Returns:
        The plan.
    """
    columns = train.inputs.shape[1]
    looked_at = task.kind == "regression" and max(rows, columns) <= SMALL_ROWS
    explained = linear_r2(train.inputs, train.targets, train.weights) if looked_at else 0.0
    chosen = table_recipe(rows, columns, task=task.kind, explained=explained)
    chosen["hidden"] = chosen.pop("dims")
    steps, looks = chosen.pop("steps"), chosen.pop("epochs")
    wanted = {
        "batch_size": parameters["batch_size"],
        "lr": parameters["learning_rate_init"],
        "weight_decay": parameters["alpha"],
        **{ours: parameters[name] for name, ours in _NETWORK.items()},
    }
    chosen |= {name: value for name, value in wanted.items() if value is not None}
    fields = OptimisationSettings.model_fields
    of_steps = {name: value for name, value in chosen.items() if name in fields}
    of_network = {name: value for name, value in chosen.items() if name in _OF_NETWORK}
    if parameters["max_iter"] is None:
        looks = min(looks, steps)
        period = -(-steps // looks)
    else:
        looks = parameters["max_iter"]
        period = -(-rows // min(of_steps["batch_size"], rows))
    return Plan(of_network, OptimisationSettings(epochs=looks, **of_steps), period)


def plan_pass(parameters: Mapping[str, Any], rows: int, train: Examples, task: Task) -> Plan:
    """Plan a single pass over some rows, of which more may follow.

    Args:
        parameters: Of an estimator, by name.
        rows: Training rows of this pass, repeated ones counted.
        train: These rows.
        task: What is learned.

    Returns:
        The plan: a constant learning rate, and no average of the weights.
    """
    plan = plan_fit({**parameters, "max_iter": 1}, rows, train, task)
    given = parameters["learning_rate_init"]
    steady = {
        "schedule": "constant",
        "ema_decay": None,
        "lr": _STEADY_RATE if given is None else given,
    }
    return replace(plan, optimisation=plan.optimisation.model_copy(update=steady))


def resampled(examples: Examples) -> Examples:
    """Draw as many rows as there are, each as often as its weight says, without chance.

    Args:
        examples: With weights or without.

    Returns:
        Examples without weights.
    """
    if examples.weights is None:
        return examples
    upto = examples.weights.cumsum(0) / examples.weights.sum()
    count = len(examples)
    marks = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    rows = torch.searchsorted(upto, marks).clamp_max(count - 1)
    return Examples(examples.inputs[rows], examples.targets[rows])


@dataclass(frozen=True)
class Fit:
    """Everything that a training needs beside the network.

    Attributes:
        task: What the network is trained to do.
        plan: How.
        train: What it is trained on.
        valid: The validation part, without weights, or None.
        seed: Fixes everything that is drawn.
        device: Where to compute.
        threads: CPU threads, or None; see `surroundings.threads`.
        score: Of the validation part.
        patience: Iterations without an improvement before training stops; None for no stop.
        tol: What counts as an improvement.
        verbose: Whether to show a bar.
    """

    task: Task
    plan: Plan
    train: Examples
    valid: Examples | None
    seed: int
    device: torch.device
    threads: int | None
    score: Score | None = None
    patience: int | None = None
    tol: float = 0.0
    verbose: bool = False

    def build(self, num_numbers: int, cardinalities: tuple[int, ...]) -> TableNetwork:
        """Draw a network.

        Args:
            num_numbers: Columns of numbers.
            cardinalities: Categories of each further column.

        Returns:
            The network, on the CPU.
        """
        with drawing(self.seed, torch.device("cpu")):
            return TableNetwork(
                num_numbers,
                cardinalities,
                self.task.num_outputs,
                combine=self.task.combine,
                **self.plan.network,
            )

    def run(self, network: TableNetwork, state: dict[Any, Any] | None = None) -> Trained:
        """Train a network.

        Args:
            network: Where to start; it is changed.
            state: What the optimizer of an earlier training of it kept, or None.

        Returns:
            What came of it.

        Raises:
            NonFiniteLossError: If training diverges.
        """
        optimisation = self.plan.optimisation
        with ExitStack() as stack:
            batch = optimisation.batch_size * self.train.inputs.shape[1]
            stack.enter_context(threads(self.threads, batch))
            if self.plan.network.get("dropout"):  # nothing else draws, and who draws waits
                stack.enter_context(drawing(self.seed + 1, self.device))
            steps = optimisation.epochs * self.plan.steps
            bar = stack.enter_context(Bar(steps)) if self.verbose else None
            following = Following(self.score, patience=self.patience, tol=self.tol, bar=bar)
            trainer = self._trainer(network, following)
            if state is not None:
                optimizer = trainer.state.optimizer
                optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
            try:
                trainer.fit()
            except NonFiniteLossError as error:
                raise NonFiniteLossError(
                    f"{error}: expected a lower learning_rate_init than {optimisation.lr}"
                ) from error
        found = trainer.state.evaluated
        if following.best:
            found.load_state_dict(following.best)
        assert isinstance(found, TableNetwork)  # noqa: S101 - what was given is what is trained
        return Trained(found.eval(), following, trainer.state.optimizer.state_dict()["state"])

    def _trainer(self, network: TableNetwork, following: Following) -> Trainer:
        compute = ComputeSettings(captured_step="auto")
        return Trainer(
            network,
            self.task,
            self.plan.optimisation,
            compute,
            train=self._batches(),
            dev=self._evaluated(),
            processes=ProcessGroup.alone(self.device),
            callbacks=[following],
            should_stop=lambda: following.stopped,
        )

    def _batches(self) -> StepBatches:
        examples = self.train.repeated()
        weights = examples.weights
        if weights is not None and bool((weights == weights[0]).all()):
            weights = None
        return StepBatches(
            examples.inputs.to(self.device),
            self.task.prepare(examples.targets).to(self.device),
            self.plan.optimisation.batch_size,
            self.plan.steps,
            seed=self.seed,
            weights=weights,
        )

    def _evaluated(self) -> WholeBatches:
        if self.valid is None:
            return WholeBatches(torch.empty(0), torch.empty(0))
        targets = self.task.prepare(self.valid.targets).to(self.device)
        return WholeBatches(self.valid.inputs.to(self.device), targets)


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Attributes:
        network: In evaluation mode: that of the best iteration, or the averaged one at the end.
        following: The curves.
        optimizer: What the optimizer keeps for each parameter.
    """

    network: TableNetwork
    following: Following
    optimizer: dict[Any, Any]


class WholeBatches:
    """All rows in their order, some thousands at a time; no batch where there are none.

    Attributes:
        num_examples: Their number.

    Args:
        inputs: Of shape (n, columns).
        targets: As the loss takes them.
    """

    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        starts = range(0, len(inputs), _ROWS)
        self._parts = [(inputs[i : i + _ROWS], targets[i : i + _ROWS]) for i in starts]
        self.num_examples = len(inputs)

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Do nothing: every epoch is the same."""

    def __iter__(self) -> Any:
        """Iterate over inputs and targets."""
        return iter(self._parts)

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._parts)

    def share(self, step: int) -> float:  # noqa: ARG002 - of the protocol
        """Say that one process has them all; see `Batches`."""
        return 1.0
