"""The dense control of the network for tables: all but its layers is the table network's."""

import numpy as np
import torch

from benchmarks.tables import data, networks, sizes
from benchmarks.tables.dense import DenseTableNetwork
from qimlp.models import TableNetwork

SIZES = {"hidden": ((3, 4), (3, 4)), "embedding_dim": 5, "frequencies": 2, "rank": 2, "members": 3}


def test_products_as_dense_weights_give_the_same_outputs():
    torch.manual_seed(0)
    kronecker = TableNetwork(4, [2], 2, linear_skip=True, dtype=torch.float64, **SIZES)
    for parameter in kronecker.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    dense = DenseTableNetwork(4, [2], 2, linear_skip=True, dtype=torch.float64, **SIZES)
    state = {name: value for name, value in kronecker.state_dict().items() if "_0" not in name}
    state = {name: value for name, value in state.items() if "_1" not in name}
    for number in range(2):
        left, right, bias = kronecker.layer(number)
        weight = torch.einsum("mxar,mbry->mabxy", left, right)
        state[f"dense_{number}"] = weight.flatten(3).flatten(1, 2)
        state[f"dense_{number}_bias"] = bias.flatten(1).unsqueeze(1)
    dense.load_state_dict(state)
    x = torch.randn(7, 5, dtype=torch.float64)
    x[:, 4] = torch.tensor([0, 1, 2, 0, 1, 2, 2])
    for training in (True, False):
        torch.testing.assert_close(dense.train(training)(x), kronecker.train(training)(x))


def test_first_weights_have_the_scale_of_the_products():
    torch.manual_seed(0)
    scales = {
        kind: torch.stack([kind(6, [], 2, members=50).train()(x).std() for _ in range(4)]).mean()
        for x in [torch.randn(40, 6)]
        for kind in (TableNetwork, DenseTableNetwork)
    }
    ratio = scales[DenseTableNetwork] / scales[TableNetwork]
    assert 0.8 < ratio < 1.25


def test_the_estimator_trains_the_dense_network_and_no_other():
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(80, 4))
    targets = (rows[:, 0] > 0).astype(np.int64)
    table = data.Table("made", rows, targets, 2)
    fitted = networks.dense(table, 0).fit(rows, targets)
    assert type(fitted.network_) is DenseTableNetwork
    assert fitted.score(rows, targets) > 0.9
    ours = networks.ours(table, 0).fit(rows, targets)
    assert type(ours.network_) is TableNetwork
    assert sizes.parameters(fitted) > 4 * sizes.parameters(ours)
