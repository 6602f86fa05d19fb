import json

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from qimlp.data.features.tfidf import TermWeights

TEXTS = ["the cat sat on the mat", "the dog sat", "a dog and a cat", "mat and dog dog dog"]


def test_features_are_those_of_scikit_learn():
    weights = TermWeights.fit(TEXTS, 5)
    wanted = TfidfVectorizer(max_features=5, sublinear_tf=True)
    expected = torch.from_numpy(wanted.fit_transform(TEXTS).toarray()).float()
    assert weights.terms == tuple(wanted.get_feature_names_out())
    assert torch.allclose(weights.apply(TEXTS), expected)


def test_nothing_is_learned_from_other_texts():
    weights = TermWeights.fit(TEXTS, 100)
    found = weights.apply(["dog zebra", "zebra"])
    assert found.shape == (2, len(weights.terms))
    assert found[0].count_nonzero() == 1
    assert found[1].count_nonzero() == 0
    assert found.dtype == torch.float32


def test_the_terms_travel_as_json():
    weights = TermWeights.fit(TEXTS, 5)
    again = TermWeights.from_dict(json.loads(json.dumps(weights.to_dict())))
    assert again == weights
    assert torch.equal(again.apply(TEXTS), weights.apply(TEXTS))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"terms": ["a"], "idf": [1.0, 2.0]},
        {"terms": ["a", "a"], "idf": [1, 1]},
        {"terms": [], "idf": []},
        {"terms": "ab", "idf": [1.0, 2.0]},
        {"terms": [1], "idf": [1.0]},
        {"terms": ["a"], "idf": ["1.0"]},
        {"terms": ["a"], "idf": [True]},
        {"terms": ["a"], "idf": [float("nan")]},
        {"terms": ["a"], "idf": [-1.0]},
        ["\x1b[2J" * 10**6],
    ],
)
def test_damaged_terms_are_refused(values):
    with pytest.raises(ValueError, match="terms") as caught:
        TermWeights.from_dict(values)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_texts_without_words_are_refused():
    with pytest.raises(ValueError, match="hold no words .empty vocabulary."):
        TermWeights.fit(["", "!"], 5)


def noisy_texts(count=60):
    """Frequent words that tell nothing, and two of rare ones that tell the class."""
    random = np.random.default_rng(0)
    words = [f"common{i}" for i in range(20)]
    labels = torch.arange(count) % 3
    telling = {0: ("ape", "axe"), 1: ("bee", "bun"), 2: ("cat", "cup")}
    texts = [
        " ".join([*random.choice(words, 15), telling[label][row // 3 % 2]])
        for row, label in enumerate(labels.tolist())
    ]
    return texts, labels


def test_terms_by_labels_are_those_that_tell_the_classes():
    texts, labels = noisy_texts()
    telling = TermWeights.fit(texts, 6, labels=labels).terms
    assert telling == ("ape", "axe", "bee", "bun", "cat", "cup")
    frequent = TermWeights.fit(texts, 6).terms
    assert all(term.startswith("common") for term in frequent)


def test_terms_by_labels_are_those_with_the_largest_weights():
    texts, labels = noisy_texts()
    every = TfidfVectorizer(sublinear_tf=True, dtype=np.float32)
    machines = LinearSVC(random_state=0).fit(every.fit_transform(texts), labels.numpy())
    largest = np.argsort(-np.linalg.norm(machines.coef_, axis=0))[:9]
    found = TermWeights.fit(texts, 9, labels=labels)
    assert set(found.terms) == set(every.get_feature_names_out()[largest])
    plain = TfidfVectorizer(vocabulary=found.terms, sublinear_tf=True)
    expected = torch.from_numpy(plain.fit_transform(texts).toarray()).float()
    assert torch.allclose(found.apply(texts), expected)


def test_terms_by_two_classes_and_more_terms_than_there_are():
    labels = torch.tensor([0, 1, 1, 1])
    assert TermWeights.fit(TEXTS, 100, labels=labels).terms == TermWeights.fit(TEXTS, 100).terms
    with pytest.raises(ValueError, match="two classes or more, got one"):
        TermWeights.fit(TEXTS, 5, labels=torch.zeros(4, dtype=torch.int64))
