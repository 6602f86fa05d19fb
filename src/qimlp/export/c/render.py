"""The texts around a body: source, header and self-test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qimlp.export.c.body import Body
from qimlp.export.c.literals import c_string, real, table, wrapped
from qimlp.export.description import Array


@dataclass(frozen=True, eq=False)
class Program:
    """A network in C with all that its files say.

    Attributes:
        name: What every identifier begins with; macros with the same in upper case.
        body: The arithmetic.
        features: Number of raw features.
        outputs: Number of outputs.
        answer_names: What each output is of; may be none.
        of_classes: Whether these are classes or labels; else targets.
        rows: Examples of the self-test, of shape (n, features), as the input's type holds them.
        made_by: Program and version.
    """

    name: str
    body: Body
    features: int
    outputs: int
    answer_names: tuple[str, ...]
    of_classes: bool
    rows: Array
    made_by: str

    @property
    def macro(self) -> str:
        """What every macro begins with."""
        return self.name.upper()

    @property
    def names_variable(self) -> str:
        """Name of the array of names."""
        return f"{self.name}_{'class' if self.of_classes else 'target'}_names"

    @property
    def names_bytes(self) -> int:
        """Size of the names and of the pointers to them, on a processor of 32 bits."""
        return sum(len(name.encode("utf-8", "replace")) + 5 for name in self.answer_names)

    @property
    def arguments(self) -> str:
        """Of both functions: one example and where the outputs go."""
        return f"const {self.body.input_type} *x, {self.body.output_type} *outputs"


def header(program: Program) -> str:
    """Write the header.

    Args:
        program: The program.

    Returns:
        Text of `NAME.h`, for C99 and C++.
    """
    name, macro, body = program.name, program.macro, program.body
    macros = [
        ("FEATURES", str(program.features)),
        ("OUTPUTS", str(program.outputs)),
        ("MULTIPLY_ADDS", str(body.multiply_adds)),
        ("STATIC_BYTES", str(body.static_bytes)),
        *body.macros,
    ]
    defines = "".join(f"#define {macro}_{key} {value}\n" for key, value in macros)
    names = ""
    if program.answer_names:
        what = "class or label" if program.of_classes else "target"
        names = (
            f"\n/* Name of each {what}, in UTF-8. */\n"
            f"extern const char *const {program.names_variable}[{len(program.answer_names)}];\n"
        )
    means = "one logit each" if program.of_classes else "values in the targets' own units"
    given = "raw features, as the network was trained on, neither scaled nor ordered"
    return f"""/* Made by {program.made_by}. */
#ifndef {macro}_H
#define {macro}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

{defines}{names}
/* Memory of one call; nothing in it outlives the call. */
typedef struct {{
{body.state}}} {name}_state;

/* x: {macro}_FEATURES {given}.
   outputs: {macro}_OUTPUTS, {means}.
   Returns 0, or 1 where a pointer is null. One call at a time: it has one memory. */
int {name}_predict({program.arguments});

/* The same in memory of the caller's, for calls at the same time. */
int {name}_predict_in({name}_state *state, {program.arguments});

#ifdef __cplusplus
}}
#endif

#endif
"""


def source(program: Program) -> str:
    """Write the source.

    Args:
        program: The program.

    Returns:
        Text of `NAME.c`.
    """
    name, body = program.name, program.body
    names = ""
    if program.answer_names:
        listed = "\n".join(wrapped(map(c_string, program.answer_names)))
        count = len(program.answer_names)
        names = f"const char *const {program.names_variable}[{count}] = {{\n{listed}\n}};\n\n"
    return f"""/* Made by {program.made_by}. */
#include <stddef.h>
#include <stdint.h>

#include "{name}.h"

{names}{body.constants}
int {name}_predict_in({name}_state *state, {program.arguments})
{{
    if (state == NULL || x == NULL || outputs == NULL) {{
        return 1;
    }}
    {{
{_indented(body.code)}
    }}
    return 0;
}}

int {name}_predict({program.arguments})
{{
    static {name}_state state;
    return {name}_predict_in(&state, x, outputs);
}}
"""


def _indented(code: str) -> str:
    return "\n".join(f"    {line}" if line.strip() else line for line in code.splitlines())


def self_test(program: Program) -> str:
    """Write a program that compares stored examples with their expected outputs.

    Args:
        program: The program.

    Returns:
        Text of `NAME_test.c`, whose `main` returns 0 when all agree, else the first example that
        does not, counted from 1.
    """
    name, body = program.name, program.body
    expected = body.outputs(program.rows)
    count = len(program.rows)
    if body.output_type == "float":
        limit = real(body.tolerance * max(float(np.abs(expected).max()), 1e-30))
        off = f"!(got[k] - wanted[k] <= {limit} && wanted[k] - got[k] <= {limit})"
    else:
        off = "got[k] != wanted[k]"
    return f"""/* Made by {program.made_by}. Returns 0 when all examples come out as expected. */
#include "{name}.h"

{table(body.input_type, f"{name}_examples", program.rows)}
{table(body.output_type, f"{name}_expected", expected)}
int main(void)
{{
    {body.output_type} got[{program.macro}_OUTPUTS];
    int row, k;
    for (row = 0; row < {count}; row++) {{
        const {body.output_type} *const wanted =
            {name}_expected + row * {program.macro}_OUTPUTS;
        if ({name}_predict({name}_examples + row * {program.macro}_FEATURES, got) != 0) {{
            return row + 1;
        }}
        for (k = 0; k < {program.macro}_OUTPUTS; k++) {{
            if ({off}) {{
                return row + 1;
            }}
        }}
    }}
    return 0;
}}
"""


def all_texts(program: Program) -> Sequence[tuple[str, str]]:
    """Write all files of C.

    Args:
        program: The program.

    Returns:
        Name and text of each.
    """
    name = program.name
    return (
        (f"{name}.c", source(program)),
        (f"{name}.h", header(program)),
        (f"{name}_test.c", self_test(program)),
    )
