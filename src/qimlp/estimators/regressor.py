"""A regressor for tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from torch import Tensor

from qimlp.estimators.base import TableEstimator
from qimlp.estimators.canonical import Examples
from qimlp.estimators.reading import names_of_targets, read_numbers
from qimlp.tasks import LossOptions, Quantiles, Regression, Task

if TYPE_CHECKING:
    from typing import Self


class QiMLPRegressor(RegressorMixin, TableEstimator):  # type: ignore[misc]
    """A small network for any table: numbers, categories, dates and missing values as they are.

    Every column becomes a vector, so that a row is a (columns x embedding) matrix, which
    Kronecker layers mix from both sides; several members answer together. Missing values, unseen
    categories, sparse matrices and data frames are taken as they are; nothing needs to be scaled.

    What is None by default is chosen by the number of rows. A fit depends on each row's weight
    alone, not on the order of the rows: a weight of 3 does what three such rows do. (Tables of
    more than 16 million numbers are trained on in the order in which they come.)

    Args:
        loss: `"squared_error"`; `"huber"`, which large errors sway less; or `"quantile"`, which
            learns several quantiles together, for prediction intervals.
        quantiles: Rising levels of the quantile loss, above 0 and below 1. `predict` gives the one
            nearest to the median. With a validation part the others are calibrated by it.
        hidden_layer_sizes: Sizes of each layer's matrix, such as `((8, 16), (8, 16))`.
        activation: Behind each layer: `"gelu"`, `"relu"`, `"silu"`, `"tanh"` or `"identity"`.
        embedding_dim: Length of the vector that each column becomes.
        rank: Kronecker rank of the layers.
        n_members: Networks that are trained side by side and averaged.
        alpha: Decoupled weight decay.
        batch_size: Rows of one optimizer step; all of them where there are fewer.
        learning_rate_init: Peak learning rate.
        max_iter: Passes over the rows, which are then the iterations. By default a number of
            optimizer steps, cut into equal iterations.
        categorical_features: Which columns are categories: `"from_dtype"` for those of a data frame
            that hold texts or categories; names, places or truth values of columns; or None.
        early_stopping: Whether a part of the rows is set aside, the network of the iteration with
            the best score on it is kept, and training ends after `n_iter_no_change` iterations
            that were no better. Else all rows are trained on, for all iterations.
        validation_fraction: The part that is set aside.
        n_iter_no_change: Iterations without an improvement before training stops.
        tol: By how much the score must be better to count as an improvement.
        scoring: Score of the validation part: a scorer of scikit-learn or its name, or `"loss"`; by
            default R2, less the pinball loss for quantiles.
        warm_start: Whether `fit` goes on from the network and the preprocessing that are there.
        random_state: Fixes everything that is drawn, if it is an integer. Generators of others are
            left as they are, but for NumPy's global one where it is None.
        device: Where to compute: `"cpu"`, `"cuda"`, `"mps"` or `"auto"`.
        n_threads: CPU threads; by default one where the work is small or this is a worker thread
            of joblib, and else torch's number.
        verbose: Whether to show a progress bar on standard error.

    Attributes:
        n_features_in_: Number of columns.
        feature_names_in_: Their names, where all of them are texts.
        features_: How columns become numbers and codes.
        task_: What the network is trained to do.
        network_: The `qimlp.models.TableNetwork`.
        loss_curve_: Mean training loss of each iteration.
        validation_scores_: Score of each iteration; empty where no part was set aside.
        n_iter_: Number of iterations.
    """

    def __init__(
        self,
        *,
        loss: str = "squared_error",
        quantiles: tuple[float, ...] = (0.05, 0.5, 0.95),
        hidden_layer_sizes: tuple[tuple[int, int], ...] | None = None,
        activation: str = "gelu",
        embedding_dim: int | None = None,
        rank: int = 1,
        n_members: int = 4,
        alpha: float | None = None,
        batch_size: int | None = None,
        learning_rate_init: float | None = None,
        max_iter: int | None = None,
        categorical_features: Any = "from_dtype",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        scoring: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        device: str = "cpu",
        n_threads: int | None = None,
        verbose: bool | int = False,
    ) -> None:
        self.loss = loss
        self.quantiles = quantiles
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.embedding_dim = embedding_dim
        self.rank = rank
        self.n_members = n_members
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.categorical_features = categorical_features
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.scoring = scoring
        self.warm_start = warm_start
        self.random_state = random_state
        self.device = device
        self.n_threads = n_threads
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Learn from rows and their targets.

        Args:
            X: Rows of shape (n, columns): an array, a sparse matrix or a data frame.
            y: n numbers, or (n, targets) of them.
            sample_weight: How much each row counts, of shape (n,).
            X_val: Rows that tell which iteration is the best; the network of that one is kept.
            y_val: Their targets.

        Returns:
            The estimator.

        Raises:
            ValueError: If rows, targets or a parameter are not usable.
            TypeError: If a cell is no number, text or date.
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go through rows once, from where the network is.

        The first call learns from its rows how columns become numbers (medians, scales,
        categories) and what the unit of the targets is, and that stays as it is: give it rows like
        those to come. Later calls only train the network, at a constant learning rate.

        Args:
            X: Rows of shape (n, columns).
            y: n numbers, or (n, targets) of them.
            sample_weight: How much each row counts, of shape (n,).

        Returns:
            The estimator.

        Raises:
            ValueError: If rows, targets or a parameter are not usable.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Answer rows; with the quantile loss, by the quantile nearest to the median.

        Args:
            X: Rows of shape (n, columns).

        Returns:
            n numbers, or (n, targets) of them.

        Raises:
            ValueError: If the rows are not usable or have other columns.
        """
        answers = self._answers(X)
        return self.task_.decide(answers)

    def predict_quantiles(self, X: Any) -> NDArray[np.float64]:
        """Answer rows by quantiles, which never cross; the outer two are a prediction interval.

        After a fit with a validation part (`early_stopping` or `X_val`) the interval holds for the
        share of new rows that its levels say, or more: what it missed there is made up for
        (conformal quantiles). Without one it may be too narrow where the training rows are few.

        Args:
            X: Rows of shape (n, columns).

        Returns:
            Shape (n, quantiles), from low to high; for several targets (n, targets, quantiles).

        Raises:
            ValueError: If the loss is another one, or the rows are not usable.
        """
        answers = self._answers(X).numpy()
        levels = getattr(self.task_, "quantiles", ())
        if not levels:
            raise ValueError(
                "predict_quantiles: expected an estimator fitted with loss='quantile', got "
                f"loss={self.loss!r}"
            )
        found: NDArray[np.float64] = answers.reshape(len(answers), -1, len(levels))
        return found[:, 0] if found.shape[1] == 1 else found

    def _read_targets(self, y: Any, *, reset: bool) -> Tensor:
        targets = read_numbers(y)
        known = hasattr(self, "task_") and not reset
        if not known:
            self._target_names = names_of_targets(y, targets.shape[1])
        if known and targets.shape[1] != len(self.task_.target_names):
            raise ValueError(
                f"y has {targets.shape[1]} targets, but {type(self).__name__} was fitted with "
                f"{len(self.task_.target_names)}"
            )
        return targets

    def _make_task(self, targets: Tensor, weights: Tensor | None) -> Task:
        names = self._target_names
        if self.loss == "quantile":
            levels = tuple(float(level) for level in self.quantiles)
            return Quantiles.of(names, levels).fitted(targets, LossOptions(), weights)
        options = LossOptions(huber=self.loss == "huber", robust=self.loss == "huber")
        return Regression.of(names).fitted(targets, options, weights)

    def _calibrate(self, valid: Examples) -> None:
        if isinstance(self.task_, Quantiles):
            self.task_ = self.task_.calibrated(self._answering(valid.inputs), valid.targets)
            self._take(self.network_)

    def _as_given(self, targets: Tensor) -> NDArray[Any]:
        values = targets.numpy()
        return values[:, 0] if values.shape[1] == 1 else values
