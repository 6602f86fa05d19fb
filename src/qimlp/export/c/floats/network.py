"""The float body: tables, functions and calls of one network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qimlp.export.c.arena import place
from qimlp.export.c.body import Body
from qimlp.export.c.floats.activations import activation_code
from qimlp.export.c.floats.kernels import finish_code, product_code
from qimlp.export.c.floats.reading import Reading, reading
from qimlp.export.c.floats.weights import Held, Weights, factor_table, hold
from qimlp.export.c.literals import table
from qimlp.export.c.steps import Plan, plan, simplified
from qimlp.export.description import Array, Description, Layer

_TOLERANCE = 1e-5  # of the self-test, relative to the largest output
_STACK_BYTES = 320
_KERNEL_BYTES = {"f32": 420, "i8": 500, "i4": 540}
_CALL_BYTES = 48
_FINISH_BYTES = 96


def float_body(
    description: Description, name: str, *, weights: Weights = "f32", input_type: str = "float"
) -> Body:
    """Write a network in single precision.

    Args:
        description: Of the network.
        name: What all its identifiers begin with.
        weights: How the factors are held; in 8 and 4 bits they are scaled back as they are used.
            Biases are always floats.
        input_type: `"float"` or `"uint8_t"`.

    Returns:
        The body.

    Raises:
        ValueError: If a number is too large for single precision.
    """
    read = reading(description, name, input_type)
    held = [hold(simplified(layer), weights) for layer in (read.layer, *description.layers[1:])]
    last = len(held) - 1
    plans = [
        plan(
            h.layer,
            first="held" if k else "fibre" if read.code else "elsewhere",
            output_held=k < last,
        )
        for k, h in enumerate(held)
    ]
    writer = _Writer(name, weights, read, last)
    placed, elements = place([p.buffers for p in plans])
    for k, (h, p, offsets) in enumerate(zip(held, plans, placed, strict=True)):
        writer.add_layer(k, h, p, offsets)
    writer.add_units(description)
    kernels, kernel_bytes = writer.functions(input_type, {h.layer.activation for h in held})
    exact = weights == "f32"
    outputs = description.outputs if exact else _rounded(description, read, held).outputs
    multiply_adds = sum(p.multiply_adds for p in plans)
    return Body(
        input_type=input_type,
        output_type="float",
        state=f"    float memory[{max(elements, 1)}];\n",
        constants="\n".join(filter(None, [read.code, kernels, *writer.tables])),
        code="\n".join(writer.code_lines()),
        static_bytes=4 * max(elements, 1),
        constant_bytes=writer.table_bytes,
        code_bytes=kernel_bytes,
        stack_bytes=_STACK_BYTES,
        multiply_adds=multiply_adds,
        outputs=outputs,
        real_outputs=outputs,
        tolerance=_TOLERANCE,
        quantisation={"weights": weights, "activations": "f32"},
    )


def _rounded(description: Description, read: Reading, held: Sequence[Held]) -> Description:
    """The network with its factors as they are held, first layer with the unit inside."""
    folded = read.layer is not description.layers[0]
    layers = tuple(h.layer for h in held)
    scale = np.ones(1) if folded else description.scale
    return replace(description, layers=layers, scale=scale)


@dataclass
class _Writer:
    """Tables and calls, gathered layer by layer."""

    name: str
    weights: Weights
    read: Reading
    last: int
    tables: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    finishes: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    table_bytes: int = 0
    products: bool = False
    copies: bool = False

    def __post_init__(self) -> None:
        self.table_bytes = self.read.table_bytes

    def floats(self, name: str, values: Array) -> str:
        """Declare a table of floats; returns its name."""
        self.tables.append(table("float", f"{self.name}_{name}", values))
        self.table_bytes += 4 * values.size
        return f"{self.name}_{name}"

    def add_layer(self, k: int, held: Held, p: Plan, offsets: tuple[int, ...]) -> None:
        """Add one layer's tables and calls."""
        for mode, numbers in enumerate(held.tables):
            self.tables.append(factor_table(self.weights, f"{self.name}_w{k}_{mode}", numbers))
        self.table_bytes += held.numbers_bytes
        scales = None if held.scales is None else self.floats(f"s{k}", held.scales)
        shape = held.layer.shape
        self.calls.append(f"/* {shape}, {held.layer.activation} */")
        body = [
            line
            for number in range(len(p.steps))
            for line in self._step(k, held, p, number, offsets, scales)
        ]
        if p.apart:
            body = [f"for (c = 0; c < {p.rank}U; c++) {{", *("    " + line for line in body), "}"]
            self.copies = True
        self.calls += body
        self._finish(k, held.layer, "outputs" if k == self.last else _at(offsets[-1]))

    def _step(
        self,
        k: int,
        held: Held,
        p: Plan,
        number: int,
        offsets: tuple[int, ...],
        scales: str | None,
    ) -> list[str]:
        """The call of one mode product, in a loop over copies where it needs one."""
        step = p.steps[number]
        size = held.copy_sizes[step.mode]
        final = number == len(p.steps) - 1
        summed = 1 if p.apart else step.copies_in
        sizes = (step.outer, step.size_in, step.inner, step.size_out, summed if final else 1, size)
        self.steps.append(", ".join(f"{n}U" for n in sizes))
        descriptor = f"&{self.name}_steps[{len(self.steps) - 1}]"
        copies = 1 if final or p.apart else step.copies_out
        reads = k == 0 and number == 0
        fibre = reads and bool(self.read.code)
        each = " + c * "
        looped = copies > 1 and not fibre
        w = f"{self.name}_w{k}_{step.mode}" + (f"{each}{size}U" if looped or p.apart else "")
        x = "x" if reads else _at(offsets[number])
        x += f"{each}{step.copy_in}U" if looped and step.copies_in > 1 else ""
        y = "outputs" if final and k == self.last else _at(offsets[number + 1])
        y += f"{each}{step.copy_out}U" if looped else ""
        add = "c > 0U" if final and p.apart else "0"
        scale = []
        if scales is not None:
            scale = [(f"{scales} + c" if p.apart else scales) if final else "NULL"]
        if fibre:
            given = [descriptor, x, _at(offsets[0]), w, f"{copies}U", *scale, y, add]
            return [f"{self.name}_first({', '.join(given)});"]
        self.products = True
        call = f"{self.name}_product({', '.join([descriptor, x, w, *scale, y, add])});"
        if not looped:
            return [call]
        self.copies = True
        return [f"for (c = 0; c < {copies}U; c++) {{", f"    {call}", "}"]

    def _finish(self, k: int, layer: Layer, y: str) -> None:
        vectors = layer.bias_factors or (() if layer.bias is None else (layer.bias,))
        if not vectors and layer.activation == "identity":
            return
        vectors = _joined(vectors)
        dims = tuple(len(v) for v in vectors) or (layer.shape.out_features,)
        form = "plus" if vectors else "of"
        function = f"{self.name}_{layer.activation}_{form}_{'x'.join(map(str, dims))}"
        self.finishes[function] = finish_code(
            self.name, function, dims, layer.activation, bias=bool(vectors)
        )
        given = [y, *(self.floats(f"b{k}_{i}", v) for i, v in enumerate(vectors))]
        self.calls.append(f"{function}({', '.join(given)});")

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
        self.copies = True

    def functions(self, input_type: str, activations: set[str]) -> tuple[str, int]:
        """All functions and the table of steps, and about their size in Thumb-2."""
        reads = input_type if self.read.code else None
        products = product_code(self.name, self.weights, reads, inner=self.products)
        functions, size = activation_code(activations)
        steps = "\n".join(f"    {{{sizes}}}," for sizes in self.steps).removesuffix(",")
        kind = f"static const {self.name}_step {self.name}_steps[{len(self.steps)}]"
        steps = f"{kind} = {{\n{steps}\n}};\n"
        self.table_bytes += 24 * len(self.steps)
        size += self.read.code_bytes + _KERNEL_BYTES[self.weights]
        size += _CALL_BYTES * len(self.steps) + _FINISH_BYTES * len(self.finishes)
        texts = [functions.replace("NAME", self.name), products, *self.finishes.values(), steps]
        return "\n".join(filter(None, texts)), size

    def code_lines(self) -> list[str]:
        """The statements of `NAME_predict_in`."""
        memory = any("memory" in line for line in self.calls)
        head = ["float *const memory = state->memory;"] if memory else ["(void)state;"]
        head = ["size_t c;", *head] if self.copies and memory else head
        head = ["size_t c;", *head] if self.copies and not memory else head
        return [f"    {line}" for line in (*head, *self.calls)]


def _at(offset: int) -> str:
    return f"memory + {offset}" if offset else "memory"


def _joined(vectors: Sequence[Array]) -> tuple[Array, ...]:
    """The vectors without those of one number, which are multiplied into another."""
    if not vectors:
        return ()
    number = float(np.prod([v[0] for v in vectors if len(v) == 1]))
    kept = [v for v in vectors if len(v) > 1] or [np.ones(1)]
    return (kept[0] * number, *kept[1:])
