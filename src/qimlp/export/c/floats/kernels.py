"""The functions in C that all layers share: mode products, and biases with their activations."""

from __future__ import annotations

from qimlp.export.c.floats.weights import Weights, c_type

_VALUES = {
    "f32": "w[i]",
    "i8": "(float)w[i]",
    "i4": "(float)((w[i / 2U] >> (4U - i % 2U * 4U) & 15) - 8)",
}

_ROW = """\
/* Sizes of a mode product: y[a, o, b] = sum over i of w[o, i] x[a, i, b]. */
typedef struct {
    size_t outer, in, inner, out;
} NAME_step;

/* One row of a mode product; added to y where add is set. */
static void NAME_row(const NAME_step *step, const float *row, const WEIGHT *w,
    SCALES_float *y, int add)
{
    size_t o, k, i = 0;
    for (o = 0; o < step->out; o++) {
        float sum = 0.0f;
        for (k = 0; k < step->in; k++, i++) {
            sum += VALUE * row[k];
        }
SCALED        if (add) {
            sum += *y;
        }
        *y = sum;
        y += step->inner;
    }
}
"""

_SCALED = """\
        if (scale != NULL) {
            sum *= *scale;
        }
"""

_PRODUCT = """\
/* A mode product, in place where y is x: a row is copied out before it is written over. */
static void NAME_product(const NAME_step *step, const float *x, float *row, const WEIGHT *w,
    SCALES_float *y, int add)
{
    const size_t rows = step->outer * step->inner;
    size_t k, i;
    for (k = 0; k < rows; k++) {
        const size_t at = step->out > step->in ? rows - 1 - k : k;
        const size_t a = at / step->inner, b = at % step->inner;
        for (i = 0; i < step->in; i++) {
            row[i] = x[(a * step->in + i) * step->inner + b];
        }
        NAME_row(step, row, w, SCALEy + a * step->out * step->inner + b, add);
    }
}
"""

_FIRST = """\
/* The first mode product, of raw features. */
static void NAME_first(const NAME_step *step, const INPUT *x, float *row, const WEIGHT *w,
    SCALES_float *y, int add)
{
    size_t a, b, i;
    for (a = 0; a < step->outer; a++) {
        for (b = 0; b < step->inner; b++) {
            for (i = 0; i < step->in; i++) {
                row[i] = NAME_read(x, (a * step->in + i) * step->inner + b);
            }
            NAME_row(step, row, w, SCALEy + a * step->out * step->inner + b, add);
        }
    }
}
"""


def product_code(name: str, weights: Weights, input_type: str | None, *, inner: bool) -> str:
    """Write the functions of mode products.

    Args:
        name: Of the network.
        weights: How factors are held.
        input_type: Of raw features that `NAME_read` reads; None where there is no such function.
        inner: Whether there are products of anything but raw features read so.

    Returns:
        `NAME_product` and `NAME_first`, where they are called, and what these call.
    """
    scaled = weights != "f32"
    parts = [_ROW] + [_PRODUCT] * inner + [_FIRST] * (input_type is not None)
    text = "\n".join(parts)
    for key, value in {
        "VALUE": _VALUES[weights],
        "WEIGHT": c_type(weights),
        "SCALED": _SCALED if scaled else "",
        "SCALES_": "const float *scale, " if scaled else "",
        "SCALE": "scale, " if scaled else "",
        "INPUT": input_type or "",
        "NAME": name,
    }.items():
        text = text.replace(key, value)
    return text


def finish_code(
    name: str, function: str, dims: tuple[int, ...], activation: str, *, bias: bool
) -> str:
    """Write the function that adds a bias and applies an activation.

    Args:
        name: Of the network.
        function: Of the function.
        dims: Lengths of the vectors whose Kronecker product is the bias.
        activation: Name of the activation.
        bias: Whether there is one; else `dims` is the number of values alone.

    Returns:
        The function of the values and the vectors.
    """
    places = range(len(dims))
    vectors = "".join(f", const float *b{k}" for k in places) if bias else ""
    value = "*y + " + " * ".join(f"b{k}[i{k}]" for k in places) if bias else "*y"
    value = value if activation == "identity" else f"{name}_{activation}({value})"
    lines = [f"static void {function}(float *y{vectors})", "{"]
    lines.append(f"    size_t {', '.join(f'i{k}' for k in places)};")
    for k, size in enumerate(dims):
        lines.append("    " * (k + 1) + f"for (i{k} = 0; i{k} < {size}U; i{k}++) {{")
    deepest = "    " * (len(dims) + 1)
    lines += [f"{deepest}*y = {value};", f"{deepest}y++;"]
    lines += ["    " * (k + 1) + "}" for k in reversed(places)]
    return "\n".join([*lines, "}\n"])
