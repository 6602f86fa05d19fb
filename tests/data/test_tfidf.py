import json

import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from qimlp.data.tfidf import TermWeights

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
    ],
)
def test_damaged_terms_are_refused(values):
    with pytest.raises(ValueError, match="terms"):
        TermWeights.from_dict(values)


def test_texts_without_words_are_refused():
    with pytest.raises(ValueError, match="empty vocabulary"):
        TermWeights.fit(["", "!"], 5)
