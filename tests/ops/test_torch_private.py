"""Each of torch's private names and its public way round give the same results.

Needs torch and pytest alone: `.ci/torch_versions` runs it on other torches than the installed one.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.nn.modules import module as every_module
from torch.optim import AdamW

SOURCE = Path(__file__).parents[2] / "src" / "qimlp" / "ops" / "_torch_private.py"

ENGINE = torch.autograd.Variable


def load():
    """The module, its choices made anew for what torch has now."""
    spec = importlib.util.spec_from_file_location("torch_private_anew", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def without(owner, name):
    """The module as it is with a torch that lacks a name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(owner, name)
        return load()


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (torch._C, "_are_functorch_transforms_active"),
        (torch._C, "_get_tracing_state"),
        (every_module, "_has_any_global_hook"),
        (forward_ad, "_current_level"),
        (ENGINE, "_execution_engine"),
        (torch, "_log_softmax_backward_data"),
        (torch, "_foreach_lerp_"),
        (torch, "_fused_adamw_"),
    ],
)
def test_this_torch_has_the_name(owner, name):
    """Not a fault of users' if it fails, but short calls have become slower."""
    assert hasattr(owner, name)


def test_a_transform_is_seen_and_assumed_where_torch_does_not_say():
    def seen(module):
        found = []
        torch.vmap(lambda x: (found.append(module.transforms_are_active()), x)[1])(torch.ones(2))
        return [*found, module.transforms_are_active(), module.is_transformed()]

    assert seen(load()) == [True, False, False]
    assert seen(without(torch._C, "_are_functorch_transforms_active")) == [True, True, True]


@pytest.mark.parametrize("private", [True, False])
def test_forward_mode_differentiation_is_seen(private):
    module = load() if private else without(forward_ad, "_current_level")
    assert not module.is_transformed()
    with forward_ad.dual_level():
        assert module.is_transformed()
        with torch.no_grad():
            assert module.is_transformed()
    assert not module.is_transformed()
    assert torch.vmap(lambda x: x * module.is_transformed())(torch.ones(2)).tolist() == [1.0, 1.0]
    assert not module.is_transformed()


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("private", [True, False])
def test_jit_tracing_is_seen(private):
    module = load() if private else without(torch._C, "_get_tracing_state")
    found = []

    def traced(x):
        found.append(bool(module.is_jit_tracing()))
        return x + 1

    assert not module.is_jit_tracing()
    torch.jit.trace(traced, torch.ones(2), check_trace=False)
    assert found == [True]
    assert not module.is_jit_tracing()


def test_a_hook_on_all_modules_is_seen_and_assumed_where_torch_does_not_say():
    module = load()
    assert not module.any_global_hook()
    hook = every_module.register_module_forward_hook(lambda *_: None)
    try:
        assert module.any_global_hook()
    finally:
        hook.remove()
    assert not module.any_global_hook()
    assert without(every_module, "_has_any_global_hook").any_global_hook()


@pytest.mark.parametrize(
    "touch",
    [
        lambda layer: layer.register_forward_hook(lambda *_: None),
        lambda layer: layer.register_forward_pre_hook(lambda *_: None),
        lambda layer: layer.register_full_backward_hook(lambda *_: None),
        lambda layer: layer.register_full_backward_pre_hook(lambda *_: None),
        lambda layer: setattr(layer, "forward", lambda x: x),
        lambda layer: setattr(layer, "_compiled_call_impl", print),  # as `layer.compile()` does
        lambda layer: layer.__dict__.pop("_forward_hooks"),
        lambda layer: layer.__dict__.pop("_backward_pre_hooks"),
    ],
)
def test_a_module_is_without_hooks_until_touched(touch):
    module, layer = load(), nn.Linear(2, 3)
    assert module.is_without_hooks(layer)
    touch(layer)
    assert not module.is_without_hooks(layer)


@pytest.mark.parametrize("private", [True, False])
def test_a_module_is_asked_for_its_parameters(private, monkeypatch):
    layer = nn.Linear(2, 3)
    layer.inner = nn.Linear(1, 1)
    if not private:
        monkeypatch.setattr(nn.Module, "__init__", lambda _: None)
    found = load().registered_parameters(layer)
    assert dict(found) == {"weight": layer.weight, "bias": layer.bias}


@pytest.mark.parametrize("private", [True, False])
def test_pruning_is_done_anew(private, monkeypatch):
    from torch.nn.utils import prune

    layer = nn.Linear(2, 3)
    prune.custom_from_mask(layer, "weight", torch.tensor([[1, 0], [0, 1], [1, 1]]))
    layer.register_buffer("other", torch.ones(1))
    if not private:
        monkeypatch.setattr(nn.Module, "__init__", lambda _: None)
    module = load()
    with torch.no_grad():
        layer.weight_orig.fill_(5)
    module.mask_anew(layer)
    assert layer.weight.tolist() == [[5, 0], [0, 5], [5, 5]]
    layer.weight.sum().backward()
    assert layer.weight_orig.grad.tolist() == [[1, 0], [0, 1], [1, 1]]


def test_an_operator_is_called_the_shortest_way_or_as_it_is():
    module, operator = load(), torch.ops.aten.relu.default
    x = torch.tensor([-1.0, 2.0])
    assert module.shortest_call(operator) is not operator
    assert torch.equal(module.shortest_call(operator)(x), torch.relu(x))

    def without_it(values):
        return values

    assert module.shortest_call(without_it) is without_it


def test_the_compilers_mark_is_the_one_that_its_own_decorator_sets():
    """In a process of its own, for it imports the whole compiler."""
    code = (
        "import torch\n"
        "def function(): pass\n"
        "torch.compiler.assume_constant_result(function)\n"
        "assert vars(function) == {'_dynamo_marked_constant': True}, vars(function)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200)
    module = load()
    assert module.constant_while_traced is module._mark_as_constant
    function = module.constant_while_traced(lambda: None)
    assert vars(function) == {"_dynamo_marked_constant": True}


def test_a_compiler_that_reads_another_mark_is_asked_to_set_it(monkeypatch, tmp_path):
    (tmp_path / "_dynamo").mkdir()
    source = tmp_path / "_dynamo" / "decorators.py"
    another = importlib.util.spec_from_file_location("torch", tmp_path / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: another)
    for text in (None, "fn._another_mark = True\n"):
        if text is not None:
            source.write_text(text, encoding="utf-8")
        assert load().constant_while_traced is torch.compiler.assume_constant_result
    source.write_text("fn._dynamo_marked_constant = True\n", encoding="utf-8")
    module = load()
    assert module.constant_while_traced is module._mark_as_constant


@pytest.mark.parametrize("private", [True, False])
def test_the_backward_pass_is_that_of_tensor_backward(private):
    module = load() if private else without(ENGINE, "_execution_engine")
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(5, 4, generator=generator)
    gradient = torch.randn(5, 3, generator=generator)
    gradients = []
    for backward in (module.run_backward, lambda output, grad: output.backward(grad)):
        layer = nn.Linear(4, 3)
        with torch.no_grad():
            layer.weight.copy_(torch.arange(12.0).view(3, 4) / 7)
        for _ in range(2):  # gradients add up
            backward(layer(x), gradient)
        gradients.append((layer.weight.grad, layer.bias.grad))
    ours, torches = gradients
    assert all(torch.equal(a, b) for a, b in zip(ours, torches, strict=True))
    torch.testing.assert_close(ours[0], 2 * gradient.T @ x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_gradient_of_log_softmax_is_the_same_both_ways(dtype):
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(6, 5, generator=generator).to(dtype)
    gradient = torch.randn(6, 5, generator=generator).to(dtype)
    logs = torch.log_softmax(logits, 1)
    with torch.no_grad():
        private = load().log_softmax_backward(gradient, logs, logits)
        public = without(torch, "_log_softmax_backward_data").log_softmax_backward(
            gradient, logs, logits
        )
    assert torch.equal(private, public)
    assert not public.requires_grad
    if dtype == torch.float64:
        torch.testing.assert_close(public, gradient - logs.exp() * gradient.sum(1, keepdim=True))


def test_lerp_is_the_same_both_ways():
    def lerped(module):
        generator = torch.Generator().manual_seed(3)
        tensors = [torch.randn(size, generator=generator) for size in (3, 17, 130)]
        ends = [torch.randn(size, generator=generator) for size in (3, 17, 130)]
        expected = [a + 0.3 * (b - a) for a, b in zip(tensors, ends, strict=True)]
        module.foreach_lerp_(tensors, ends, 0.3)
        torch.testing.assert_close(tensors, expected)
        return tensors

    private, public = lerped(load()), lerped(without(torch, "_foreach_lerp_"))
    assert all(torch.equal(a, b) for a, b in zip(private, public, strict=True))


@pytest.mark.parametrize("maximize", [False, True])
def test_a_step_of_adamw_is_the_same_both_ways_and_the_optimizers(maximize):
    sizes, steps = ((4, 3), (7,)), 3
    settings = {"eps": 1e-8, "weight_decay": 0.02, "maximize": maximize}

    def tensors(seed):
        generator = torch.Generator().manual_seed(seed)
        return [torch.randn(size, generator=generator) for size in sizes]

    def stepped(module):
        parameters, counts = tensors(0), [torch.zeros(()) for _ in sizes]
        averages = [torch.zeros(s) for s in sizes], [torch.zeros(s) for s in sizes]
        for step in range(steps):
            for count in counts:
                count.add_(1)
            module.fused_adamw_(
                parameters,
                tensors(step + 1),
                averages,
                counts,
                0.01,
                {"beta1": 0.9, "beta2": 0.95, **settings},
            )
            assert [count.item() for count in counts] == [step + 1.0] * 2
        return [*parameters, *averages[0], *averages[1]]

    parameters = [nn.Parameter(tensor) for tensor in tensors(0)]
    optimizer = AdamW(parameters, lr=0.01, betas=(0.9, 0.95), fused=True, **settings)
    for step in range(steps):
        for parameter, gradient in zip(parameters, tensors(step + 1), strict=True):
            parameter.grad = gradient
        optimizer.step()
    states = [optimizer.state[parameter] for parameter in parameters]
    expected = [p.detach() for p in parameters]
    expected += [state[name] for name in ("exp_avg", "exp_avg_sq") for state in states]
    for module in (load(), without(torch, "_fused_adamw_")):
        found = stepped(module)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
