"""Activations in single precision without a maths library.

The polynomials were fitted for the smallest relative error (weighted least squares on Chebyshev
nodes, against float64); tests/export/c/test_activations.py measures each function on all of its
range. A branch costs less than the exponential, which most values do not need.
"""

from __future__ import annotations

_HELPERS = {
    "exp": """\
/* e^x; 0 below -87, and never more than e^88. */
static float NAME_exp(float x)
{
    union { float real; uint32_t bits; } power;
    float r, p;
    int32_t k;
    if (!(x > -87.0f)) {
        return 0.0f;
    }
    if (x > 88.0f) {
        x = 88.0f;
    }
    k = (int32_t)(x * 1.44269504f + (x < 0.0f ? -0.5f : 0.5f));
    r = (x - (float)k * 0.693359375f) + (float)k * 2.12194440e-4f;
    p = 1.98756915e-4f;
    p = p * r + 1.39819995e-3f;
    p = p * r + 8.33345191e-3f;
    p = p * r + 4.16657959e-2f;
    p = p * r + 1.66666655e-1f;
    p = p * r + 5.00000012e-1f;
    power.bits = (uint32_t)(k + 127) << 23;
    return (p * (r * r) + r + 1.0f) * power.real;
}
""",
}

_FUNCTIONS = {
    "gelu": """\
/* x times the normal distribution's share below x, exact to rounding. */
static float NAME_gelu(float x)
{
    const float s = x * x;
    float t, u, p;
    if (s < 1.5625f) {
        p = -6.8094905e-6f;
        p = p * s + 1.11041125e-4f;
        p = p * s - 1.1838372e-3f;
        p = p * s + 9.972283e-3f;
        p = p * s - 6.649021e-2f;
        p = p * s + 3.9894226e-1f;
        return x * (0.5f + x * p);
    }
    t = x < 0.0f ? -x : x;
    u = 1.0f / (1.0f + 0.4f * t);
    p = 6.889866e-2f;
    p = p * u - 1.8838112e-1f;
    p = p * u + 1.07330725e-1f;
    p = p * u + 5.4527543e-2f;
    p = p * u + 1.3928229e-1f;
    p = p * u + 1.5906075e-1f;
    p = p * u + 1.5959795e-1f;
    p = x * (p * u * NAME_exp(-0.5f * s));
    return x < 0.0f ? p : x - p;
}
""",
    "relu": """\
static float NAME_relu(float x)
{
    return x < 0.0f ? 0.0f : x;
}
""",
    "silu": """\
static float NAME_silu(float x)
{
    return x / (1.0f + NAME_exp(-x));
}
""",
    "tanh": """\
static float NAME_tanh(float x)
{
    const float s = x * x;
    float t;
    if (s < 0.390625f) {
        t = -5.70498872e-3f;
        t = t * s + 2.06390888e-2f;
        t = t * s - 5.37397155e-2f;
        t = t * s + 1.33314422e-1f;
        t = t * s - 3.33332819e-1f;
        return x + x * (s * t);
    }
    t = 1.0f - 2.0f / (NAME_exp(x < 0.0f ? -2.0f * x : 2.0f * x) + 1.0f);
    return x < 0.0f ? -t : t;
}
""",
}

_CODE_BYTES = {"exp": 140, "gelu": 195, "relu": 20, "silu": 40, "tanh": 120}


def activation_code(names: set[str]) -> tuple[str, int]:
    """Write the functions of activations.

    Args:
        names: Of the activations of a network.

    Returns:
        Functions `NAME_gelu(x)` and so on, none for `"identity"`; and about how many bytes of code
        they are in Thumb-2.
    """
    wanted = sorted(names - {"identity"})
    helpers = ["exp"] if any("NAME_exp" in _FUNCTIONS[name] for name in wanted) else []
    texts = [_HELPERS[name] for name in helpers] + [_FUNCTIONS[name] for name in wanted]
    return "\n".join(texts), sum(_CODE_BYTES[name] for name in (*helpers, *wanted))
