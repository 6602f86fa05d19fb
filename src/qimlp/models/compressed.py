"""A network some of whose dense layers are Kronecker layers, and how that is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from torch import Tensor, nn

from qimlp.files import shown
from qimlp.models.pretrained import Pretrained
from qimlp.models.registry import from_config, register
from qimlp.nn import (
    KroneckerConv2d,
    KroneckerLinear,
    dense_class,
    dense_matrix,
    kronecker_like,
    stands_for_dense,
    swap_,
)
from qimlp.shapes import BiasForm, KroneckerShape, as_bias_form

Form = Literal["low_rank", "kronecker"]


@dataclass(frozen=True)
class LayerSpec:
    """What takes a dense layer's place, without its numbers.

    Attributes:
        form: `"low_rank"`, a product of two thin matrices, or `"kronecker"`.
        in_dims: Sizes of the input's bodies.
        out_dims: Sizes of the output's bodies.
        rank: Number of summed Kronecker products.
        bias: How the bias is stored, or None where there is none.

    Raises:
        TypeError: A size is no integer.
        ValueError: Sizes below 1, dims of different lengths, an unknown form or bias.
    """

    form: Form
    in_dims: tuple[int, ...]
    out_dims: tuple[int, ...]
    rank: int
    bias: BiasForm | None

    def __post_init__(self) -> None:
        shape = self.shape
        object.__setattr__(self, "in_dims", shape.in_dims)
        object.__setattr__(self, "out_dims", shape.out_dims)
        if self.form not in get_args(Form):
            raise ValueError(f"form: expected low_rank or kronecker, got {shown(self.form)}")
        if self.bias is not None and self.bias not in get_args(BiasForm):
            raise ValueError(f"bias: expected dense, kronecker or none, got {shown(self.bias)}")

    @property
    def shape(self) -> KroneckerShape:
        """Dims and rank."""
        return KroneckerShape(self.in_dims, self.out_dims, self.rank)

    @classmethod
    def of(cls, layer: KroneckerLinear | KroneckerConv2d) -> LayerSpec:
        """Describe a layer."""
        shape = layer.shape
        thin = shape.in_dims[0] == shape.out_dims[-1] == 1 and shape.num_factors == 2
        form: Form = "low_rank" if thin else "kronecker"
        bias = as_bias_form(layer.bias_form)
        return cls(form, shape.in_dims, shape.out_dims, shape.rank, bias)

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` takes, ready for JSON."""
        return {**asdict(self), "in_dims": list(self.in_dims), "out_dims": list(self.out_dims)}

    @classmethod
    def from_dict(cls, values: Any) -> LayerSpec:
        """Check what was stored.

        Args:
            values: As `to_dict` gives it.

        Returns:
            The description.

        Raises:
            TypeError: A size is no integer.
            ValueError: Keys that are missing or unknown, or unfit values.
        """
        known = {field.name for field in fields(cls)}
        if not isinstance(values, Mapping) or set(values) != known:
            raise ValueError(f"expected {', '.join(sorted(known))}, got {shown(values)}")
        return cls(**values)


def layer_specs(model: nn.Module) -> dict[str, LayerSpec]:
    """Describe the layers of a model that took the places of dense ones.

    Args:
        model: Any model.

    Returns:
        By the name of the layer; of a layer that the model has under several names, the first.
    """
    return {
        name: LayerSpec.of(module)
        for name, module in model.named_modules()
        if isinstance(module, KroneckerLinear | KroneckerConv2d) and stands_for_dense(module)
    }


def read_specs(layers: Mapping[str, Any], source: str) -> dict[str, LayerSpec]:
    """Check stored descriptions of layers.

    Args:
        layers: By the name of the layer, as `LayerSpec.to_dict` gives them.
        source: Where they come from, for the message.

    Returns:
        The descriptions, by name.

    Raises:
        ValueError: One is unfit; the line names its layer.
    """
    specs: dict[str, LayerSpec] = {}
    name = ""
    try:
        for name, values in layers.items():
            specs[name] = LayerSpec.from_dict(values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source}: {shown(name, 80)}: {error}") from None
    return specs


def rebuild_(
    model: nn.Module, specs: Mapping[str, LayerSpec], *, device: str | None = None
) -> dict[str, nn.Module]:
    """Put Kronecker layers without numbers in the place of dense layers, in place, all or none.

    Args:
        model: The model.
        specs: What to put there, by the name of the dense layer.
        device: Where the new layers lie; None for where the dense ones do.

    Returns:
        The dense layers that were there, by name; `swap_` puts them back.

    Raises:
        ValueError: A name that the model does not have, a layer that is not dense, or dims that do
            not multiply up to its sizes.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    new: dict[str, nn.Module] = {}
    for name, spec in specs.items():
        old = modules.get(name)
        if old is None or dense_class(old) is None:
            found = "no such layer" if old is None else f"a {type(old).__name__}"
            raise ValueError(f"{shown(name, 80)}: expected a dense layer in the model, got {found}")
        wanted = tuple(dense_matrix(old).shape)
        if (spec.shape.out_features, spec.shape.in_features) != wanted:
            raise ValueError(
                f"{shown(name, 80)}: expected dims that multiply up to {wanted[1]} inputs and "
                f"{wanted[0]} outputs, got {spec.shape}"
            )
        new[name] = kronecker_like(old, spec.shape, spec.bias, device)
    swap_(model, new)
    return {name: modules[name] for name in new}


@register
class CompressedNetwork(Pretrained):
    """A network of another kind, some of whose dense layers are Kronecker layers.

    Args:
        network: `config` of the network before the compression.
        layers: What took the place of its layers, by name; see `LayerSpec.to_dict`.

    Raises:
        TypeError: `layers` is no mapping.
        ValueError: A config or a description that does not fit.
    """

    kind = "compressed"

    network: Pretrained

    def __init__(self, network: Mapping[str, Any], layers: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__()
        if isinstance(network, Mapping) and network.get("kind") == self.kind:
            raise ValueError("network: expected one before compression, got a compressed one")
        if not isinstance(layers, Mapping):
            raise TypeError(f"layers: expected descriptions by name, got {shown(layers)}")
        self.network = from_config(network)
        rebuild_(self.network, read_specs(layers, "layers"))

    @classmethod
    def of(cls, network: Pretrained) -> CompressedNetwork:
        """Wrap a network whose layers were replaced, so that it can be saved.

        Args:
            network: The network itself, not a copy; a wrapped one is wrapped anew.

        Returns:
            A network that computes the same with the same parameters.

        Raises:
            ValueError: None of its layers was replaced.
        """
        inner = inner_network(network)
        if not layer_specs(inner):
            raise ValueError("network: expected one with replaced layers, got none replaced")
        wrapped = cls.__new__(cls)
        nn.Module.__init__(wrapped)
        wrapped.network = inner
        return wrapped.train(network.training)

    @property
    def in_features(self) -> int:
        """Width of the input."""
        return self.network.in_features

    @property
    def members(self) -> int:
        """Networks that are trained side by side, as of the network inside."""
        return self.network.members

    @property
    def config(self) -> dict[str, Any]:
        """What makes this network again: its `kind` and the constructor's arguments."""
        layers = {name: spec.to_dict() for name, spec in layer_specs(self.network).items()}
        return {"kind": self.kind, "network": self.network.config, "layers": layers}

    def forward(self, *inputs: Any, **more: Any) -> Tensor:
        """Apply the network."""
        outputs: Tensor = self.network(*inputs, **more)
        return outputs


def inner_network(network: nn.Module) -> Any:
    """Return the network of its own kind inside a compressed one; any other network itself."""
    return network.network if isinstance(network, CompressedNetwork) else network
