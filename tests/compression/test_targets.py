"""Which layers are found, which are left alone and why, and inputs seen as rows."""

import copy
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from transformers.pytorch_utils import Conv1D

from qimlp import KroneckerLinear
from qimlp.compression.config import CompressionConfig
from qimlp.compression.targets import find_targets
from qimlp.nn import KroneckerAdapter

CONFIG = CompressionConfig(ratio=2)


def skipping(*patterns, **more):
    return CompressionConfig(ratio=2, skip=patterns, **more)


def model(**others):
    return nn.ModuleDict({"plain": nn.Linear(6, 4), **others})


def reason(module, name="odd"):
    """Why a module beside a plain layer is left alone."""
    targets, left = find_targets(model(odd=module), CONFIG)
    assert [target.name for target in targets] == ["plain"]
    return {each.name: each.reason for each in left}[name]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # torch's own
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(6, 4), (2, 5, 6)),
        (nn.Linear(6, 4, bias=False), (6,)),
        (Conv1D(4, 6), (2, 5, 6)),
        (nn.Conv2d(6, 4, 1), (2, 6, 5, 3)),
        (nn.Conv2d(6, 4, 1, stride=2, padding=1), (2, 6, 5, 4)),
        (nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2)), (2, 3, 9, 8)),
        (nn.Conv2d(3, 4, (4, 3), padding="same", bias=False), (2, 3, 9, 8)),
        (nn.Conv2d(3, 4, 3, padding="valid"), (3, 9, 8)),
        (nn.Conv2d(3, 4, 3, padding=2, padding_mode="reflect"), (2, 3, 9, 8)),
        (nn.Conv2d(3, 4, 4, padding="same", padding_mode="circular"), (2, 3, 9, 8)),
    ],
    ids=lambda value: str(value) if isinstance(value, nn.Module) else None,
)
def test_rows_of_the_input_give_rows_of_the_output(layer, shape):
    layer = layer.double()
    (target,), left = find_targets(nn.Sequential(layer), CONFIG)
    assert not left
    x = torch.randn(shape, dtype=torch.float64)
    expected = target.rows(x) @ target.weight.t()
    if target.bias is not None:
        expected = expected + target.bias
    torch.testing.assert_close(target.output_rows(layer(x)), expected)
    torch.testing.assert_close(torch.cat(list(target.row_blocks(x))), target.rows(x))
    assert target.parameters == sum(p.numel() for p in layer.parameters())
    assert (target.out_features, target.in_features) == target.weight.shape
    assert target.kind == type(layer).__name__
    assert not target.weight.requires_grad


def test_a_convolution_is_laid_out_a_few_images_at_a_time():
    (target,), _ = find_targets(nn.Sequential(nn.Conv2d(64, 4, 3, padding=1)), CONFIG)
    x = torch.randn(5, 64, 128, 128)  # 9.4 million numbers an image
    blocks = [block.shape for block in target.row_blocks(x)]
    assert blocks == [(128 * 128, 64 * 9)] * 5


def test_a_module_under_two_names_is_found_once():
    shared = nn.Linear(4, 4)
    targets, left = find_targets(nn.ModuleDict({"a": shared, "b": shared}), CONFIG)
    assert [target.name for target in targets] == ["a"]
    assert not left
    with pytest.raises(ValueError, match="found no nn.Linear"):
        find_targets(nn.ModuleDict({"a": shared, "b": shared}), skipping("b"))


def test_tied_weights_are_found_by_their_memory():
    network = model(embedding=nn.Embedding(4, 6), head=nn.Linear(6, 4), part=nn.Linear(6, 2))
    network["head"].weight = network["embedding"].weight
    network["part"].weight.data = network["plain"].weight.data[:2]  # another parameter of it
    network["other"] = nn.Linear(6, 4)
    targets, left = find_targets(network, CONFIG)
    assert [target.name for target in targets] == ["other"]
    assert {each.name: each.reason for each in left} == {
        "plain": "its weight is tied to part.weight",
        "head": "its weight is tied to embedding.weight",
        "part": "its weight is tied to plain.weight",
    }


def test_parts_of_one_storage_that_do_not_overlap_are_not_tied():
    flat = torch.randn(2, 4, 6)
    network = model(other=nn.Linear(6, 4))
    network["plain"].weight.data, network["other"].weight.data = flat[0], flat[1]
    assert len(find_targets(network, CONFIG)[0]) == 2


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Renamed(nn.Linear):
    pass


class Eight(nn.Linear):
    """As a library of quantised layers has it."""

    def __init__(self):
        super().__init__(6, 4)
        weight = torch.zeros(4, 6, dtype=torch.int8)
        self.weight = nn.Parameter(weight, requires_grad=False)


class Adapter(nn.Module):
    """As PEFT's layers are built."""

    def __init__(self):
        super().__init__()
        self.base_layer = nn.Linear(6, 4)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(6, 2)})


def patched():
    layer = nn.Linear(6, 4)
    layer.forward = layer.forward
    return layer


def with_more():
    layer = nn.Linear(6, 4)
    layer.register_buffer("scale", torch.ones(4))
    return layer


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: KroneckerLinear(6, 4), "it is a Kronecker layer already"),
        (Eight, "its weight is quantised"),
        (lambda: nn.Linear(6, 4, dtype=torch.complex64), "its weight is of complex64"),
        (lambda: nn.Linear(6, 4).to(torch.float8_e4m3fn), "its weight is of float8_e4m3fn"),
        (lambda: nn.Conv1d(6, 4, 3), "convolutions of this kind"),
        (lambda: nn.ConvTranspose2d(6, 4, 3), "convolutions of this kind"),
        (lambda: nn.Conv2d(6, 4, 3, groups=2), "it has 2 groups"),
        (lambda: nn.LazyLinear(4), "it is lazy"),
        (lambda: nn.Linear(0, 4), "its weight is empty"),
        (lambda: parametrizations.weight_norm(nn.Linear(6, 4)), "computed from other tensors"),
        (lambda: parametrizations.spectral_norm(nn.Conv2d(6, 4, 3)), "computed from other"),
        (lambda: nn.utils.weight_norm(nn.Linear(6, 4)), "computed from other tensors"),
        (lambda: nn.utils.spectral_norm(nn.Linear(6, 4)), "computed from other tensors"),
        (lambda: prune.random_unstructured(nn.Linear(6, 4), "weight", 0.5), "computed from"),
        (lambda: prune.random_unstructured(nn.Linear(6, 4), "bias", 0.5), "computed from"),
        (Doubled, "it is a Doubled, whose forward is its own"),
        (patched, "its forward has been replaced"),
        (with_more, "it holds more than a weight and a bias"),
    ],
)
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_what_is_left_alone_and_why(make, expected):
    layer = make(6, 4) if make is Doubled else make()
    before = copy.deepcopy(layer.state_dict()) if not isinstance(layer, nn.LazyLinear) else {}
    assert expected in reason(layer)
    assert all(torch.equal(layer.state_dict()[key], value) for key, value in before.items())


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_quantised_layer_of_torch():
    quantised = torch.ao.nn.quantized.dynamic.Linear(6, 4)
    assert reason(quantised) == "its weight is quantised"


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (nn.MultiheadAttention(6, 2), ["out_proj"]),
        (nn.TransformerEncoderLayer(6, 2, 8), ["self_attn.out_proj", "linear1", "linear2"]),
    ],
)
def test_what_is_read_by_its_owner_is_left_alone(owner, names):
    for name in names:
        assert "reads its weight" in reason(owner, f"odd.{name}")


def test_the_layers_of_an_adapter_are_left_alone():
    for name in ("base_layer", "lora_A.default"):
        assert reason(Adapter(), f"odd.{name}").startswith("it belongs to an adapter (test")
    adapter = KroneckerAdapter(nn.Linear(6, 4))
    assert "an adapter (qimlp.KroneckerAdapter); merge that" in reason(adapter, "odd.base")


def test_a_subclass_that_computes_as_its_parent_is_taken():
    (target,), left = find_targets(nn.Sequential(Renamed(6, 4)), CONFIG)
    assert target.kind == "Linear"
    assert not left


def test_names_that_are_skipped():
    network = model(inner=nn.Sequential(nn.Linear(4, 4), Doubled(4, 4)), head=nn.Linear(4, 4))
    for patterns in [("inner",), ("inner.*",), ("in*", "inner.1")]:
        targets, left = find_targets(network, skipping(*patterns))
        assert [target.name for target in targets] == ["plain", "head"]
        assert not left
    with pytest.raises(ValueError, match="skip: 'iner' matches no module; the model has inner"):
        find_targets(network, skipping("head", "iner"))


def test_a_filter_says_which_layers_are_looked_at():
    network = model(odd=Doubled(4, 4))
    targets, left = find_targets(network, CONFIG, lambda module, _: type(module) is nn.Linear)
    assert [target.name for target in targets] == ["plain"]
    assert not left
    with pytest.raises(ValueError, match="filter_fn selects no layer .* has plain, odd$"):
        find_targets(network, CONFIG, lambda _, name: name == "nothing")
    with pytest.raises(TypeError, match="filter_fn: expected a function"):
        find_targets(network, CONFIG, "plain")
    with pytest.raises(TypeError, match=r"expected a function of \(module, name\), got one of \(m"):
        find_targets(network, CONFIG, lambda module: True)


def test_unsupported_layers_can_be_refused():
    strict = skipping(on_unsupported="raise")
    with pytest.raises(ValueError, match=r"^model: odd \(Doubled\): it is a Doubled") as caught:
        find_targets(model(odd=Doubled(4, 4)), strict)
    assert "\n" not in str(caught.value)
    assert len(find_targets(model(), strict)[0]) == 1


def test_a_model_without_a_layer_to_replace():
    with pytest.raises(ValueError, match=r"found no layer .*: 0 \(Doubled\)"):
        find_targets(nn.Sequential(Doubled(4, 4)), CONFIG)
    with pytest.raises(ValueError, match="found no nn.Linear"):
        find_targets(nn.Sequential(nn.ReLU()), CONFIG)
    with pytest.raises(ValueError, match="wrap it: nn.Sequential"):
        find_targets(nn.Linear(4, 4), CONFIG)
    with pytest.raises(TypeError, match="model: expected an nn.Module, got 3"):
        find_targets(3, CONFIG)


@pytest.mark.parametrize("what", ["weight", "bias"])
def test_numbers_that_are_not_finite(what):
    network = model()
    getattr(network["plain"], what).data.view(-1)[1] = torch.nan
    with pytest.raises(ValueError, match=f"plain: expected a finite {what}, got NaN"):
        find_targets(network, CONFIG)


def test_weights_without_values():
    with pytest.raises(ValueError, match="plain: its weight is on the meta device"):
        find_targets(model().to("meta"), CONFIG)


def test_wrapped_models():
    with pytest.raises(ValueError, match=r"model: .*\(DataParallel\); change the model before"):
        find_targets(nn.DataParallel(model()), CONFIG)


def test_any_configuration_that_says_what_to_skip():
    config = SimpleNamespace(skip=(), on_unsupported="skip")
    assert [target.name for target in find_targets(model(), config)[0]] == ["plain"]
