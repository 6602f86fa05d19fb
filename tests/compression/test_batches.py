from collections import OrderedDict

import pytest
import torch
from torch import nn

from qimlp.compression.batches import call_model, model_device, model_inputs, moved

ROWS = torch.arange(6.0).reshape(2, 3)


class Summing(nn.Module):
    def forward(self, left, right=0.0, *, scale=1.0):
        return (left + right) * scale


def test_a_tensor_is_the_only_argument():
    args, kwargs = model_inputs(ROWS)
    assert args[0] is ROWS
    assert kwargs == {}


def test_the_entries_of_a_mapping_are_keyword_arguments():
    batch = OrderedDict(left=ROWS, scale=2.0)
    assert model_inputs(batch) == ((), {"left": ROWS, "scale": 2.0})
    assert torch.equal(call_model(Summing(), batch), 2 * ROWS)


@pytest.mark.parametrize("kind", [tuple, list])
def test_labels_are_left_aside(kind):
    assert torch.equal(call_model(Summing(), kind((ROWS, torch.ones(2)))), ROWS)
    batch = kind(({"left": ROWS, "right": ROWS}, torch.ones(2)))
    assert torch.equal(call_model(Summing(), batch), 2 * ROWS)


@pytest.mark.parametrize(
    ("batch", "error", "said"),
    [
        ("text", TypeError, "got str"),
        (None, TypeError, "got NoneType"),
        (("text", 1), TypeError, "got a tuple that starts with str"),
        ([[ROWS]], TypeError, "got a list that starts with list"),
        ((), ValueError, "got an empty tuple"),
        ({}, ValueError, "got a mapping whose keys are"),
        ({0: ROWS}, ValueError, r"got a mapping whose keys are \[0\]"),
    ],
)
def test_another_batch_is_refused_in_one_line(batch, error, said):
    with pytest.raises(error, match=said) as caught:
        model_inputs(batch)
    assert str(caught.value).startswith("expected batches that are tensors, mappings")
    assert "\n" not in str(caught.value)


def test_every_tensor_of_a_batch_is_brought_to_a_device():
    value = {"a": [ROWS, (ROWS, 1)], "b": "text"}
    there = moved(value, torch.device("meta"))
    assert there["a"][0].device.type == there["a"][1][0].device.type == "meta"
    assert there["a"][1][1] == 1
    assert there["b"] == "text"
    assert moved(ROWS, torch.device("cpu")) is ROWS


def test_a_model_takes_its_inputs_where_its_tensors_are():
    assert model_device(nn.Linear(2, 2, device="meta")) == torch.device("cpu")
    assert model_device(nn.Sequential()) == torch.device("cpu")
    assert model_device(nn.Linear(2, 2)) == torch.device("cpu")
