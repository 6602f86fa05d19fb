"""The network for tables against its definition, in float64."""

import math

import pytest
import torch
from torch import nn

from qimlp.models import TableNetwork, load_pretrained

ROWS = 7


def network(**changes):
    torch.manual_seed(0)
    options = {"embedding_dim": 4, "hidden": [(3, 5), (3, 5)], "members": 3, "rank": 2, **changes}
    return TableNetwork(5, [3, 1], 2, dtype=torch.float64, **options).eval()


def inputs():
    generator = torch.Generator().manual_seed(1)
    numbers = torch.randn(ROWS, 5, generator=generator, dtype=torch.float64)
    codes = torch.randint(0, 2, (ROWS, 2), generator=generator)
    return torch.cat((numbers, codes.double()), dim=1)


def embedded(net, row):
    """One row as a (columns x embedding) matrix, column by column."""
    columns = []
    for p in range(5):
        angles = 2 * math.pi * net.embedding.frequencies[p] * row[p]
        features = torch.cat((angles.sin(), angles.cos(), row[p : p + 1]))
        columns.append(features @ net.embedding.weight[p] + net.embedding.bias[p])
    first, second = int(row[5]), int(row[6])
    columns += [net.embedding.categories[first], net.embedding.categories[4 + second]]
    return torch.stack(columns)


def test_each_member_is_a_chain_of_kronecker_layers():
    net, x = network(linear_skip=True), inputs()
    with torch.no_grad():
        net.skip.normal_()
        for bias in (net.layer(0)[2], net.layer(1)[2], net.head_bias):
            bias.normal_()
        found = net.member_outputs(x)
        for member in range(3):
            for i, row in enumerate(x):
                matrix = embedded(net, row)
                linear = torch.cat((row[:5], matrix[5:].flatten())) @ net.skip
                for number in range(2):
                    left, right, bias = (p[member] for p in net.layer(number))
                    weight = sum(
                        torch.kron(left[:, :, c].contiguous(), right[:, c].T.contiguous())
                        for c in range(2)
                    )
                    out = (weight @ matrix.flatten()).view(3, 5) + bias
                    new = nn.functional.gelu(out)
                    matrix = new + matrix if number else new
                answer = matrix.flatten() @ net.head[member] + net.head_bias[member] + linear
                torch.testing.assert_close(found[member, i], answer)


def test_training_gives_every_members_outputs_and_evaluation_their_combination():
    x = inputs()
    for name in ("softmax", "sigmoid", "mean"):
        net = network(combine=name)
        each = net.member_outputs(x)
        torch.testing.assert_close(net.train()(x), each.flatten(0, 1))
        together = net.eval()(x)
        if name == "softmax":
            torch.testing.assert_close(together.softmax(1), each.softmax(2).mean(0))
        elif name == "sigmoid":
            torch.testing.assert_close(together.sigmoid(), each.sigmoid().mean(0))
        else:
            torch.testing.assert_close(together, each.mean(0))


def test_saved_and_loaded_it_answers_alike(tmp_path):
    net = network().float()
    net.save_pretrained(tmp_path)
    again = load_pretrained(tmp_path).eval()
    assert again.config == net.config
    torch.testing.assert_close(again(inputs().float()), net(inputs().float()), rtol=0, atol=0)


def test_tables_of_numbers_or_categories_alone():
    assert TableNetwork(3, [], 2).eval()(torch.randn(4, 3)).shape == (4, 2)
    assert TableNetwork(0, [2], 2).eval()(torch.tensor([[0.0], [2.0]])).shape == (2, 2)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0, [], 2), {}, "at least one column"),
        ((-1, [2], 2), {}, "numbers"),
        ((1, [], 2), {"combine": "max"}, "combine: expected softmax, sigmoid, mean, got 'max'"),
        ((1, [], 2), {"dropout": 1}, "dropout: expected a share"),
        ((1, [], 2), {"hidden": []}, "hidden: expected pairs of sizes"),
    ],
)
def test_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        TableNetwork(*arguments, **options)


def test_inputs_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"expected inputs \(n, 7\), got \(2, 6\)"):
        network()(torch.zeros(2, 6, dtype=torch.float64))
