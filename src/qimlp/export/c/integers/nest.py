"""The function of a layer in C: loops over outputs, mode by mode.

For each output of the mode that is contracted first, all that depends on it is computed before the
next one, so that only rows are held between the modes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """What layers that share a function have in common.

    Attributes:
        modes: Number of modes.
        split: After how many of them the second vector of the bias begins; 0 for a single vector.
        bytes_in: Whether inputs have 8 bits, else 16.
        weights: `"i8"` or `"i4"`.
        hidden: Whether some have an activation.
        last: Whether one has none.
    """

    modes: int
    split: int
    bytes_in: bool
    weights: str
    hidden: bool
    last: bool

    @property
    def tag(self) -> str:
        """What tells its names from those of other forms."""
        return f"{self.modes}{'v' if self.split == 0 else 'k' + str(self.split)}"


def shape_type(form: Form) -> str:
    """Declare the struct that describes a layer.

    Args:
        form: Of the layers.

    Returns:
        Text.
    """
    m = form.modes
    bias = "    const int32_t *bias;\n" if form.split == 0 else "    const int16_t *u, *v;\n"
    between = "" if m == 1 else "    const @_ratio *ratios;\n"
    rest = "" if m == 1 else f"    uint16_t rest[{m - 1}];\n    int16_t limit;\n"
    activation = "    const @_activation *f;\n" if form.hidden else ""
    return (
        f"\ntypedef struct {{\n    const uint8_t *w[{m}];\n{bias}{between}{activation}"
        f"    int32_t zero;\n    uint16_t ins[{m}], outs[{m}], strides[{m}];\n{rest}"
        f"    uint8_t rank, zero_bits;\n}} @_shape{form.tag};\n"
    )


def layer_function(form: Form) -> str:
    """Write the function of a form.

    Args:
        form: Of the layers.

    Returns:
        Text.
    """
    return _single(form) if form.modes == 1 else _nested(form)


def _head(form: Form) -> str:
    arguments = f"const @_shape{form.tag} *l, const @_value *x"
    if form.modes > 1:
        arguments = "@_state *state, " + arguments
    arguments += ", @_value *y" if form.hidden else ""
    arguments += ", int32_t *outputs" if form.last else ""
    return f"\nstatic void @_layer{form.tag}({arguments})\n{{\n"


def _store(form: Form, at: str, indent: str) -> str:
    if not form.hidden:
        return f"{indent}outputs[{at}] = sum;\n"
    put = f"{indent}y[{at}] = @_activate(l->f, sum);\n"
    if not form.last:
        return put
    return (
        f"{indent}if (outputs != NULL) {{\n{indent}    outputs[{at}] = sum;\n{indent}}} else {{\n"
        f"    {put}{indent}}}\n"
    )


def _single(form: Form) -> str:
    weight = (
        "(int32_t)*w++ - 128"
        if form.weights == "i8"
        else "(int32_t)((i & 1 ? (uint32_t)*w++ << 4 : *w) & 0xf0U) - 128"
    )
    whole = "" if form.weights == "i8" else "        w += l->ins[0] & 1;\n"
    zero = "        sum -= @_down(l->zero * total, l->zero_bits);\n" if form.bytes_in else ""
    declared = "int32_t sum = 0, total = 0;" if form.bytes_in else "int32_t sum = 0;"
    counted = "            total += value;\n" if form.bytes_in else ""
    return f"""{_head(form)}    const uint8_t *w = l->w[0];
    size_t o, i;
    for (o = 0; o < l->outs[0]; o++) {{
        {declared}
        for (i = 0; i < l->ins[0]; i++) {{
            const int32_t value = {weight};
            sum += value * x[i];
{counted}        }}
{whole}{zero}        sum += l->bias[o];
{_store(form, "o * l->strides[0]", "        ")}    }}
}}
"""


def _nested(form: Form) -> str:
    m = form.modes
    counters = ", ".join([*(f"o{j}" for j in range(m - 1)), "c", "k"])
    bias = "    const int32_t *bias = l->bias;\n" if form.split == 0 else ""
    bias += "    const int16_t *u = l->u;\n" if form.split else ""
    body = _level(form, 0)
    return (
        f"{_head(form)}    const uint8_t *w0 = l->w[0];\n{bias}    size_t {counters};\n{body}}}\n"
    )


def _level(form: Form, j: int) -> str:
    """Loops from mode j on, with everything inside."""
    m = form.modes
    pad = "    " * (j + 1)
    inner = pad + "    "
    declared = f"{inner}const uint8_t *w{j + 1} = l->w[{j + 1}];\n" if j + 1 < m - 1 else ""
    if form.split == j + 1:
        declared += f"{inner}const int16_t *v = l->v;\n"
    if j == m - 2:
        declared += f"{inner}int32_t total = 0;\n{inner}size_t at = {_address(m)};\n"
    advanced = f"{inner}u++;\n" if form.split == j + 1 else ""
    deeper = _level(form, j + 1) if j + 1 < m - 1 else _outputs(form, inner)
    return (
        f"{pad}for (o{j} = 0; o{j} < l->outs[{j}]; o{j}++) {{\n{declared}"
        f"{_copies(form, j, inner)}{deeper}{advanced}{pad}}}\n"
    )


def _address(m: int) -> str:
    return " + ".join(f"o{j} * l->strides[{j}]" for j in range(m - 1))


def _copies(form: Form, j: int, pad: str) -> str:
    """All copies of one output of mode j, rescaled."""
    m = form.modes
    inner, deep = pad + "    ", pad + "        "
    ratio = "l->ratios + c" if j == 0 else f"l->ratios + {j} * l->rank + c"
    length = f"l->ins[{j}]"
    step = length if form.weights == "i8" else f"({length} + 1) / 2"
    moved = j == 0 and form.bytes_in
    row = "state->row + ((c * l->rest[0] + 3) & ~(size_t)3)" if m == 2 else "state->row"
    if j == m - 2 and m > 2:
        row = f"state->row + ((c * l->rest[{j}] + 3) & ~(size_t)3)"
    source = "x" if j == 0 else f"state->t{j - 1} + c * l->rest[{j - 1}]"
    products = "@_products" if moved else "@_products16"
    widened = f"@_widen(w{j}, {length}, row)"
    start = (
        f"{inner}const int32_t start =\n{inner}    r->start - @_down(l->zero * {widened}, "
        "l->zero_bits);\n"
        if moved
        else f"{inner}const int32_t start = r->start;\n"
    )
    widen = "" if moved else f"{inner}(void){widened};\n"
    if j == m - 2:
        put = f"{deep}state->row[@_place(c * l->rest[{j}] + k)] = (@_row)t;\n{deep}total += t;\n"
    else:
        put = f"{deep}state->t{j}[c * l->rest[{j}] + k] = (int16_t)t;\n"
    return (
        f"{pad}for (c = 0; c < l->rank; c++, w{j} += {step}) {{\n"
        f"{inner}@_row *const row = {row};\n"
        f"{inner}const @_ratio *const r = {ratio};\n{start}{widen}"
        f"{inner}{products}({source}, l->rest[{j}], {length}, row, state->sums);\n"
        f"{inner}for (k = 0; k < l->rest[{j}]; k++) {{\n"
        f"{deep}int32_t t = @_rescaled(state->sums[k] + start, r);\n"
        f"{deep}t = t > l->limit ? l->limit : t < -l->limit ? -l->limit : t;\n"
        f"{put}{inner}}}\n{pad}}}\n"
    )


def _outputs(form: Form, pad: str) -> str:
    """The last mode, for all its outputs at a time."""
    m = form.modes
    products = "@_products" if form.weights == "i8" else "@_products4"
    bias = "*bias++" if form.split == 0 else "*u * *v++" if form.split < m - 1 else "*u * v[k]"
    cast = f"(int32_t){bias}" if form.split else bias
    inner = pad + "    "
    return (
        f"{pad}{products}(l->w[{m - 1}], l->outs[{m - 1}], l->rank * (size_t)l->ins[{m - 1}],\n"
        f"{pad}    state->row, state->sums);\n"
        f"{pad}total *= 128;\n"
        f"{pad}for (k = 0; k < l->outs[{m - 1}]; k++, at += l->strides[{m - 1}]) {{\n"
        f"{inner}const int32_t sum = state->sums[k] - total + {cast};\n"
        f"{_store(form, 'at', inner)}{pad}}}\n"
    )
