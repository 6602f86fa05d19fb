"""TF-IDF features of texts: learned on training texts, kept as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qimlp.data.extras import import_extra
from qimlp.files import shown

_OPTIONS = {"sublinear_tf": True, "dtype": np.float32}
"""Of scikit-learn's vectoriser. A logarithm of the counts did better on dev than the counts."""


@dataclass(frozen=True)
class TermWeights:
    """The terms that count and how much each tells.

    Attributes:
        terms: F terms, one per feature, in the features' order.
        idf: F inverse document frequencies.

    Raises:
        ValueError: There are no terms, terms repeat, or the numbers of both differ.
    """

    terms: tuple[str, ...]
    idf: tuple[float, ...]

    def __post_init__(self) -> None:
        different = len(set(self.terms))
        if different == 0 or not different == len(self.terms) == len(self.idf):
            raise ValueError(
                f"expected terms that differ and one weight each, got {len(self.terms)} terms "
                f"({different} differ) and {len(self.idf)} weights"
            )

    @classmethod
    def fit(cls, texts: Sequence[str], count: int, *, labels: Tensor | None = None) -> TermWeights:
        """Choose terms of training texts: the most frequent ones, or those that tell classes.

        Args:
            texts: The N training texts.
            count: Number of terms wanted; fewer where the texts have fewer.
            labels: Class numbers (N,). With them the terms are those with the largest weights (by
                the Euclidean norm over the classes) in linear support vector machines on all terms
                (scikit-learn's `LinearSVC` and `SelectFromModel`; Brank, Grobelnik, Milic-Frayling
                and Mladenic, "Feature selection using linear support vector machines", 2002).

        Returns:
            The terms, in alphabetical order.

        Raises:
            ValueError: The texts hold no words, or all labels are the same.
        """
        vectorizer = _vectorizer(max_features=count if labels is None else None)
        try:
            features = vectorizer.fit_transform(texts)
        except ValueError as error:
            raise ValueError(
                "the training texts hold no words (empty vocabulary): TF-IDF needs words of two "
                "letters or more"
            ) from error
        kept = slice(None) if labels is None else _telling(features, labels, count)
        terms = tuple(str(term) for term in vectorizer.get_feature_names_out()[kept])
        return cls(terms, tuple(float(weight) for weight in vectorizer.idf_[kept]))

    def apply(self, texts: Sequence[str]) -> Tensor:
        """Turn texts into features.

        Args:
            texts: N texts.

        Returns:
            (N, F) `float32`; each row has length 1, or 0 for a text without known terms.
        """
        vectorizer = _vectorizer(vocabulary=self.terms)
        vectorizer.idf_ = np.asarray(self.idf)
        return torch.from_numpy(vectorizer.transform(texts).toarray())

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON.

        Returns:
            The attributes by name.
        """
        return {"terms": list(self.terms), "idf": list(self.idf)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TermWeights:
        """Read what `to_dict` wrote.

        Args:
            values: The attributes by name.

        Returns:
            The terms.

        Raises:
            ValueError: They are damaged.
        """
        given = dict(values) if isinstance(values, Mapping) else {}
        terms, idf = given.get("terms"), given.get("idf")
        if not _is_list_of(str, terms) or not _is_list_of((int, float), idf):
            raise ValueError(
                "the stored terms are damaged: expected a list of terms and one of weights, got "
                f"{shown(values)}"
            )
        weights = np.asarray(idf, dtype=np.float64)
        if not np.isfinite(weights).all() or (weights <= 0).any():
            raise ValueError("the stored terms are damaged: expected finite weights above 0")
        return cls(tuple(given["terms"]), tuple(weights.tolist()))


def _is_list_of(kind: type | tuple[type, ...], value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, kind) and not isinstance(item, bool) for item in value
    )


def _vectorizer(**options: Any) -> Any:
    return import_extra("sklearn.feature_extraction.text").TfidfVectorizer(**_OPTIONS, **options)


def _telling(features: Any, labels: Tensor, count: int) -> Any:
    """Which columns of a sparse matrix the machines lean on most: a mask."""
    if len(labels.unique()) < 2:
        raise ValueError("terms by svm: expected texts of two classes or more, got one")
    selection = import_extra("sklearn.feature_selection")
    machines = import_extra("sklearn.svm").LinearSVC(random_state=0, max_iter=10_000)
    chosen = selection.SelectFromModel(
        machines, threshold=-np.inf, norm_order=2, max_features=min(count, features.shape[1])
    )
    return chosen.fit(features, labels.numpy()).get_support()
