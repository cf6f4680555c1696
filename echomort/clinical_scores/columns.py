"""The columns of a clinical score: read, checked against their limits, and the reason where a row can't be computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from echomort.core.errors import UserError

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
OutOfRange = Literal["strict", "clamp", "extrapolate"]
REJECTING = ("missing", "invalid", "unsupported", "out_of_range", "failed")
"""Reasons for which a row has no figure."""
KINDS = (*REJECTING, "clamped", "extrapolated", "imputed")
"""All kinds of reason, in the order of the column ``reason``; those after :data:`REJECTING` qualify a figure."""
MISSING_TEXTS = ("", "na", "n/a", "nan", "null", "<na>")
"""Texts, in lower case, that count as a missing value."""
Table = pd.DataFrame | Mapping[str, Any]
"""A table of patients: a frame, or columns by name, each a list, an array, a series or one value for all rows."""


@dataclass(frozen=True)
class Quantity:
    """A positive (or, with ``may_be_zero``, non-negative) measurement, and the limits within which the score holds."""

    low: float
    high: float
    may_be_zero: bool = False


@dataclass(frozen=True)
class Choice:
    """A code: accepted spelling (in lower case) -> its number."""

    numbers: Mapping[str, float]


YES_OR_NO = Choice({"0": 0, "1": 1, "false": 0, "true": 1, "no": 0, "yes": 1, "n": 0, "y": 1})
NYHA = Choice({"1": 1, "2": 2, "3": 3, "4": 4, "i": 1, "ii": 2, "iii": 3, "iv": 4})
SEX = Choice({"f": 0, "female": 0, "woman": 0, "m": 1, "male": 1, "man": 1})
Column = Quantity | Choice


@dataclass
class Rows:
    """Values (n,) by column, NaN where they are not usable; ``troubles``: kind of reason -> column -> rows (n,)
    bool."""

    index: pd.Index
    values: dict[str, Floats]
    troubles: dict[str, dict[str, Booleans]]

    def add_reason(self, kind: str, column: str, rows: Booleans) -> None:
        """Add the reason ``kind`` for ``column`` to the rows where ``rows`` (n,) is true."""
        if rows.any():
            self.troubles.setdefault(kind, {})[column] = rows

    def to_frame(self, outputs: Mapping[str, Floats]) -> pd.DataFrame:
        """Return ``outputs`` as a frame with the column ``reason``."""
        return pd.DataFrame({**outputs, "reason": self._reasons()}, index=self.index)

    def _reasons(self) -> pd.Series:
        texts: NDArray[Any] = np.full(len(self.index), "", dtype=object)
        for kind in KINDS:
            named: NDArray[Any] = np.full(len(self.index), "", dtype=object)
            for column, rows in self.troubles.get(kind, {}).items():
                named[rows] = [f"{before}+{column}" if before else column for before in named[rows]]
            rows = named != ""
            texts[rows] = [f"{text};{kind}:{names}" for text, names in zip(texts[rows], named[rows], strict=True)]
        return pd.Series([text.removeprefix(";") or None for text in texts], index=self.index, dtype="object")


def read_columns(table: Table, columns: Mapping[str, Column], out_of_range: OutOfRange) -> Rows:
    """Return the values of ``columns`` under the policy for values outside their limits.

    ``strict``: NaN and ``out_of_range:<columns>``; ``clamp``: the limit, and ``clamped:<columns>``; ``extrapolate``:
    the value itself, and ``extrapolated:<columns>``. A missing value is NaN and ``missing:<columns>``; text, an
    unknown code, a value that can't be a measurement (infinite, or not positive) is NaN and ``invalid:<columns>``.
    Raises :class:`UserError` naming a column that is absent or occurs twice, and where columns differ in length.
    """
    _assert_policy(out_of_range)
    frame = as_frame(table)
    _assert_columns(frame, list(columns))
    rows = Rows(frame.index, {}, {})
    for name, column in columns.items():
        rows.values[name], missing = _parsed(frame[name], column)
        rows.add_reason("missing", name, missing)
        rows.add_reason("invalid", name, np.isnan(rows.values[name]) & ~missing)
    for name, column in columns.items():
        if isinstance(column, Quantity):
            rows.values[name] = _within_limits(rows, name, column, out_of_range)
    return rows


def as_frame(table: Table) -> pd.DataFrame:
    """Return ``table`` as a frame: a row a patient, with the index of its series where it has any.

    Values are taken by position. Raises :class:`UserError` where columns differ in length or two series in their index.
    """
    if isinstance(table, pd.DataFrame):
        return table
    columns = {name: values if _is_column(values) else None for name, values in table.items()}
    lengths = {len(values) for values in columns.values() if values is not None}
    indexes = [values.index for values in columns.values() if isinstance(values, pd.Series)]
    if len(lengths) > 1 or not all(index.equals(indexes[0]) for index in indexes):
        raise UserError("the columns do not have the same rows", "give each column one value a patient, in one order")
    index = indexes[0] if indexes else pd.RangeIndex(lengths.pop() if lengths else 1)
    given = {name: table[name] if values is None else list(values) for name, values in columns.items()}
    return pd.DataFrame(given, index=index)


def _is_column(values: Any) -> bool:
    return hasattr(values, "__len__") and not isinstance(values, str) and np.ndim(values) == 1


def usable(rows: Rows) -> Booleans:
    """Return which rows (n,) have every value."""
    return np.asarray(np.logical_and.reduce([~np.isnan(values) for values in rows.values.values()]), dtype=bool)


def _parsed(series: pd.Series, column: Column) -> tuple[Floats, Booleans]:
    """Return values (n,), NaN where they are not usable, and which rows (n,) have no value at all."""
    if pd.api.types.is_numeric_dtype(series.dtype):
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        missing = np.isnan(values)
        if isinstance(column, Choice):
            values = pd.Series(values).map(_by_number(column)).to_numpy(dtype=np.float64)
    else:
        text = series.astype(object).where(series.notna(), "").astype(str).str.strip().str.lower()
        missing = text.isin(MISSING_TEXTS).to_numpy(dtype=bool)
        values = _read_texts(text, column)
    if isinstance(column, Quantity):
        values = np.where(_is_measurement(values, column), values, np.nan)
    return np.asarray(values, dtype=np.float64), missing


def _by_number(choice: Choice) -> dict[float, float]:
    return {float(code): value for code, value in choice.numbers.items() if code.isdigit()}


def _read_texts(text: pd.Series, column: Column) -> Floats:
    if isinstance(column, Quantity):
        return np.asarray(pd.to_numeric(text, errors="coerce"), dtype=np.float64)
    codes = text.str.replace(
        r"^(\d+)\.0+$", r"\1", regex=True
    )  # 1.0: pandas writes integers so in a column with missing values
    return np.asarray(codes.map(column.numbers), dtype=np.float64)


def _is_measurement(values: Floats, column: Quantity) -> Booleans:
    return np.asarray(np.isfinite(values) & ((values > 0) | ((values == 0) & column.may_be_zero)), dtype=bool)


def _within_limits(rows: Rows, name: str, limits: Quantity, out_of_range: OutOfRange) -> Floats:
    values = rows.values[name]
    outside = (values < limits.low) | (values > limits.high)
    kind_of_policy = {"strict": "out_of_range", "clamp": "clamped", "extrapolate": "extrapolated"}[out_of_range]
    rows.add_reason(kind_of_policy, name, outside)
    if out_of_range == "clamp":
        return np.clip(values, limits.low, limits.high)
    return np.where(outside, np.nan, values) if out_of_range == "strict" else values


def _assert_policy(out_of_range: str) -> None:
    if out_of_range not in get_args(OutOfRange):
        raise UserError(f"unknown out-of-range policy {out_of_range}", f"choose {', '.join(get_args(OutOfRange))}")


def _assert_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    lacking = [name for name in names if name not in frame.columns]
    if lacking:
        raise UserError(f"the table lacks {', '.join(lacking)}", f"give it the columns {', '.join(names)}")
    twice = [name for name in names if list(frame.columns).count(name) > 1]
    if twice:
        raise UserError(f"the table has two columns named {', '.join(twice)}", "keep one of each")
