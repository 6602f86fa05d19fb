"""The fused GPU kernels for two factors. Importing this imports Triton.

A row of `x` is a matrix X (Q, S); with factors A (RANK, P, Q) and B (RANK, R, S) its output is
`Y = sum_c A_c X B_c^T` (P, R). A program takes every n-th row; nothing but X and Y moves through
memory, the intermediate X B_c^T stays in the multiprocessor.

Sizes are padded to the tiles PP, QQ, RR, SS with zeros, which add nothing. Products are rounded to
the inputs' dtype between the two contractions and summed in float32.
"""

# What Triton compiles is annotated in Triton's terms.
# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import triton  # type: ignore[import-not-found,import-untyped,unused-ignore]
import triton.language as tl  # type: ignore[import-not-found,import-untyped,unused-ignore]


@triton.jit
def _load(matrix, rows, columns, row_step, column_step, n_rows, n_columns):
    """A tile of a matrix, zero outside of it."""
    inside = (rows[:, None] < n_rows) & (columns[None, :] < n_columns)
    places = rows[:, None] * row_step + columns[None, :] * column_step
    return tl.load(matrix + places, mask=inside, other=0.0)


@triton.jit
def _store(matrix, tile, rows, columns, n_rows: tl.constexpr, n_columns: tl.constexpr):
    """A tile into a contiguous matrix, what lies outside of it left out."""
    inside = (rows[:, None] < n_rows) & (columns[None, :] < n_columns)
    places = rows[:, None] * n_columns + columns[None, :]
    tl.store(matrix + places, tile.to(matrix.dtype.element_ty), mask=inside)


@triton.jit
def forward_kernel(
    x,
    a,
    b,
    bias,
    y,
    n_rows,
    size_class,  # noqa: ARG001 - part of the tuner's key
    x_row,
    a_copy,
    a_out,
    a_in,
    b_copy,
    b_out,
    b_in,
    P: tl.constexpr,
    Q: tl.constexpr,
    R: tl.constexpr,
    S: tl.constexpr,
    PP: tl.constexpr,
    QQ: tl.constexpr,
    RR: tl.constexpr,
    SS: tl.constexpr,
    RANK: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    PROGRAMS_PER_UNIT: tl.constexpr = 1,  # noqa: ARG001 - read by the grid
):
    """`y = x W^T + bias`; with the steps of `out` and `in` exchanged, the input's gradient.

    `x` (n_rows, Q * S) with rows `x_row` apart, `y` (n_rows, P * R) contiguous. `size_class` and
    PROGRAMS_PER_UNIT only tell the tuner's cases apart.
    """
    p = tl.arange(0, PP)
    q = tl.arange(0, QQ)
    r = tl.arange(0, RR)
    s = tl.arange(0, SS)
    start = tl.zeros((PP, RR), tl.float32)
    if HAS_BIAS:
        start += _load(bias, p, r, R, 1, P, R).to(tl.float32)
    if RANK == 1:
        first = _load(a, p, q, a_out, a_in, P, Q)
        second = _load(b, s, r, b_in, b_out, S, R)
    for row in tl.range(tl.program_id(0).to(tl.int64), n_rows, tl.num_programs(0)):
        X = _load(x + row * x_row, q, s, S, 1, Q, S)
        Y = start
        if RANK == 1:
            T = tl.dot(X, second, input_precision="ieee").to(X.dtype)
            Y = tl.dot(first, T, Y, input_precision="ieee")
        else:
            for c in tl.range(RANK):
                high = _load(b + c * b_copy, s, r, b_in, b_out, S, R)
                wide = _load(a + c * a_copy, p, q, a_out, a_in, P, Q)
                T = tl.dot(X, high, input_precision="ieee").to(X.dtype)
                Y = tl.dot(wide, T, Y, input_precision="ieee")
        _store(y + row * (P * R), Y, p, r, P, R)


@triton.jit
def backward_kernel(  # noqa: PLR0912 - decided at compile time
    grad,
    x,
    a,
    b,
    grad_x,
    partial,
    n_rows,
    size_class,  # noqa: ARG001 - part of the tuner's key
    grad_row,
    x_row,
    a_copy,
    a_out,
    a_in,
    b_copy,
    b_out,
    b_in,
    P: tl.constexpr,
    Q: tl.constexpr,
    R: tl.constexpr,
    S: tl.constexpr,
    PP: tl.constexpr,
    QQ: tl.constexpr,
    RR: tl.constexpr,
    SS: tl.constexpr,
    RANK: tl.constexpr,
    NEEDS_X: tl.constexpr,
    NEEDS_A: tl.constexpr,
    NEEDS_B: tl.constexpr,
    NEEDS_BIAS: tl.constexpr,
):
    """One copy's share of all gradients asked for, from every n-th row.

    With G (P, R) a row of `grad`: T = X B^T and dA += G T^T; U = A^T G, dB += U^T X and, of RANK 1,
    dX = U B; dbias += G. The program's sums go to its row of `partial`, float32: those needed of
    A's (RANK, P, Q), B's (RANK, R, S) and, from copy 0, the bias's (P, R), one after the other.
    """
    p = tl.arange(0, PP)
    q = tl.arange(0, QQ)
    r = tl.arange(0, RR)
    s = tl.arange(0, SS)
    copy = tl.program_id(0)
    program = tl.program_id(1).to(tl.int64)
    if NEEDS_X or NEEDS_B:
        A = _load(a + copy * a_copy, q, p, a_in, a_out, Q, P)
    if NEEDS_X:
        B = _load(b + copy * b_copy, r, s, b_out, b_in, R, S)
    if NEEDS_A:
        high = _load(b + copy * b_copy, s, r, b_in, b_out, S, R)
        sum_a = tl.zeros((PP, QQ), tl.float32)
    if NEEDS_B:
        sum_b = tl.zeros((RR, SS), tl.float32)
    if NEEDS_BIAS:
        sum_bias = tl.zeros((PP, RR), tl.float32)
    for row in tl.range(program, n_rows, tl.num_programs(1)):
        G = _load(grad + row * grad_row, p, r, R, 1, P, R)
        if NEEDS_A or NEEDS_B:
            X = _load(x + row * x_row, q, s, S, 1, Q, S)
        if NEEDS_X or NEEDS_B:
            U = tl.dot(A, G, input_precision="ieee").to(G.dtype)
            if NEEDS_X:
                dX = tl.dot(U, B, input_precision="ieee")
                _store(grad_x + row * (Q * S), dX, q, s, Q, S)
            if NEEDS_B:
                sum_b = tl.dot(tl.trans(U), X, sum_b, input_precision="ieee")
        if NEEDS_A:
            T = tl.dot(X, high, input_precision="ieee").to(X.dtype)
            sum_a = tl.dot(G, tl.trans(T), sum_a, input_precision="ieee")
        if NEEDS_BIAS:
            sum_bias += G.to(tl.float32)
    A_SIZE: tl.constexpr = RANK * P * Q if NEEDS_A else 0
    B_SIZE: tl.constexpr = RANK * R * S if NEEDS_B else 0
    sums = partial + program * (A_SIZE + B_SIZE + (P * R if NEEDS_BIAS else 0))
    if NEEDS_A:
        _store(sums + copy * (P * Q), sum_a, p, q, P, Q)
    if NEEDS_B:
        _store(sums + A_SIZE + copy * (R * S), sum_b, r, s, R, S)
    if NEEDS_BIAS:  # noqa: SIM102 - this one is decided at compile time
        if copy == 0:
            _store(sums + A_SIZE + B_SIZE, sum_bias, p, r, P, R)


@triton.jit
def sum_kernel(
    partial,
    grad_a,
    grad_b,
    grad_bias,
    programs,
    A_SIZE: tl.constexpr,
    B_SIZE: tl.constexpr,
    BIAS_SIZE: tl.constexpr,
    BLOCK: tl.constexpr,
    ROWS: tl.constexpr,
):
    """The programs' sums added up, `partial` (programs, all sizes), each gradient to its place.

    A program adds BLOCK columns, ROWS rows at a time and always in the same order.
    """
    TOTAL: tl.constexpr = A_SIZE + B_SIZE + BIAS_SIZE
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    rows = tl.arange(0, ROWS)
    total = tl.zeros((BLOCK,), tl.float32)
    for start in tl.range(0, programs, ROWS):
        row = (start + rows)[:, None]
        inside = (row < programs) & (place < TOTAL)[None, :]
        total += tl.sum(tl.load(partial + row * TOTAL + place[None, :], mask=inside, other=0.0), 0)
    if A_SIZE > 0:
        tl.store(grad_a + place, total.to(grad_a.dtype.element_ty), mask=place < A_SIZE)
    if B_SIZE > 0:
        of_b = place - A_SIZE
        inside_b = (of_b >= 0) & (of_b < B_SIZE)
        tl.store(grad_b + of_b, total.to(grad_b.dtype.element_ty), mask=inside_b)
    if BIAS_SIZE > 0:
        of_bias = place - (A_SIZE + B_SIZE)
        inside_bias = (of_bias >= 0) & (of_bias < BIAS_SIZE)
        tl.store(grad_bias + of_bias, total.to(grad_bias.dtype.element_ty), mask=inside_bias)
