"""The bytes of a training step, counted by hand."""

import copy

import torch
from torch import nn

from qimlp import QiMLP
from qimlp.tasks import Classification
from qimlp.training.engine.memory import training_memory

TASK = Classification(("a", "b"))


def test_a_linear_layer_by_hand():
    model = nn.Sequential(nn.Linear(6, 5, bias=False), nn.ReLU())
    optimizer = torch.optim.Adam(model.parameters())
    inputs, labels = torch.randn(7, 6), torch.zeros(7, dtype=torch.int64)
    model(inputs).sum().backward()
    optimizer.step()
    memory = training_memory(model, optimizer, copy.deepcopy(model), TASK, inputs, labels)
    assert memory["parameters"] == memory["gradients"] == memory["average"] == 30 * 4
    assert memory["optimizer"] == 2 * 30 * 4 + 4  # two moments, and the step
    # Linear keeps its input; relu its output; log-softmax its output; the loss labels and weight.
    activations = 7 * 6 * 4 + 7 * 5 * 4 + 7 * 5 * 4 + 7 * 8 + 4
    assert memory["activations"] == activations
    parts = ("parameters", "gradients", "optimizer", "average", "activations")
    assert memory["total"] == sum(memory[part] for part in parts)


def test_parameters_are_not_counted_among_the_activations():
    # The weight of a linear layer is saved for the gradient of its input.
    model = nn.Sequential(nn.Linear(4, 1000, bias=False), nn.Linear(1000, 3, bias=False))
    optimizer = torch.optim.SGD(model.parameters())
    inputs, labels = torch.randn(2, 4), torch.zeros(2, dtype=torch.int64)
    memory = training_memory(model, optimizer, None, TASK, inputs, labels)
    assert memory["activations"] < 2 * 1000 * 4 + 200
    assert (memory["optimizer"], memory["average"]) == (0, 0)


def test_the_random_state_is_left_alone():
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))
    optimizer = torch.optim.SGD(model.parameters())
    before = torch.get_rng_state()
    training_memory(model, optimizer, None, TASK, torch.ones(2, 4), torch.tensor([0, 1]))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_small_network_needs_less_than_a_dense_one():
    labels = torch.zeros(5, dtype=torch.int64)
    inputs = torch.randn(5, 784)
    small = QiMLP([(28, 28), (28, 28), (2, 5)])
    dense = nn.Linear(784, 784)
    memories = [
        training_memory(model, torch.optim.SGD(model.parameters()), None, TASK, inputs, labels)
        for model in (small, dense)
    ]
    assert memories[0]["parameters"] < memories[1]["parameters"] / 100
