"""The float body: tables, functions and calls of one network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qimlp.export.c.arena import Places, place
from qimlp.export.c.body import Body
from qimlp.export.c.floats.activations import activation_code
from qimlp.export.c.floats.calls import LayerCalls, at, sizes_of
from qimlp.export.c.floats.kernels import finish_code, product_code
from qimlp.export.c.floats.reading import Reading, reading
from qimlp.export.c.floats.weights import Held, Weights, factor_table, hold
from qimlp.export.c.literals import table
from qimlp.export.c.rows import random_rows
from qimlp.export.c.steps import Plan, plan, simplified
from qimlp.export.description import Array, Description, Layer
from qimlp.files import printable

_TOLERANCE = 1e-5  # of the self-test, relative to the largest output
_STACK_BYTES = 320
_RANDOM_EXAMPLES = 256
# Code in Thumb-2, counted in what arm-none-eabi-gcc 12 makes of networks with -Os.
_KERNEL_BYTES = {"f32": 300, "i8": 360, "i4": 390}
_CALL_BYTES = 44
_LOOP_BYTES = 40
_FINISH_BYTES = 56
_STEP_BYTES = 16
_FAR = 2.0**14  # spreads from zero: a float holds such a value to a thousandth of its spread


def float_body(
    description: Description,
    name: str,
    *,
    weights: Weights = "f32",
    input_type: str = "float",
    calibration: Array | None = None,
) -> Body:
    """Write a network in single precision.

    Args:
        description: Of the network.
        name: What all its identifiers begin with.
        weights: How the factors are held; in 8 and 4 bits they are scaled back as they are used.
            Biases are always floats.
        input_type: `"float"` or `"uint8_t"`.
        calibration: Raw examples of shape (n, features), whose outputs rounding is to keep; None
            for random ones.

    Returns:
        The body.

    Raises:
        ValueError: If a number is too large for single precision.
    """
    read = reading(description, name, input_type)
    layers = [simplified(layer) for layer in (read.layer, *description.layers[1:])]
    held = hold(layers, weights, _examples(description, read, calibration))
    last = len(held) - 1
    plans = [plan(h.layer, input_held=k > 0, output_held=k < last) for k, h in enumerate(held)]
    places, elements = place([p.needs for p in plans])
    writer = _Writer(name, weights, read)
    for k, (h, p, where) in enumerate(zip(held, plans, places, strict=True)):
        source = "x" if k == 0 else at(where.before)
        writer.add_layer(k, h, p, where, source, "outputs" if k == last else at(where.behind))
    writer.add_units(description)
    functions, code_bytes = writer.functions(input_type, {h.layer.activation for h in held})
    exact = weights == "f32"
    outputs = description.outputs if exact else _with(description, read, held).outputs
    return Body(
        input_type=input_type,
        output_type="float",
        state=f"    float memory[{elements}];\n",
        constants="\n".join(filter(None, [read.code, functions, *writer.tables])),
        code="\n".join(writer.code_lines()),
        static_bytes=4 * elements,
        constant_bytes=writer.table_bytes,
        code_bytes=code_bytes,
        stack_bytes=_STACK_BYTES,
        multiply_adds=sum(p.multiply_adds for p in plans),
        outputs=outputs,
        real_outputs=outputs,
        tolerance=_TOLERANCE,
        quantisation={"weights": weights, "activations": "f32"},
        notes=_notes(description, input_type),
    )


def _notes(description: Description, input_type: str) -> tuple[str, ...]:
    library = (
        "a processor without a floating-point unit needs the compiler's routines for floats too, "
        "about 2 kB of flash"
    )
    distance = np.abs(description.shift) / description.scale
    far = np.flatnonzero(np.broadcast_to(distance, description.in_features) > _FAR)
    if input_type != "float" or not len(far):
        return (library,)
    names = description.feature_names
    first = printable(names[far[0]], 60) if names else f"{far[0] + 1}"
    others = f" (and {len(far) - 1} more)" if len(far) > 1 else ""
    return (
        library,
        f"column {first}{others}: its values lie so far from zero that a float rounds away much of "
        "how they differ; subtract a constant before training",
    )


def _examples(description: Description, read: Reading, calibration: Array | None) -> Array:
    """What the first layer takes of raw examples."""
    rows = random_rows(description, _RANDOM_EXAMPLES) if calibration is None else calibration
    return _unscaled(description, read).inputs(rows)


def _unscaled(description: Description, read: Reading) -> Description:
    """The same with the unit of raw features left to the first layer, where it has it."""
    folded = read.layer is not description.layers[0]
    return replace(description, scale=np.ones(1)) if folded else description


def _with(description: Description, read: Reading, held: Sequence[Held]) -> Description:
    """The network with its factors as they are held."""
    layers = tuple(h.layer for h in held)
    return replace(_unscaled(description, read), layers=layers)


@dataclass
class _Writer:
    """Tables and calls, gathered layer by layer."""

    name: str
    weights: Weights
    read: Reading
    tables: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    finishes: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    table_bytes: int = 0

    def __post_init__(self) -> None:
        self.table_bytes = self.read.table_bytes

    def floats(self, name: str, values: Array) -> str:
        """Declare a table of floats; returns its name."""
        self.tables.append(table("float", f"{self.name}_{name}", values))
        self.table_bytes += 4 * values.size
        return f"{self.name}_{name}"

    def add_layer(
        self, k: int, held: Held, p: Plan, places: Places, source: str, target: str
    ) -> None:
        """Add one layer's tables and calls."""
        names = tuple(f"{self.name}_w{k}_{mode}" for mode in range(len(held.tables)))
        for name, numbers in zip(names, held.tables, strict=True):
            self.tables.append(factor_table(self.weights, name, numbers))
        self.table_bytes += held.numbers_bytes
        calls = LayerCalls(
            name=self.name,
            factors=names,
            copy_sizes=held.copy_sizes,
            scales=None if held.scales is None else self.floats(f"s{k}", held.scales),
            plan=p,
            places=places,
            source=source,
            target=target,
            reads=k == 0 and bool(self.read.code),
            number=len(self.steps),
        )
        self.calls += [f"/* {held.layer.shape}, {held.layer.activation} */", *calls.lines()]
        self.steps += [sizes_of(step) for step in p.steps]
        self._finish(k, held.layer, target)

    def _finish(self, k: int, layer: Layer, y: str) -> None:
        given = layer.bias_factors or (() if layer.bias is None else (layer.bias,))
        if not given and layer.activation == "identity":
            return
        vectors = _joined(given)
        dims = tuple(len(v) for v in vectors) or (layer.shape.out_features,)
        form = "plus" if vectors else "of"
        function = f"{self.name}_{layer.activation}_{form}_{'x'.join(map(str, dims))}"
        self.finishes[function] = finish_code(
            self.name, function, dims, layer.activation, bias=bool(vectors)
        )
        tables = [self.floats(f"b{k}_{i}", v) for i, v in enumerate(vectors)]
        self.calls.append(f"{function}({', '.join([y, *tables])});")

    def add_units(self, description: Description) -> None:
        """Bring a regression's outputs to the targets' own units."""
        scale, shift = description.output_scale, description.output_shift
        if scale is None or shift is None:
            return
        scale, shift = (np.broadcast_to(v, description.num_outputs) for v in (scale, shift))
        unit, zero = self.floats("target_unit", scale), self.floats("target_zero", shift)
        self.calls += [
            f"for (c = 0; c < {description.num_outputs}U; c++) {{",
            f"    outputs[c] = outputs[c] * {unit}[c] + {zero}[c];",
            "}",
        ]

    def functions(self, input_type: str, activations: set[str]) -> tuple[str, int]:
        """All functions and the table of steps, and about their size in Thumb-2."""
        inner = any("_product(" in line for line in self.calls)
        reads = input_type if self.read.code else None
        products = product_code(self.name, self.weights, reads, inner=inner)
        functions, size = activation_code(activations)
        steps = ",\n".join(f"    {{{sizes}}}" for sizes in self.steps)
        kind = f"static const {self.name}_step {self.name}_steps[{len(self.steps)}]"
        self.table_bytes += _STEP_BYTES * len(self.steps)
        size += self.read.code_bytes + _KERNEL_BYTES[self.weights]
        size += _FINISH_BYTES * len(self.finishes)
        size += _CALL_BYTES * sum("_steps[" in line for line in self.calls)
        size += _LOOP_BYTES * sum(line.startswith("for") for line in self.calls)
        texts = [functions.replace("NAME", self.name), products, *self.finishes.values()]
        return "\n".join(filter(None, [*texts, f"{kind} = {{\n{steps}\n}};\n"])), size

    def code_lines(self) -> list[str]:
        """The statements of `NAME_predict_in`."""
        counter = ["size_t c;"] if any("c++" in line for line in self.calls) else []
        head = [*counter, "float *const memory = state->memory;"]
        return [f"    {line}" for line in (*head, *self.calls)]


def _joined(vectors: Sequence[Array]) -> tuple[Array, ...]:
    """The vectors without those of one number, which are multiplied into another."""
    if not vectors:
        return ()
    number = float(np.prod([v[0] for v in vectors if len(v) == 1]))
    kept = [v for v in vectors if len(v) > 1] or [np.ones(1)]
    return (kept[0] * number, *kept[1:])
