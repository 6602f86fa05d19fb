"""What both estimators do: fit, go on, answer."""

from __future__ import annotations

import copy
import os
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from qimlp.data import TableFeatures
from qimlp.distributed import connect
from qimlp.estimators.answering import Answering, Prepared
from qimlp.estimators.canonical import Examples, canonical
from qimlp.estimators.fitting import Fit, Plan, Trained, plan_fit, plan_pass, resampled
from qimlp.estimators.following import Score, by_loss, by_metric
from qimlp.estimators.parameters import check_parameters
from qimlp.estimators.reading import (
    inputs_of,
    named,
    places_of,
    read_table,
    read_weights,
    require_targets,
    select,
)
from qimlp.estimators.saving import (
    parameters_of,
    plain_labels,
    plain_parameters,
    read_folder,
    write_folder,
)
from qimlp.estimators.stored_network import StoredNetwork
from qimlp.estimators.surroundings import threads
from qimlp.estimators.validation_part import split
from qimlp.models import Pretrained, TableNetwork
from qimlp.tasks import Task
from qimlp.training import EpochDone

if TYPE_CHECKING:
    from typing import Self


class TableEstimator(ABC, BaseEstimator):  # type: ignore[misc]
    """The network for tables as a scikit-learn estimator; see its subclasses."""

    # Set by a fit.
    features_: TableFeatures
    task_: Task
    network_: TableNetwork
    loss_curve_: list[float]
    validation_scores_: list[float]
    n_iter_: int
    _optimizer: dict[Any, Any] | None = None  # of partial_fit, for the next call

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.input_tags.categorical = True
        return tags

    @abstractmethod
    def _read_targets(self, y: Any, *, reset: bool) -> Tensor:
        """Check targets, and turn them into those of the task; classes are learned or compared."""

    @abstractmethod
    def _make_task(self, targets: Tensor, weights: Tensor | None) -> Task:
        """Describe the task of these targets."""

    @abstractmethod
    def _as_given(self, targets: Tensor) -> NDArray[Any]:
        """Turn targets of the task back into the user's."""

    def _weighted(self, examples: Examples) -> Examples:
        """Weigh examples by what they are."""
        return examples

    def _calibrate(self, valid: Examples) -> None:
        """Set what the answers say right by rows that were not learned from."""

    def _fit(self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any) -> Self:
        self._check()
        going_on = bool(self.warm_start) and hasattr(self, "network_")
        examples = self._examples(X, y, sample_weight, reset=not going_on)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        train, valid = self._parts(examples, X_val, y_val, seed)
        rows, train = train.count, self._weighted(train)
        if not going_on:
            self.task_ = self._make_task(train.targets, train.weights)
        plan = plan_fit(self.get_params(), rows, train, self.task_)
        fit = self._describe(plan, train, seed)
        if valid is not None:
            valid = resampled(valid)
            patience = int(self.n_iter_no_change) if self.early_stopping else None
            fit = replace(fit, valid=valid, score=self._score(valid), patience=patience)
        trained = self._run(fit, going_on=going_on)
        self._optimizer = None
        if valid is not None:
            self._calibrate(valid)
        self.loss_curve_ = trained.following.loss_curve
        self.validation_scores_ = trained.following.scores
        self.n_iter_ = len(self.loss_curve_)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        self._check()
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        first = not hasattr(self, "network_")
        examples = self._examples(X, y, sample_weight, reset=first, targets_known=True)
        train = self._weighted(examples)
        if first:
            self.task_ = self._make_task(train.targets, train.weights)
            self.loss_curve_, self.validation_scores_, self.n_iter_ = [], [], 0
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        plan = plan_pass(self.get_params(), examples.count, train, self.task_)
        fit = self._describe(plan, train, (seed + self.n_iter_) % 2**31)
        state = None if first else self._optimizer
        trained = self._run(fit, going_on=not first, state=state)
        self._optimizer = trained.optimizer
        self.loss_curve_ += trained.following.loss_curve
        self.n_iter_ += 1
        return self

    def _check(self) -> None:
        parameters = self.get_params(deep=False)
        check_parameters(type(self).__name__, parameters)

    def _examples(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, targets_known: bool = False
    ) -> Examples:
        """Checked rows as inputs of the network, in their canonical form."""
        require_targets(self, X, y)
        table = read_table(self, X, reset=reset)
        weights = read_weights(sample_weight, table.shape[0])
        if weights is not None and not weights.all():
            rows = np.flatnonzero(weights)
            table, y, weights = select(table, rows), select(y, rows), weights[rows]
        targets = self._read_targets(y, reset=reset and not targets_known)
        if reset:
            names = getattr(self, "feature_names_in_", None)
            chosen = places_of(self.categorical_features, names)
            self.features_ = named(
                TableFeatures.fit(table, weights=weights, categorical=chosen), names
            )
        counted = None if weights is None else torch.from_numpy(weights)
        return canonical(Examples(inputs_of(self.features_, table), targets, counted))

    def _parts(
        self, examples: Examples, X_val: Any, y_val: Any, seed: int
    ) -> tuple[Examples, Examples | None]:
        """The examples to train on, and the validation part where there is one."""
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val: expected both or none of them, got one")
        if X_val is not None:
            require_targets(self, X_val, y_val)
            inputs = inputs_of(self.features_, read_table(self, X_val, reset=False))
            return examples, Examples(inputs, self._read_targets(y_val, reset=False))
        if self.early_stopping:
            return split(examples, float(self.validation_fraction), seed)
        return examples, None

    def _describe(self, plan: Plan, train: Examples, seed: int) -> Fit:
        return Fit(
            task=self.task_,
            plan=plan,
            train=train,
            valid=None,
            seed=seed,
            device=connect(self.device).device,
            threads=self.n_threads,
            tol=float(self.tol),
            verbose=bool(self.verbose),
        )

    def _run(self, fit: Fit, *, going_on: bool, state: dict[Any, Any] | None = None) -> Trained:
        if going_on:
            start = copy.deepcopy(self.network_).requires_grad_()
        else:
            numbers, others = self.features_.num_numbers, self.features_.cardinalities
            start = fit.build(numbers if others else max(numbers, 1), others)
        trained = fit.run(start, state)
        self._take(trained.network)
        return trained

    def _take(self, network: TableNetwork) -> None:
        self.network_ = network.requires_grad_(False)
        self._answering = Answering(self.network_, self.task_)

    def _score(self, valid: Examples) -> Score:
        if self.scoring is None:
            return by_metric(self.task_.main_metric)
        if self.scoring == "loss":
            return by_loss
        scorer = check_scoring(self, scoring=self.scoring)
        view, rows, truth = copy.copy(self), Prepared(valid.inputs), self._as_given(valid.targets)

        def score(network: Pretrained, _epoch: EpochDone) -> float:
            assert isinstance(network, TableNetwork)  # noqa: S101 - it is what is trained
            view._take(copy.deepcopy(network).eval())
            return float(scorer(view, rows, truth))

        return score

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the estimator as a folder: weights as safetensors, the rest as JSON.

        It is there whole or not at all. `qimlp.Predictor.load` and `qimlp predict` take it, too.

        Args:
            folder: Made if it does not exist; that of an earlier estimator is replaced.

        Raises:
            NotFittedError: If nothing has been fitted.
            ValueError: If a parameter or label cannot stand in a file.
            OSError: If the folder holds something else, or cannot be written.
        """
        check_is_fitted(self, "network_")
        owner = type(self).__name__
        names = getattr(self, "feature_names_in_", None)
        classes = getattr(self, "classes_", None)
        stored = {
            "kind": owner,
            "parameters": plain_parameters(owner, self.get_params(deep=False)),
            "columns": self.n_features_in_,
            "names": None if names is None else names.tolist(),
            **({} if classes is None else plain_labels(classes)),
            "loss_curve": self.loss_curve_,
            "validation_scores": self.validation_scores_,
            "iterations": self.n_iter_,
        }
        write_folder(folder, stored, self.network_, self.task_, self.features_)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, device: str = "cpu") -> Self:
        """Load an estimator that `save` wrote; nothing is unpickled.

        Args:
            folder: The folder.
            device: Where it computes.

        Returns:
            The estimator, fitted.

        Raises:
            FileNotFoundError: If there is no such folder, or it is of no estimator.
            ValueError: If it is of another class, or a file in it is damaged.
        """
        found = cls()
        stored, network, task, features = read_folder(
            folder, cls.__name__, found.get_params(deep=False), device
        )
        found.set_params(**parameters_of(stored.parameters) | {"device": device})
        found.features_, found.task_ = features, task
        found.n_features_in_ = stored.columns
        if stored.names is not None:
            found.feature_names_in_ = np.array(stored.names, dtype=object)
        if stored.classes is not None:
            found.classes_ = stored.labels()
        found.loss_curve_, found.validation_scores_ = stored.loss_curve, stored.validation_scores
        found.n_iter_ = stored.iterations
        found._take(network)
        return found

    def _answers(self, X: Any) -> Tensor:
        """Answers of the task to rows, of shape (n, outputs), `float64`."""
        if isinstance(X, Prepared):
            inputs = X.inputs
        else:
            check_is_fitted(self, "network_")
            inputs = inputs_of(self.features_, read_table(self, X, reset=False))
        with threads(self.n_threads, inputs.numel()):
            return self._answering(inputs)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_answering", None)
        if "network_" in state:
            state["network_"] = StoredNetwork.of(state["network_"])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        stored = state.get("network_")
        super().__setstate__(state)
        if isinstance(stored, StoredNetwork):
            self._take(stored.network())
