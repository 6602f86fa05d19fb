"""Every name of torch's that is not public, in one place, each with a public way round.

Which of the two is taken is settled at import, so that calls pay nothing for it. Both give the same
results; the private one is shorter, and calls on small layers are short enough to notice.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd import Variable, forward_ad
from torch.nn.modules import module as every_module
from torch.optim.adamw import adamw

_AnyFunction = TypeVar("_AnyFunction", bound=Callable[..., Any])


def _assume_true() -> bool:
    return True


# torch.autograd.Function asks the same to decide how it runs. Where the name is missing, plain
# differentiable operations are taken, which are right everywhere.
transforms_are_active: Callable[[], bool] = getattr(
    torch._C, "_are_functorch_transforms_active", _assume_true
)
"""Whether a transform of `torch.func` is at work; `True` where torch does not say."""


def _has_level() -> bool:
    return transforms_are_active() or forward_ad._current_level >= 0


def _makes_dual() -> bool:
    if transforms_are_active():
        return True
    try:
        forward_ad.make_dual(torch.zeros(()), torch.zeros(()))
    except RuntimeError:  # there is no level
        return False
    return True


is_transformed: Callable[[], bool] = (
    _has_level if hasattr(forward_ad, "_current_level") else _makes_dual
)
"""Whether a transform of `torch.func` or forward-mode differentiation is at work."""

is_jit_tracing: Callable[[], object] = getattr(
    torch._C,
    "_get_tracing_state",
    torch.jit.is_tracing,  # type: ignore[attr-defined]
)
"""Whether `torch.jit.trace` is at work, as something true or false."""

any_global_hook: Callable[[], bool] = getattr(every_module, "_has_any_global_hook", _assume_true)
"""Whether a hook is set on all modules at once; `True` where torch does not say."""


def is_without_hooks(module: nn.Module) -> bool:
    """Whether nothing but the class's `forward` runs when `module` is called.

    `False` where torch does not say: its ordinary call is then taken.
    """
    own = module.__dict__
    try:
        return not (
            own["_forward_hooks"]
            or own["_forward_pre_hooks"]
            or own["_backward_hooks"]
            or own["_backward_pre_hooks"]
            or "forward" in own
            or own.get("_compiled_call_impl") is not None
        )
    except KeyError:
        return False


_CALL_HOOKS = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_is_full_backward_hook",
)


def exchange_call_hooks(one: nn.Module, other: nn.Module) -> None:
    """Exchange the hooks that run when modules are called, with the handles that remove them.

    Where torch keeps them elsewhere they stay where they are.
    """
    first, second = vars(one), vars(other)
    for name in _CALL_HOOKS:
        if name in first and name in second:
            first[name], second[name] = second[name], first[name]


def _stored_parameters(module: nn.Module) -> Mapping[str, Tensor | None]:
    return module._parameters  # a function: the compiler does not know attrgetter


def _named_parameters(module: nn.Module) -> Mapping[str, Tensor | None]:
    return dict(module.named_parameters(recurse=False, remove_duplicate=False))


registered_parameters: Callable[[nn.Module], Mapping[str, Tensor | None]] = (
    _stored_parameters if "_parameters" in vars(nn.Module()) else _named_parameters
)
"""The parameters of a module itself, by name."""


def _run_pruning_hooks(module: nn.Module) -> None:
    pruning: Any = sys.modules.get("torch.nn.utils.prune")
    if pruning is None or not module._forward_pre_hooks:
        return
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, pruning.BasePruningMethod):
            hook(module, ())


def _multiply_by_masks(module: nn.Module) -> None:
    for name, mask in module.named_buffers(recurse=False):
        pruned = name.removesuffix("_mask")
        whole = getattr(module, f"{pruned}_orig", None)
        if pruned != name and whole is not None:
            setattr(module, pruned, mask.to(whole.dtype) * whole)


mask_anew: Callable[[nn.Module], None] = (
    _run_pruning_hooks if "_forward_pre_hooks" in vars(nn.Module()) else _multiply_by_masks
)
"""Do what pruning does before every call, for a module that is read without being called."""


def shortest_call(operator: Any) -> Any:
    """Return what calling an operator of torch calls, which takes 0.3 microseconds less."""
    return getattr(operator, "_op", operator)


def _mark_as_constant(function: _AnyFunction) -> _AnyFunction:
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


def _compiler_reads_the_mark() -> bool:
    """Whether `torch.compiler.assume_constant_result` sets that mark, by its source.

    Asking the compiler itself would import all of it, which takes seconds.
    """
    torch_spec = find_spec("torch")
    if torch_spec is None or torch_spec.origin is None:
        return False
    source = Path(torch_spec.origin).parent / "_dynamo" / "decorators.py"
    return source.is_file() and "._dynamo_marked_constant = True" in source.read_text("utf-8")


constant_while_traced: Callable[[_AnyFunction], _AnyFunction] = (
    _mark_as_constant if _compiler_reads_the_mark() else torch.compiler.assume_constant_result
)
"""Decorator: a traced graph takes the function's result as a constant."""


def _start_engine(output: Tensor, gradient: Tensor) -> None:
    # What `Tensor.backward` calls, after checks that take longer here than the loss.
    Variable._execution_engine.run_backward(
        (output,), (gradient,), False, False, (), allow_unreachable=True, accumulate_grad=True
    )


def _call_backward(output: Tensor, gradient: Tensor) -> None:
    torch.autograd.backward((output,), (gradient,))


run_backward: Callable[[Tensor, Tensor], None] = (
    _start_engine
    if hasattr(getattr(Variable, "_execution_engine", None), "run_backward")
    else _call_backward
)
"""`output.backward(gradient)`."""


def _operator_of_log_softmax(gradient: Tensor, log_probabilities: Tensor, _: Tensor) -> Tensor:
    return torch._log_softmax_backward_data(gradient, log_probabilities, 1, gradient.dtype)


def _graph_of_log_softmax(gradient: Tensor, _: Tensor, logits: Tensor) -> Tensor:
    with torch.enable_grad():
        leaf = logits.detach().requires_grad_()
        (result,) = torch.autograd.grad(torch.log_softmax(leaf, 1), leaf, gradient)
    return result


log_softmax_backward: Callable[[Tensor, Tensor, Tensor], Tensor] = (
    _operator_of_log_softmax
    if hasattr(torch, "_log_softmax_backward_data")
    else _graph_of_log_softmax
)
"""The gradient of log-softmax along axis 1.

Args:
    gradient: By the log-probabilities, of shape (n, outputs).
    log_probabilities: `torch.log_softmax(logits, 1)`.
    logits: Of shape (n, outputs).

Returns:
    The gradient by the logits, of shape (n, outputs).
"""


def _lerp_each(tensors: Iterable[Tensor], ends: Iterable[Tensor], weight: float) -> None:
    for tensor, end in zip(tensors, ends, strict=True):
        tensor.lerp_(end, weight)


foreach_lerp_: Callable[[Sequence[Tensor], Sequence[Tensor], float], object] = getattr(
    torch, "_foreach_lerp_", _lerp_each
)
"""`tensor.lerp_(end, weight)` for every tensor of a list and its end."""


def _fused_operator(
    parameters: list[Tensor],
    gradients: list[Tensor],
    averages: tuple[list[Tensor], list[Tensor]],
    counts: list[Tensor],
    lr: float,
    settings: Mapping[str, Any],
) -> None:
    firsts, seconds = averages
    torch._fused_adamw_(
        parameters, gradients, firsts, seconds, [], counts, lr=lr, amsgrad=False, **settings
    )


def _functional_adamw(
    parameters: list[Tensor],
    gradients: list[Tensor],
    averages: tuple[list[Tensor], list[Tensor]],
    counts: list[Tensor],
    lr: float,
    settings: Mapping[str, Any],
) -> None:
    firsts, seconds = averages
    before = [count - 1 for count in counts]  # it counts itself
    with torch.no_grad():
        adamw(
            *(parameters, gradients, firsts, seconds, [], before),
            fused=True,
            amsgrad=False,
            lr=lr,
            **settings,
        )


fused_adamw_ = _fused_operator if hasattr(torch, "_fused_adamw_") else _functional_adamw
"""One step of fused AdamW.

Args:
    parameters: Tensors to update in place.
    gradients: One for each.
    averages: Running means of the gradients and of their squares, updated in place.
    counts: For each the number of steps, this one included; 0-d, left as it is.
    lr: The learning rate.
    settings: `beta1`, `beta2`, `eps`, `weight_decay` and `maximize`.
"""


def undecorated(function: _AnyFunction) -> _AnyFunction:
    """Return what a function of torch's optimizers wraps.

    The wrapper keeps `torch.compile` out of it; its first call imports the compiler for that, which
    takes more than a second.
    """
    found: _AnyFunction = getattr(function, "__wrapped__", function)
    return found


def mark_as_stepped(optimizer: Any) -> None:
    """Note in an optimizer that it took a step, so that torch's schedules do not warn of none."""
    optimizer._opt_called = True
