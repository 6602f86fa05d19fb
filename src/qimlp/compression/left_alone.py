"""Layers that nothing is put in the place of, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear
from torch.nn.parameter import is_lazy

from qimlp.compression.report import LeftAlone
from qimlp.nn import KroneckerAdapter, KroneckerConv2d, KroneckerLinear, dense_class
from qimlp.ops import registered_parameters

_FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_READERS = (nn.MultiheadAttention, nn.TransformerEncoderLayer)
_OTHER_CONVOLUTIONS = (
    nn.Conv1d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)

_NO_WEIGHTS = (nn.Embedding, nn.EmbeddingBag, nn.LayerNorm, nn.RMSNorm, KroneckerAdapter)


def is_layer(module: nn.Module) -> bool:
    """Whether a module is a layer that is replaced, or of which it is said why it is not."""
    kronecker = (KroneckerLinear, KroneckerConv2d)
    if isinstance(module, torch.jit.ScriptModule):
        return False
    if dense_class(module) is not None or isinstance(module, (*kronecker, *_OTHER_CONVOLUTIONS)):
        return True
    return _is_quantised(module) and hasattr(module, "weight")


def why_left_alone(
    module: nn.Module,
    owners: list[nn.Module],
    shared: Mapping[str, str],
    *,
    kronecker: bool = False,
) -> str | None:
    """Say why nothing is put in the place of a layer.

    Args:
        module: A layer.
        owners: The modules around it, wherever the model has it.
        shared: By the names of its own tensors, that of another in the same memory.
        kronecker: Whether something can be put in the place of a `KroneckerLinear` too.

    Returns:
        The reason, or None where the layer can be replaced.
    """
    if kronecker and type(module).forward is KroneckerLinear.forward:
        return next(_reasons_of_owners(module, owners), None)
    return next(_reasons(module, owners, shared), None)


def _reasons(
    module: nn.Module, owners: list[nn.Module], shared: Mapping[str, str]
) -> Iterator[str]:
    """Reasons in the order in which they are looked for; a later one may rest on an earlier."""
    if isinstance(module, (KroneckerLinear, KroneckerConv2d)):
        yield "it is a Kronecker layer already"
    if _is_quantised(module):
        yield "its weight is quantised"
    if isinstance(module, _OTHER_CONVOLUTIONS):
        yield "convolutions of this kind have no Kronecker form here"
    yield from _reasons_of_owners(module, owners)
    own = registered_parameters(module)
    weight = own.get("weight")
    if isinstance(module, LazyModuleMixin):
        yield "it is lazy: its shape is known after a first call, so call the model once"
    if weight is None or ("bias" not in own and getattr(module, "bias", None) is not None):
        yield (
            "its weight or bias is computed from other tensors (pruned, or parametrized as by "
            "weight_norm); remove that first"
        )
    yield from _reasons_of_class(module)
    for name in ("weight", "bias"):
        tensor = own.get(name)
        if tensor is not None:
            yield from _reasons_of_tensor(name, tensor)
        if name in shared:
            yield f"its {name} is tied to {shared[name]}"


def _reasons_of_owners(module: nn.Module, owners: list[nn.Module]) -> Iterator[str]:
    for owner in owners:
        if isinstance(owner, _READERS):
            yield f"its owner, an nn.{type(owner).__name__}, reads its weight"
        of_others = isinstance(getattr(owner, "base_layer", None), nn.Module)  # PEFT's
        if of_others or isinstance(owner, KroneckerAdapter):
            library = type(owner).__module__.partition(".")[0]
            yield f"it belongs to an adapter ({library}.{type(owner).__name__}); merge that first"
    if isinstance(module, NonDynamicallyQuantizableLinear):
        yield "its owner reads its weight"


def _reasons_of_class(module: nn.Module) -> Iterator[str]:
    plain = dense_class(module)
    names = ("forward", "_conv_forward", "__call__")
    if any(getattr(type(module), name, None) is not getattr(plain, name, None) for name in names):
        yield f"it is a {type(module).__name__}, whose forward is its own"
    if "forward" in vars(module):
        yield "its forward has been replaced, as offloading does; remove that first"
    others = set(registered_parameters(module)) | {name for name, _ in module.named_buffers()}
    if others - {"weight", "bias"} or next(module.children(), None) is not None:
        yield "it holds more than a weight and a bias"
    if isinstance(module, nn.Conv2d) and module.groups != 1:
        yield f"it has {module.groups} groups"


def _reasons_of_tensor(name: str, tensor: Tensor) -> Iterator[str]:
    if type(tensor) not in (nn.Parameter, Tensor):
        yield f"its {name} is a {type(tensor).__name__}"
    if tensor.dtype not in _FLOATING:
        dtype = str(tensor.dtype).removeprefix("torch.")
        yield f"its {name} is of {dtype}, no floating-point number of 16 bits or more"
    if tensor.layout != torch.strided:
        yield f"its {name} is sparse"
    if tensor.numel() == 0:
        yield f"its {name} is empty"


def _is_quantised(module: nn.Module) -> bool:
    if ".quantized" in type(module).__module__:
        return True
    weight = registered_parameters(module).get("weight")
    integer = isinstance(weight, Tensor) and weight.dtype in (torch.int8, torch.uint8)
    return integer and dense_class(module) is not None


def owners_of(model: nn.Module) -> dict[int, list[nn.Module]]:
    """Find the module around each module, and the one around that, wherever the model has it.

    Args:
        model: Any module.

    Returns:
        Owners by the `id` of the module.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    owners: dict[int, list[nn.Module]] = {}
    for name, module in modules.items():
        outer, steps = name, 0
        while outer and steps < 2:  # an adapter's layers lie in a dictionary of layers
            outer, steps = outer.rpartition(".")[0], steps + 1
            owners.setdefault(id(module), []).append(modules[outer])
    return owners


def shared_memory(model: nn.Module) -> dict[str, dict[str, str]]:
    """Find tensors of a model that lie in the memory of another.

    Args:
        model: Any module.

    Returns:
        By a module's name and that of its tensor, the name of the other.
    """
    stored: dict[tuple[str, int], list[tuple[int, int, str, str]]] = {}
    for owner, module in model.named_modules():
        tensors = [
            *module.named_parameters(recurse=False, remove_duplicate=False),
            *module.named_buffers(recurse=False, remove_duplicate=False),
        ]
        for own, tensor in tensors:
            plain = type(tensor) in (nn.Parameter, Tensor) and tensor.layout == torch.strided
            if not plain or tensor.is_meta or tensor.numel() == 0:
                continue
            size = tensor.element_size()
            first = tensor.storage_offset() * size
            steps = zip(tensor.shape, tensor.stride(), strict=True)
            last = first + (sum((n - 1) * s for n, s in steps) + 1) * size
            key = str(tensor.device), tensor.untyped_storage().data_ptr()
            stored.setdefault(key, []).append((first, last, owner, own))
    shared: dict[str, dict[str, str]] = {}
    for group in stored.values():
        for first, last, owner, own in group:
            for start, end, *other in group:
                if other != [owner, own] and first < end and start < last:
                    shared.setdefault(owner, {})[own] = ".".join(filter(None, other))
    return shared


def loose_parameters(model: nn.Module, skipped: Set[str]) -> list[LeftAlone]:
    """Find the parameters of a model that are matrices, or many, but lie in no layer.

    Such are the weights of experts that are kept as one tensor. Tables of embeddings and the scales
    of norms are not meant.

    Args:
        model: Any module.
        skipped: Names of modules that are not looked at.

    Returns:
        The parameters with the reason, in the model's order.
    """
    found: list[LeftAlone] = []
    layers = tuple(f"{name}." for name, module in model.named_modules() if is_layer(module))
    for name, module in model.named_modules():
        if name in skipped or f"{name}.".startswith(layers) or isinstance(module, _NO_WEIGHTS):
            continue
        for own, parameter in module.named_parameters(recurse=False):
            if not is_lazy(parameter) and sum(size > 1 for size in parameter.shape) > 1:
                reason = (
                    f"a parameter of shape {tuple(parameter.shape)} that lies in no nn.Linear, "
                    "Conv1D or nn.Conv2d"
                )
                path = f"{name}.{own}" if name else own
                found.append(LeftAlone(path, type(module).__name__, reason))
    return found
