"""The functions in C that all layers share: mode products, and biases with their activations."""

from __future__ import annotations

from qimlp.export.c.floats.weights import Weights, c_type

_DOT = """\
/* Sum of w[i] x[i stride]. */
static float NAME_dot(const float *x, size_t stride, const WEIGHT *w, size_t first, size_t n)
{
    float sum = 0.0f;
    size_t i;
    for (i = 0; i < n; i++) {
        sum += VALUE * x[i * stride];
    }
    return sum;
}
"""

_VALUES = {
    "f32": "w[first + i]",
    "i8": "(float)w[first + i]",
    "i4": "(float)((w[(first + i) / 2U] >> ((first + i) % 2U * 4U) & 15) - 8)",
}

_ROW = """\
/* Sizes of a mode product: y[a, o, b] = sum over copies and i of w[o, i] x[a, i, b]. */
typedef struct {
    size_t outer, in, inner, out, copies, size;
} NAME_step;

/* The products of one row x[., i, .]; a copy of the factor takes step->size elements of w. */
static void NAME_row(const NAME_step *step, const float *x, size_t stride, const WEIGHT *w,
                     SCALES_float *y, int add)
{
    const size_t copy = step->outer * step->in * step->inner;
    size_t o, c;
    for (o = 0; o < step->out; o++) {
        float sum = add ? y[o * step->inner] : 0.0f;
        for (c = 0; c < step->copies; c++) {
PARTS
        }
        y[o * step->inner] = sum;
    }
}
"""

_PARTS = """\
            sum += NAME_dot(x + c * copy, stride, w + c * step->size, o * step->in, step->in);"""

_SCALED_PARTS = """\
            const float part =
                NAME_dot(x + c * copy, stride, w + c * step->size, o * step->in, step->in);
            sum += scale != NULL ? part * scale[c] : part;"""

_PRODUCT = """\
static void NAME_product(const NAME_step *step, const float *x, const WEIGHT *w,
                         SCALES_float *y, int add)
{
    size_t a, b;
    for (a = 0; a < step->outer; a++) {
        for (b = 0; b < step->inner; b++) {
            NAME_row(step, x + a * step->in * step->inner + b, step->inner, w,
                     SCALEy + a * step->out * step->inner + b, add);
        }
    }
}
"""

_FIRST = """\
/* The first product: each row of raw features is read once, for all copies of the factor. */
static void NAME_first(const NAME_step *step, const INPUT *x, float *row, const WEIGHT *w,
                       size_t copies, SCALES_float *y, int add)
{
    size_t a, b, i, c;
    for (a = 0; a < step->outer; a++) {
        for (b = 0; b < step->inner; b++) {
            for (i = 0; i < step->in; i++) {
                row[i] = NAME_read(x, (a * step->in + i) * step->inner + b);
            }
            for (c = 0; c < copies; c++) {
                NAME_row(step, row, 1, w + c * step->size,
                         SCALEy + ((c * step->outer + a) * step->out) * step->inner + b, add);
            }
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
    parts = [_DOT, _ROW] + [_PRODUCT] * inner + [_FIRST] * (input_type is not None)
    text = "\n".join(parts)
    for key, value in {
        "VALUE": _VALUES[weights],
        "PARTS": _SCALED_PARTS if scaled else _PARTS,
        "WEIGHT": c_type(weights),
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
