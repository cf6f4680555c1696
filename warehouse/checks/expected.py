"""What a suite is made of: expectations, each declared by one function. Great Expectations is not imported here.

An expectation has a name, a kind of Great Expectations, arguments and a severity. A failed ``critical`` expectation
blocks the assets below; a failed ``warning`` is only shown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

Severity = Literal["critical", "warning"]
PSEUDONYM = r"^[0-9a-f]{32}$"
"""The form of a pseudonym (echomort/core/keys.py)."""

CODE_WORD = r"^[A-Za-z][A-Za-z0-9_]*$"
"""The form of a code: one word without spaces, so that it can't be prose."""

EARLIEST, LATEST = datetime(1850, 1, 1), datetime(2300, 1, 1)
"""Limits of all dates, our choice. The later one leaves room for archives whose dates were moved into the future."""


@dataclass(frozen=True)
class Expected:
    """One expectation; ``kind`` is the class in ``great_expectations.expectations`` without its ``Expect``."""

    name: str
    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = "critical"


@dataclass(frozen=True)
class Suite:
    """The expectations on one table: ``fixed``, and those ``of_variables``, from the folder of the site's variables."""

    fixed: tuple[Expected, ...] = ()
    of_variables: Callable[[Path | None], tuple[Expected, ...]] = lambda _: ()

    def expected(self, variables: Path | None) -> tuple[Expected, ...]:
        """Return all of them; ``variables`` is the folder of the site's variables, None without one."""
        return (*self.fixed, *self.of_variables(variables))


def present(column: str, **where: str) -> Expected:
    """No value is missing."""
    return Expected(f"{column}_present", "ColumnValuesToNotBeNull", {"column": column, **_rows(**where)})


def mostly_present(column: str, share: float) -> Expected:
    """At least the share ``share`` (0 to 1) of the values is present."""
    arguments = {"column": column, "min_value": share}
    return Expected(f"{column}_mostly_present", "ColumnProportionOfNonNullValuesToBeBetween", arguments, "warning")


def absent(column: str, where: str) -> Expected:
    """Rows ``where`` have no value."""
    return Expected(f"{column}_absent", "ColumnValuesToBeNull", {"column": column, **_rows(where)})


def pseudonym(column: str) -> Expected:
    """Values are keyed pseudonyms, not identifiers."""
    return matches(column, PSEUDONYM, f"{column}_is_a_pseudonym")


def matches(column: str, pattern: str, name: str) -> Expected:
    """Values match ``pattern``."""
    return Expected(name, "ColumnValuesToMatchRegex", {"column": column, "regex": pattern})


def unique(*columns: str) -> Expected:
    """No two rows agree in ``columns``."""
    name = f"{'_'.join(columns)}_unique"
    if len(columns) == 1:
        return Expected(name, "ColumnValuesToBeUnique", {"column": columns[0]})
    return Expected(name, "CompoundColumnsToBeUnique", {"column_list": list(columns)})


def among(column: str, *values: object) -> Expected:
    """Values are among ``values``."""
    return Expected(f"{column}_is_known", "ColumnValuesToBeInSet", {"column": column, "value_set": list(values)})


def within(column: str, low: object, high: object, severity: Severity = "critical", **where: str) -> Expected:
    """Values are between ``low`` and ``high``, both included."""
    arguments = {"column": column, "min_value": low, "max_value": high, **_rows(**where)}
    return Expected(f"{column}_within_limits", "ColumnValuesToBeBetween", arguments, severity)


def dated(column: str) -> Expected:
    """Dates are between ``EARLIEST`` and ``LATEST``."""
    return Expected(
        f"{column}_can_be", "ColumnValuesToBeBetween", {"column": column, "min_value": EARLIEST, "max_value": LATEST}
    )


def ordered(later: str, earlier: str, severity: Severity = "critical") -> Expected:
    """``later`` is not below ``earlier``."""
    arguments = {"column_A": later, "column_B": earlier, "or_equal": True, "ignore_row_if": "either_value_is_missing"}
    return Expected(f"{later}_not_below_{earlier}", "ColumnPairValuesAToBeGreaterThanB", arguments, severity)


def short(column: str, length: int) -> Expected:
    """Texts are codes, not prose: free text may hold a name."""
    return Expected(f"{column}_is_short", "ColumnValueLengthsToBeBetween", {"column": column, "max_value": length})


def not_empty(severity: Severity = "critical") -> Expected:
    """The table has at least one row."""
    return Expected("has_rows", "TableRowCountToBeBetween", {"min_value": 1}, severity)


def occurs(column: str, *values: object, severity: Severity = "critical") -> Expected:
    """Each of ``values`` occurs at least once."""
    arguments = {"column": column, "value_set": list(values)}
    return Expected(f"{column}_has_all_kinds", "ColumnDistinctValuesToContainSet", arguments, severity)


def share(column: str, low: float, high: float) -> Expected:
    """The mean of a 0/1 column is between ``low`` and ``high``."""
    arguments = {"column": column, "min_value": low, "max_value": high}
    return Expected(f"{column}_share_is_plausible", "ColumnMeanToBeBetween", arguments, "warning")


def renamed(name: str, expected: Expected) -> Expected:
    """The same expectation under another name."""
    return Expected(name, expected.kind, expected.arguments, expected.severity)


def _rows(where: str = "") -> dict[str, str]:
    return {"row_condition": where, "condition_parser": "pandas"} if where else {}


ACCEPTED, REJECTED = 'status=="accepted"', 'status=="rejected"'
LABELLED, UNLABELLED = "label.notnull()", "label.isnull()"
HAS_PATIENT = (present("patient_key"), pseudonym("patient_key"))
LABEL_OR_REASON = (
    among("label", 0, 1),
    matches("reason", r"^EXCL_[A-Z0-9_]+$", "reason_is_a_code"),
    renamed("reason_absent_where_labelled", absent("reason", where=LABELLED)),
    renamed("reason_present_where_unlabelled", present("reason", where=UNLABELLED)),
)
"""A study has a label, or the reason why it has none."""
