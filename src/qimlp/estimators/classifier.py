"""A classifier for tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from torch import Tensor

from qimlp.estimators.base import TableEstimator
from qimlp.estimators.canonical import Examples
from qimlp.estimators.class_weights import weights_of_classes
from qimlp.estimators.reading import names_of_targets, read_labels
from qimlp.files import shown
from qimlp.tasks import Classification, LossOptions, MultiLabel, Task

if TYPE_CHECKING:
    from typing import Self


class QiMLPClassifier(ClassifierMixin, TableEstimator):  # type: ignore[misc]
    """A small network for any table: numbers, categories, dates and missing values as they are.

    Every column becomes a vector, so that a row is a (columns x embedding) matrix, which
    Kronecker layers mix from both sides; several members answer together. Missing values, unseen
    categories, sparse matrices and data frames are taken as they are; nothing needs to be scaled.

    What is None by default is chosen by the number of rows. A fit depends on each row's weight
    alone, not on the order of the rows: a weight of 3 does what three such rows do. (Tables of
    more than 16 million numbers are trained on in the order in which they come.)

    Args:
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
        class_weight: Weight of each class, as a dict from label to weight (1 for those that are not
            in it); `"balanced"` lets all classes weigh the same in total.
        categorical_features: Which columns are categories: `"from_dtype"` for those of a data frame
            that hold texts or categories; names, places or truth values of columns; or None.
        early_stopping: Whether a part of the rows is set aside, the network of the iteration with
            the best score on it is kept, and training ends after `n_iter_no_change` iterations
            that were no better. Else all rows are trained on, for all iterations.
        validation_fraction: The part that is set aside.
        n_iter_no_change: Iterations without an improvement before training stops.
        tol: By how much the score must be better to count as an improvement.
        scoring: Score of the validation part: a scorer of scikit-learn or its name, or `"loss"`; by
            default the accuracy.
        warm_start: Whether `fit` goes on from the network and the preprocessing that are there.
        random_state: Fixes everything that is drawn, if it is an integer. Generators of others are
            left as they are, but for NumPy's global one where it is None.
        device: Where to compute: `"cpu"`, `"cuda"`, `"mps"` or `"auto"`.
        n_threads: CPU threads; by default one where the work is small or this is a worker thread
            of joblib, and else torch's number.
        verbose: Whether to show a progress bar on standard error.

    Attributes:
        classes_: The labels, sorted; their numbers where a row may have several.
        n_features_in_: Number of columns.
        feature_names_in_: Their names, where all of them are texts.
        features_: How columns become numbers and codes.
        task_: What the network is trained to do.
        network_: The `qimlp.models.TableNetwork`.
        loss_curve_: Mean training loss of each iteration.
        validation_scores_: Score of each iteration; empty where no part was set aside.
        n_iter_: Number of iterations.
    """

    classes_: NDArray[Any]

    def __init__(
        self,
        *,
        hidden_layer_sizes: tuple[tuple[int, int], ...] | None = None,
        activation: str = "gelu",
        embedding_dim: int | None = None,
        rank: int = 1,
        n_members: int = 4,
        alpha: float | None = None,
        batch_size: int | None = None,
        learning_rate_init: float | None = None,
        max_iter: int | None = None,
        class_weight: Any = None,
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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.embedding_dim = embedding_dim
        self.rank = rank
        self.n_members = n_members
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.class_weight = class_weight
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
        tags.classifier_tags.multi_label = True
        return tags

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Learn from rows and their labels.

        Args:
            X: Rows of shape (n, columns): an array, a sparse matrix or a data frame.
            y: n labels; or 0 and 1 of shape (n, labels) where a row may have several.
            sample_weight: How much each row counts, of shape (n,).
            X_val: Rows that tell which iteration is the best; the network of that one is kept.
            y_val: Their labels.

        Returns:
            The estimator.

        Raises:
            ValueError: If rows, labels or a parameter are not usable.
            TypeError: If a cell is no number, text or date.
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go through rows once, from where the network is.

        The first call learns from its rows how columns become numbers (medians, scales,
        categories) and that stays as it is: give it rows like those to come. Later calls only
        train the network, at a constant learning rate.

        Args:
            X: Rows of shape (n, columns).
            y: n labels.
            classes: All labels that there are; needed in the first call.
            sample_weight: How much each row counts, of shape (n,).

        Returns:
            The estimator.

        Raises:
            ValueError: If rows, labels or a parameter are not usable, or the classes are not known.
        """
        if not hasattr(self, "network_") and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if classes is not None:
            known = np.unique(read_labels(classes))
            before = getattr(self, "classes_", known)
            if hasattr(self, "network_") and not np.array_equal(before, known):
                raise ValueError(
                    f"`classes={shown(classes, 80)}` is not the same as on last call to "
                    f"partial_fit, was: {shown(before, 80)}"
                )
            self.classes_ = known
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> NDArray[Any]:
        """Say the likeliest label of each row.

        Args:
            X: Rows of shape (n, columns).

        Returns:
            n labels; or 0 and 1 of shape (n, labels).

        Raises:
            ValueError: If the rows are not usable or have other columns.
        """
        return self._as_given_answers(self._answers(X))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Give probabilities.

        Args:
            X: Rows of shape (n, columns).

        Returns:
            Shape (n, classes), in the order of `classes_`; where a row may have several labels,
            the probability of each.

        Raises:
            ValueError: If the rows are not usable or have other columns.
        """
        probabilities: NDArray[np.float64] = self._answers(X).numpy()
        return probabilities

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Give the logarithms of `predict_proba`.

        Args:
            X: Rows of shape (n, columns).

        Returns:
            Shape (n, classes).
        """
        with np.errstate(divide="ignore"):  # a probability may be 0
            logarithms: NDArray[np.float64] = np.log(self.predict_proba(X))
        return logarithms

    def _read_targets(self, y: Any, *, reset: bool) -> Tensor:
        labels = read_labels(y)
        if labels.ndim == 2:
            if reset:
                self.classes_ = np.arange(labels.shape[1])
                self._label_names = names_of_targets(y, labels.shape[1])
            elif labels.shape[1] != len(self.classes_):
                raise ValueError(
                    f"y has {labels.shape[1]} labels, but {type(self).__name__} was fitted with "
                    f"{len(self.classes_)}"
                )
            return torch.from_numpy(labels).double()
        found, places = np.unique(labels, return_inverse=True)
        if reset:
            self.classes_ = found
            return torch.from_numpy(places)
        numbers = {name: place for place, name in enumerate(self.classes_.tolist())}
        unknown = [name for name in found.tolist() if name not in numbers]
        if unknown:
            raise ValueError(
                f"y: expected the classes {shown(self.classes_.tolist(), 80)}, got "
                f"{shown(unknown[0], 40)}"
            )
        return torch.tensor([numbers[name] for name in found.tolist()])[places]

    def _make_task(self, targets: Tensor, weights: Tensor | None) -> Task:
        task: Task
        if targets.dim() == 1:
            task = Classification(tuple(str(name) for name in self.classes_))
        else:
            task = MultiLabel(self._label_names)
        return task.fitted(targets, LossOptions(), weights)

    def _as_given(self, targets: Tensor) -> NDArray[Any]:
        if targets.dim() == 1:
            found: NDArray[Any] = self.classes_[targets.numpy()]
            return found
        return targets.long().numpy()

    def _as_given_answers(self, answers: Tensor) -> NDArray[Any]:
        if isinstance(self.task_, MultiLabel):
            return self._as_given(answers > 0.5)
        return self._as_given(answers.argmax(dim=1))

    def _weighted(self, examples: Examples) -> Examples:
        if self.class_weight is None:
            return examples
        return weights_of_classes(examples, self.class_weight, self.classes_)
