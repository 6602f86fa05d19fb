import copy

import pytest
import torch
from torch import nn

from qimlp.compression import CompressionConfig, find_targets
from qimlp.compression.calibration import Source, undisturbed
from qimlp.compression.layer_moments import RECALL, LayerMoments
from tests.compression.models import made

PLENTY = 10**7


def gathered(model, batches, limit=PLENTY):
    targets, _ = find_targets(model, CompressionConfig(ratio=2))
    return LayerMoments(model, {each.name: each for each in targets}, Source(batches, limit), limit)


def inputs_of(model, batches, names):
    """What goes into layers, padding left out, as rows."""
    found = {name: [] for name in names}
    mask = None

    def keep(name):
        def hook(_, args):
            rows = args[0] if mask is None or args[0].dim() < 3 else args[0][mask]
            found[name].append(rows.reshape(-1, rows.shape[-1]))

        return hook

    handles = [model.get_submodule(n).register_forward_pre_hook(keep(n)) for n in names]
    for batch in batches:
        if isinstance(batch, dict):
            mask = batch["attention_mask"].bool()
            model(**batch)
        else:
            model(batch)
    for handle in handles:
        handle.remove()
    return {name: torch.cat(rows) for name, rows in found.items()}


def covariance(left, right):
    return (left - left.mean(0)).t() @ (right - right.mean(0)) / len(left)


def close(got, wanted):
    torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", ["mlp", "bert"])
def test_moments_of_the_original_are_those_of_its_inputs(name):
    model, batches = made(name)
    with undisturbed(model):
        moments = gathered(model, batches)
        found = {n: m for stage, m in moments.of_original() for n in stage.names}
        rows = inputs_of(model, batches, list(found))
    for layer, each in found.items():
        assert each.count == len(rows[layer])
        close(each.mean, rows[layer].mean(0))
        close(each.second, covariance(rows[layer], rows[layer]))


@pytest.mark.parametrize("name", ["mlp", "bert"])
def test_wanted_is_the_original_layers_output_for_an_input_between_both(name):
    model, batches = made(name)
    other = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(0.9)
    replaced = {}
    with undisturbed(model), undisturbed(other):
        moments = gathered(model, batches)
        names = [n for n, m in model.named_modules() if isinstance(m, nn.Linear)]
        got = {}
        for stage, found in moments.of_replaced(replaced, set(names)):
            got |= found
            replaced |= {n: other.get_submodule(n).forward for n in stage.names}
        original = inputs_of(model, batches, names)
        for n in names:  # the replaced layers in the original's surroundings
            model.get_submodule(n).forward = replaced[n]
        own = inputs_of(model, batches, names)
    differing = 0
    for n in names:
        each, layer = got[n], model.get_submodule(n)
        mixed = (1 - RECALL) * own[n] + RECALL * original[n]
        wanted = mixed @ layer.weight.detach().t() + layer.bias.detach()
        close(each.mean, own[n].mean(0))
        close(each.second, covariance(own[n], own[n]))
        if each.cross is None:  # nothing before it was replaced
            assert torch.equal(own[n], original[n])
            continue
        differing += 1
        close(each.cross, covariance(wanted, own[n]))
        close(each.target_mean, wanted.mean(0))
        close(each.target_variance, covariance(wanted, wanted).diagonal())
    assert differing >= len(names) - 3


def test_layers_in_no_block_are_gathered_in_parts(monkeypatch):
    monkeypatch.setattr("qimlp.compression.layer_moments._AT_ONCE", 8 * 16**2)
    model, batches = made("mlp")

    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = model[0], model[2][0], model[3]
            self.passes = 0

        def forward(self, x):
            self.passes += 1
            return self.c(self.b(self.a(x).tanh()).tanh())

    hidden = Hidden().eval()
    with undisturbed(hidden):
        moments = gathered(hidden, batches)
        hidden.passes = 0
        found = {stage.names[0]: m for stage, m in moments.of_original()}
        assert hidden.passes == 3 * len(batches)
        rows = inputs_of(hidden, batches, ["a", "b", "c"])
    for name, each in found.items():
        close(each.second, covariance(rows[name], rows[name]))


class Routed(nn.Module):
    """Replaced layers send other rows, and other numbers of them, to the expert."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            self.gate, self.expert = nn.Linear(12, 12), nn.Linear(12, 4)

    def forward(self, x):
        hidden = self.gate(x)
        return self.expert(hidden[hidden[:, 0] > 0])


def test_rows_that_are_routed_otherwise_are_not_paired():
    model = Routed().double().eval()
    _, batches = made("mlp")

    def tilted(x):
        return x.roll(1, 1)

    replaced = {}
    with undisturbed(model):
        for stage, found in gathered(model, batches).of_replaced(replaced, {"gate", "expert"}):
            replaced["gate"] = tilted
            got = found[stage.names[0]]
        kept = torch.cat([tilted(x)[tilted(x)[:, 0] > 0] for x in batches])
    assert got.cross is None
    assert got.count == len(kept)
    close(got.second, covariance(kept, kept))
