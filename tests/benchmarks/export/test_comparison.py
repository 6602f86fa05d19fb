"""The comparison at equal flash: nobody gets more bytes, and what is counted is counted right."""

import numpy as np
import pytest
import torch

from benchmarks.export import boards
from benchmarks.export.comparison.data import Data, Part
from benchmarks.export.comparison.exported import estimated, exported
from benchmarks.export.comparison.lineup import LINEUPS
from benchmarks.export.comparison.networks import Cnn, Trained, Training, narrow, train

needs_boards = pytest.mark.skipif(boards.missing() is not None, reason=str(boards.missing()))


def easy(rows=300):
    """Three classes that one column each tells apart, and pixels of them."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, rows)
    x = random.normal(size=(rows, 6)).astype(np.float32)
    x[np.arange(rows), labels] += 6
    part = Part(x, labels)
    return Data("easy", part, part, part)


@pytest.mark.parametrize("name", LINEUPS)
def test_every_rival_has_the_parameters_of_the_largest_qimlp_at_most(name):
    sizes = {
        candidate: candidate.parameters
        for candidate in LINEUPS[name].candidates
        if candidate.family not in {"classic MLP", "narrow MLP, same flash"}
    }
    limit = max(size for each, size in sizes.items() if each.family == "QiMLP")
    assert max(sizes.values()) <= 1.01 * limit


def test_a_cnn_is_counted_as_said():
    data = Data("none", *3 * [Part(np.zeros((2, 784), np.uint8), np.zeros(2, np.int64))])
    network = Cnn((1, 28, 28), (4, 12, 11), (2, 2, 1), 10)
    found = estimated(Trained(network.eval(), np.zeros(1), np.ones(1)), data)
    weights, biases = 4 * 9 + 12 * 4 * 9 + 11 * 12 * 9 + 11 * 10, 4 + 12 + 11 + 10
    assert found.flash == weights + 4 * biases + 1500
    assert found.ram == 4 * 14 * 14 + 12 * 7 * 7
    assert found.estimated


def test_rounded_weights_have_255_steps():
    trained = Trained(narrow(6, 5, 3).make(), np.zeros(1), np.ones(1))
    before = [parameter.clone() for parameter in trained.network.parameters()]
    trained.round_()
    for was, now in zip(before, trained.network.parameters(), strict=True):
        step = was.abs().max().clamp(min=1e-12) / 127
        assert torch.allclose(now / step, (now / step).round(), atol=1e-3)
        assert (now - was).abs().max() <= step / 2 * 1.001


@needs_boards
def test_exported_c_answers_as_the_network():
    data = easy()
    trained = train(narrow(6, 5, 3), data.train, Training(10, 1e-2, 16), seed=0)
    assert trained.accuracy(data.test) > 0.98
    found = exported(trained, data)
    assert abs(found.accuracy - trained.accuracy(data.test)) < 0.01
    assert 6 * 5 + 5 * 3 < found.flash < 3000
    assert not found.estimated


@needs_boards
def test_emlearns_forest_and_mlp_answer_and_keep_to_the_limit():
    peers = pytest.importorskip("benchmarks.export.comparison.peers", exc_type=ImportError)
    data = easy()
    for forest in peers.forests(data.train, 2000, 0, (3,)):
        assert forest.size.flash <= 2000
        assert forest.accuracy(data.test) > 0.95
    assert peers.mlp(data.train, 4, 1e-2, 60, 0).accuracy(data.test) > 0.95


@needs_boards
def test_a_forest_tells_pixels_of_0_and_1_apart():
    peers = pytest.importorskip("benchmarks.export.comparison.peers", exc_type=ImportError)
    rows = np.random.default_rng(0).integers(0, 2, (200, 140)).astype(np.uint8)
    part = Part(rows, rows[:, 0].astype(np.int64))
    part.rows[:, 1:] = 0
    (forest,) = peers.forests(part, 3000, 0, (9,))
    assert forest.accuracy(part) > 0.95
