"""Token numbers."""

import json

import pytest

from qimlp.data.features.tokens import PADDING, Tokenizer, lengths, trimmed
from tests.tiny_encoder import write_encoder

transformers = pytest.importorskip("transformers")

TEXTS = ["a good film", "a very very bad film", "good", "", "bad film " * 50]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoder"))


def test_numbers_are_those_of_transformers_and_travel_as_json(folder):
    made = Tokenizer.of_encoder(str(folder), 8)
    found = Tokenizer.from_dict(json.loads(json.dumps(vars(made)))).apply(TEXTS)
    own = transformers.AutoTokenizer.from_pretrained(folder)
    wanted = own(TEXTS, padding="max_length", truncation=True, max_length=8)
    for row, ids, mask in zip(
        found.tolist(), wanted["input_ids"], wanted["attention_mask"], strict=True
    ):
        assert row == [i if there else PADDING for i, there in zip(ids, mask, strict=True)]
    assert lengths(found).tolist() == [5, 7, 3, 2, 8]
    assert trimmed(found[2:4]).shape == (2, 3)


def test_a_damaged_tokenizer_is_one_line():
    for values in ({}, {"description": "{", "max_tokens": 8}):
        with pytest.raises(ValueError, match="the stored tokenizer is damaged") as caught:
            Tokenizer.from_dict(values).apply(["a"])
        assert "\n" not in str(caught.value)
