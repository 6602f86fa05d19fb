"""TF-IDF features of texts: learned on training texts, kept as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qimlp.data.extras import import_extra

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
    def fit(cls, texts: Sequence[str], count: int) -> TermWeights:
        """Choose the most frequent terms of training texts.

        Args:
            texts: The training texts.
            count: Number of terms wanted; fewer where the texts have fewer.

        Returns:
            The terms, in alphabetical order.

        Raises:
            ValueError: The texts hold no words.
        """
        vectorizer = _vectorizer(max_features=count)
        vectorizer.fit(texts)
        terms = tuple(str(term) for term in vectorizer.get_feature_names_out())
        return cls(terms, tuple(float(weight) for weight in vectorizer.idf_))

    def apply(self, texts: Sequence[str]) -> Tensor:
        """Turn texts into features.

        Args:
            texts: N texts.

        Returns:
            (N, F) ``float32``; each row has length 1, or 0 for a text without known terms.
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
        """Read what :meth:`to_dict` wrote.

        Args:
            values: The attributes by name.

        Returns:
            The terms.

        Raises:
            ValueError: They are damaged.
        """
        try:
            return cls(tuple(values["terms"]), tuple(float(value) for value in values["idf"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"the stored terms are damaged: {error!r}") from error


def _vectorizer(**options: Any) -> Any:
    return import_extra("sklearn.feature_extraction.text").TfidfVectorizer(**_OPTIONS, **options)
