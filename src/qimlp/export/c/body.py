"""What the float and the integer code each put into the files around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from numpy.typing import NDArray

from qimlp.export.description import Array

Rows: TypeAlias = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Body:
    """The arithmetic of one network as C, and what is known about it.

    Attributes:
        input_type: `"uint8_t"` or `"float"`.
        output_type: `"float"` or `"int32_t"`.
        state: Members of the struct `NAME_state`, one declaration a line.
        constants: Tables and functions, all static, whose names all begin with `NAME_`.
        code: Statements of `NAME_predict_in(NAME_state *state, const input_type *x, output_type
            *outputs)`; no pointer is null there, and `return 0;` comes behind.
        static_bytes: Size of the struct.
        constant_bytes: Size of the tables.
        code_bytes: About the size of the code in Thumb-2, built for size.
        stack_bytes: A bound of the stack that a call takes on such a processor.
        multiply_adds: Of one call.
        outputs: What the C computes for raw rows of shape (n, features), of shape (n, outputs):
            the very numbers where they are integers.
        real_outputs: The same as logits, or in the targets' own units.
        tolerance: How far a float may be off in the self-test, relative to the largest output; 0
            for integers, which are to be the same.
        macros: Further macros of the header, without the prefix.
        quantisation: How numbers are held, ready for JSON.
        notes: What the user should know, a line each.
    """

    input_type: str
    output_type: str
    state: str
    constants: str
    code: str
    static_bytes: int
    constant_bytes: int
    code_bytes: int
    stack_bytes: int
    multiply_adds: int
    outputs: Callable[[Array], Rows]
    real_outputs: Callable[[Array], Array]
    tolerance: float = 0.0
    macros: tuple[tuple[str, str], ...] = ()
    quantisation: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
