"""What was learned about one column of a table, and how it is checked when read from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from qimlp.data.features.tfidf import TermWeights
from qimlp.data.tables.categories import MOST_VALUES
from qimlp.data.tables.dates import DATE_PARTS
from qimlp.data.tables.values import Value
from qimlp.files import shown

Use: TypeAlias = Literal["number", "date", "text", "category"]

_MOST_COLUMNS = 2**31


@dataclass(frozen=True)
class UsedColumn:
    """A column that became features.

    Attributes:
        name: Its name.
        position: Its place in the training table, from 0.
        use: What it is taken for.
        values: The values of a category that have a code.
        terms: The terms of a text, or None.
    """

    name: str
    position: int
    use: Use
    values: tuple[Value, ...] = ()
    terms: TermWeights | None = None

    @property
    def parts(self) -> int:
        """How many numbers it gives before constants are left out."""
        if self.terms is not None:
            return len(self.terms.terms)
        return {"number": 1, "date": len(DATE_PARTS)}.get(self.use, 0)

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON.

        Returns:
            The attributes by name, without those that the use has not.
        """
        found: dict[str, Any] = {"name": self.name, "position": self.position, "use": self.use}
        if self.use == "category":
            found["values"] = list(self.values)
        if self.terms is not None:
            found["terms"] = self.terms.to_dict()
        return found

    @classmethod
    def from_dict(cls, stored: Any) -> UsedColumn:
        """Read what `to_dict` gave.

        Args:
            stored: The attributes by name.

        Returns:
            The column.

        Raises:
            ValueError: It is damaged.
        """
        if not isinstance(stored, Mapping) or not {"name", "position", "use"} <= set(stored):
            raise damaged("a column with name, position and use", stored)
        name, position, use = stored["name"], stored["position"], stored["use"]
        if not isinstance(name, str):
            raise damaged("the name of a column", name)
        if type(position) is not int or not 0 <= position < _MOST_COLUMNS:
            raise damaged("the place of a column", position)
        if use not in get_args(Use):
            raise damaged(f"one of {', '.join(get_args(Use))}", use)
        own = {"text": {"terms"}, "category": {"values"}}.get(use, set())
        if set(stored) != {"name", "position", "use"} | own:
            raise damaged(f"what belongs to a column of use {use}", sorted(stored))
        terms = TermWeights.from_dict(stored["terms"]) if use == "text" else None
        values = _stored_values(stored["values"]) if use == "category" else ()
        return cls(name, position, use, values, terms)


def damaged(expected: str, found: object) -> ValueError:
    """Say what is wrong in a file.

    Args:
        expected: What should be there.
        found: What is there.

    Returns:
        The error to raise.
    """
    return ValueError(
        f"the stored columns of a table are damaged: expected {expected}, got {shown(found, 60)}"
    )


def _stored_values(values: object) -> tuple[Value, ...]:
    known = isinstance(values, list) and all(type(v) in (str, int, float, bool) for v in values)
    if not known or not isinstance(values, list) or not 0 < len(values) <= MOST_VALUES:
        raise damaged(f"1 to {MOST_VALUES:,} values of a category", values)
    if len(set(values)) < len(values):
        raise damaged("values of a category that differ", values)
    return tuple(values)
