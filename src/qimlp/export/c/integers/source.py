"""A quantised network as C: tables, functions and the calls of one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from qimlp.export.c.indices import indices
from qimlp.export.c.integers import kernels
from qimlp.export.c.integers.entry import entry_code
from qimlp.export.c.integers.memory import laid_order, memory, output_strides, rests
from qimlp.export.c.integers.nest import Form, layer_function, shape_type
from qimlp.export.c.integers.network import Activation, IntegerLayer, IntegerNetwork, Rescale
from qimlp.export.c.integers.writer import Writer
from qimlp.export.c.packing import pack_i4, pack_i8

_NAMES = {"identity": 0, "relu": 1, "gelu": 2, "silu": 2, "tanh": 3}
_WORD = 4  # bytes of a pointer on the processors that sizes are given for


@dataclass(frozen=True)
class Text:
    """C of a network.

    Attributes:
        state: Members of the struct that holds what is computed.
        constants: Tables and functions.
        code: The calls.
        static_bytes: Size of the struct.
        constant_bytes: Size of the tables.
        stack_bytes: A bound of the stack.
    """

    state: str
    constants: str
    code: str
    static_bytes: int
    constant_bytes: int
    stack_bytes: int


def form_of(layer: IntegerLayer, weights: str) -> Form:
    """What function a layer takes.

    Args:
        layer: Quantised.
        weights: `"i8"` or `"i4"`.

    Returns:
        Its form.
    """
    split = 0
    if len(layer.bias) == 2:
        outs = [layer.out_dims[mode] for mode in layer.order]
        split = next(k for k in range(1, len(outs)) if prod(outs[:k]) == len(layer.bias[0]))
    hidden = layer.activation is not None
    return Form(len(layer.in_dims), split, layer.bytes_in, weights, hidden, not hidden)


def write(network: IntegerNetwork, name: str) -> Text:
    """Write a network as C.

    Args:
        network: Quantised.
        name: What every identifier begins with.

    Returns:
        The text.
    """
    forms: dict[str, Form] = {}
    for layer in network.layers:
        form = form_of(layer, network.weights)
        known = forms.get(form.tag, form)
        forms[form.tag] = replace(
            known, hidden=known.hidden or form.hidden, last=known.last or form.last
        )
    out = Writer(name)
    value = "uint8_t" if network.activations == "i8" else "int16_t"
    out.add(f"typedef {value} @_value;\n")
    _add_kernels(out, network, forms)
    for form in forms.values():
        out.add(shape_type(form))
        out.add(layer_function(form))
    out.add("\n")
    shapes = [_layer_tables(out, network, place, forms) for place in range(len(network.layers))]
    entered = _entry(out, network)
    members, static = memory(network, entered=entered is not None)
    code = (entered or "") + _calls(network, shapes, entered=entered is not None)
    return Text(
        state=members,
        constants="".join(out.parts),
        code=code.replace("@", name),
        static_bytes=static,
        constant_bytes=out.bytes,
        stack_bytes=112 + 48 * max(2, *(form.modes for form in forms.values())),
    )


def _add_kernels(out: Writer, network: IntegerNetwork, forms: dict[str, Form]) -> None:
    nested = [form for form in forms.values() if form.modes > 1]
    eight = network.activations == "i8"
    used = [layer.activation for layer in network.layers if layer.activation is not None]
    if nested:
        out.add(kernels.PLACES)
    if nested or used or eight or network.entry.kind == "bytes":
        out.add(kernels.DOWN)
    if nested or used:
        out.add(kernels.RESCALED)
    if nested:
        out.add(kernels.WIDEN_I8 if network.weights == "i8" else kernels.WIDEN_I4)
        if eight or network.weights == "i8":
            out.add(kernels.PRODUCTS_8)
        if network.weights == "i4":
            out.add(kernels.PRODUCTS_4)
        if not eight or any(form.modes > 2 for form in nested):
            out.add(kernels.PRODUCTS_16)
    if used:
        out.add(kernels.ACTIVATION)
        out.add(_activate(used, network.activations))


def _activate(used: Sequence[Activation], activations: str) -> str:
    """The function for all activations that a network has, and no more."""
    present = sorted({_NAMES[activation.name] for activation in used})
    cases = {
        0: "",
        1: "        p = p < 0 ? 0 : p;\n",
        2: kernels.TABLED + "        p = (p < 0 ? 0 : p) - (int32_t)u;\n",
        3: kernels.TABLED + "        p = p < 0 ? -(int32_t)u : (int32_t)u;\n",
    }
    text = ""
    for number in present:
        if cases[number]:
            head = f"    if (f->name == {number}) {{\n" if len(present) > 1 else "    {\n"
            text += head + cases[number] + "    }\n"
    if len(present) > 1:  # each at most once: p changes
        text = text.replace("    }\n    if (f->name", "    } else if (f->name")
    least, most = used[0].least, used[0].most
    top = most - least
    result = f"(@_value)(p > {top} ? {top} : p)"
    if activations == "i16":
        result = f"(@_value)((p > {top} ? {top} : p) - {-least})"
    return kernels.ACTIVATE.replace("@FUNCTIONS", text).replace("@RESULT", result)


def _layer_tables(
    out: Writer, network: IntegerNetwork, place: int, forms: dict[str, Form]
) -> tuple[str, Form]:
    layer = network.layers[place]
    form = forms[form_of(layer, network.weights).tag]
    weights = []
    for step, values in enumerate(layer.weights):
        last = step == form.modes - 1
        flat = values.reshape(len(values), -1) if last else values.reshape(-1, values.shape[2])
        packed = pack_i8(flat) if network.weights == "i8" else pack_i4(flat // 16)
        weights.append(out.table("uint8_t", f"w{place}_{step}", packed))
    fields = ["{" + ", ".join(weights) + "}"]
    kinds = ("int32_t",) if form.split == 0 else ("int16_t", "int16_t")
    for letter, kind, vector in zip("uv", kinds, layer.bias, strict=False):
        fields.append(out.table(kind, f"{letter}{place}", vector))
    if form.modes > 1:
        ratios = [ratio for step in layer.between for ratio in step]
        listed = ",\n".join(f"    {_ratio(ratio)}" for ratio in ratios)
        out.add(
            f"static const @_ratio @_ratios{place}[{len(ratios)}] = {{\n{listed}\n}};\n",
            12 * len(ratios),
        )
        fields.append(f"@_ratios{place}")
    if form.hidden:
        fields.append(_activation_table(out, layer, place))
    return _shape(out, network, place, form, fields), form


def _ratio(ratio: Rescale) -> str:
    return f"{{{ratio.multiplier}U, {ratio.start}, {ratio.shift}}}"


def _activation_table(out: Writer, layer: IntegerLayer, place: int) -> str:
    activation = layer.activation
    if activation is None:
        return "NULL"
    entries = "NULL"
    if activation.table:
        entries = out.table("uint16_t", f"d{place}", activation.table)
    half = (1 << activation.fine_bits) >> 1
    zero = ((activation.zero - activation.least) << activation.fine_bits) + half
    out.add(
        f"static const @_activation @_f{place} = {{{_ratio(activation.rescale)}, {zero}, "
        f"{entries}, {_NAMES[activation.name]}, {activation.step_bits}, "
        f"{activation.fine_bits}}};\n",
        24,
    )
    return f"&@_f{place}"


def _shape(out: Writer, network: IntegerNetwork, place: int, form: Form, fields: list[str]) -> str:
    layer, m = network.layers[place], form.modes
    strides = output_strides(network, place)
    zero = layer.zero + ((128 << layer.zero_bits) if layer.bytes_in else 0)
    fields.append(str(zero))
    fields += [
        "{" + ", ".join(str(values[mode]) for mode in layer.order) + "}"
        for values in (layer.in_dims, layer.out_dims, strides)
    ]
    if m > 1:
        fields.append("{" + ", ".join(map(str, rests(layer)[:-1])) + "}")
        fields.append(str(layer.limit))
    fields += [str(layer.rank), str(layer.zero_bits)]
    words = m + (1 if form.split == 0 else 2) + (m > 1) + form.hidden + 1
    halves = 3 * m + (m if m > 1 else 0)
    text = ", ".join(fields)
    out.add(
        f"static const @_shape{form.tag} @_shape{form.tag}_{place} = {{\n    {text}\n}};\n",
        _WORD * words + (2 * halves + 2 + 3) // 4 * 4,
    )
    return f"@_shape{form.tag}_{place}"


def _entry(out: Writer, network: IntegerNetwork) -> str | None:
    """Code that writes the first layer's input; None where it is the caller's bytes themselves."""
    order = laid_order(network)
    plain = bool((order == np.arange(len(order))).all())
    if plain and network.entry.kind == "pixels" and network.activations == "i8":
        return None
    code = indices(order.tolist(), out.name)
    if code is not None:
        out.add(code.code, code.table_bytes)
    raw = "k" if code is None else "@_raw(k)"
    return entry_code(out, network, raw)


def _calls(network: IntegerNetwork, shapes: Sequence[tuple[str, Form]], *, entered: bool) -> str:
    """One call for each layer, from one buffer to the other."""
    lines = []
    source = "state->a" if entered else "x"
    for place, (layer, (shape, form)) in enumerate(zip(network.layers, shapes, strict=True)):
        hidden = layer.activation is not None
        target = f"state->{'ab'[(place + 1) % 2]}"
        arguments = ["state"] if form.modes > 1 else []
        arguments += [f"&{shape}", source]
        arguments += [target if hidden else "NULL"] if form.hidden else []
        arguments += ["NULL" if hidden else "outputs"] if form.last else []
        lines.append(f"    @_layer{form.tag}({', '.join(arguments)});\n")
        source = target
    alone = "state" not in "".join(lines) and not entered
    return ("    (void)state;\n" if alone else "") + "".join(lines)
