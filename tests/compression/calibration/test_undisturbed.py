import copy

import pytest
import torch
from torch import nn

from qimlp.compression.calibration import answering_as, undisturbed
from tests.compression.calibration.networks import made


def test_modes_and_random_states_come_back_and_nothing_is_dropped_meanwhile():
    model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(6), nn.Dropout(0.5)).train()
    model[2].eval()
    before = copy.deepcopy(model.state_dict())
    state = torch.get_rng_state()
    with undisturbed(model):
        x = torch.randn(5, 6)
        y = model(x)
        assert not y.requires_grad
        assert torch.allclose(y, x / (1 + model[1].eps) ** 0.5)
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.modules()] == [True, True, True, False]
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_modes_come_back_after_an_error():
    model = nn.Dropout().train()
    with pytest.raises(ZeroDivisionError), undisturbed(model):
        _ = 1 / 0
    assert model.training


class Counting(nn.Module):
    """Counts its calls in buffers, one altered in place and one made anew."""

    def __init__(self):
        super().__init__()
        self.register_buffer("inside", torch.zeros(1))
        self.register_buffer("anew", torch.zeros(1))

    def forward(self, x):
        self.inside += 1
        self.anew = self.anew + 1
        return x


def test_buffers_come_back():
    model = Counting()
    inside, anew = model.inside, model.anew
    with undisturbed(model):
        model(torch.zeros(1))
        assert model.inside == model.anew == 1
    assert model.inside is inside
    assert model.anew is anew
    assert inside == anew == 0


def test_nothing_is_an_inference_tensor_in_inference_mode():
    with torch.inference_mode():
        with undisturbed(nn.Linear(2, 2)):
            assert not torch.ones(1).is_inference()
            assert not torch.is_grad_enabled()
        assert torch.ones(1).is_inference()


def test_compiled_modules_run_as_written():
    def never(graph, inputs):
        raise AssertionError(graph, inputs)

    plain = nn.Linear(2, 2)
    compiled = torch.compile(plain, backend=never)
    with undisturbed(compiled):
        assert torch.equal(compiled(torch.ones(2)), plain(torch.ones(2)))


def test_transformers_keep_no_past_tokens_meanwhile():
    class Config:
        use_cache = True

    model = nn.Linear(2, 2)
    model.config = Config()
    with undisturbed(model):
        assert model.config.use_cache is False
    assert model.config.use_cache is True


def test_a_replaced_layer_answers_meanwhile_and_its_hooks_run():
    model, batches = made("altering")
    heard = []
    model[0].register_forward_hook(lambda module, args, out: heard.append(out.sum().item()))
    own = model[1][1].forward
    model[1][1].forward = own  # as offloading libraries set it
    expected = model(batches[0].clone())
    with answering_as(model, {"0": torch.zeros_like, "1.1": torch.zeros_like}):
        assert not torch.equal(model(batches[0].clone()), expected)
    assert heard[1] == 0
    assert "forward" not in vars(model[0])
    assert vars(model[1][1])["forward"] is own
    assert torch.equal(model(batches[0].clone()), expected)
