"""The expectations on every table, declared as one suite for each table.

An expectation has a name, a kind of Great Expectations, arguments and a severity. A failed ``critical`` expectation
blocks the assets below; a failed ``warning`` is only shown. Great Expectations is not imported here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from echomort.clinical_scores.scores import clinical_scores
from echomort.ehr.catalogue import Catalogue, shipped_catalogue
from echomort.ehr.variables import Variable
from warehouse.staging.vocabulary import words

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


def suite(table: str, catalogue: Catalogue | None = None) -> tuple[Expected, ...]:
    """Return the expectations on ``table``, named ``<table>.<name>``. Raises KeyError for a table without a suite.

    ``catalogue`` names the variables (default: the shipped one).
    """
    declared = _DECLARED.get(table) or _OF_VARIABLES[table](catalogue or shipped_catalogue())
    return tuple(renamed(f"{table}.{one.name}", one) for one in declared)


def tables() -> tuple[str, ...]:
    """Return the tables that have a suite."""
    return (*_DECLARED, *_OF_VARIABLES)


# --- Each of these functions returns one expectation ---------------------------------------------------------------


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

_DECLARED: dict[str, tuple[Expected, ...]] = {
    "patient": (
        not_empty(),
        *HAS_PATIENT,
        unique("patient_key"),
        among("sex", "F", "M"),
        occurs("sex", "F", "M", severity="warning"),
        mostly_present("sex", 0.9),
        dated("birth_date"),
        mostly_present("birth_date", 0.9),
        among("race", "white", "black", "asian", "hispanic", "native", "pacific", "other"),
    ),
    "death": (
        not_empty("warning"),
        *HAS_PATIENT,
        unique("patient_key", "death_date", "latest_date", "precision", "source"),
        among("precision", "day", "month", "year", "unknown"),
        among("source", "registry", "hospital", "record", "unknown"),
        dated("death_date"),
        mostly_present("death_date", 0.9),
        ordered("latest_date", "death_date"),
        present("death_date", where='precision!="unknown"'),
        renamed("death_date_absent_where_unknown", absent("death_date", where='precision=="unknown"')),
    ),
    "contact": (
        not_empty("warning"),
        *HAS_PATIENT,
        present("contact_at"),
        dated("contact_at"),
        unique("patient_key", "contact_at", "kind"),
        mostly_present("kind", 0.5),
        among("kind", *words("kind")),
        Expected(
            "kind_is_evidence_of_life",
            "ColumnValuesToNotMatchRegex",
            {"column": "kind", "regex": "letter|bill|invoice|portal|autops"},
        ),
    ),
    "study": (
        not_empty(),
        present("study_key"),
        pseudonym("study_key"),
        unique("study_key"),
        *HAS_PATIENT,
        dated("study_at"),
        mostly_present("study_at", 0.95),
        within("study_year", 1980, 2100),
        renamed("study_year_present_with_date", present("study_year", where="study_at.notnull()")),
        among("setting", *words("setting")),
        among("modality", "US"),
    ),
    "diagnosis": (
        not_empty("warning"),
        *HAS_PATIENT,
        among("vocabulary", "ICD10CM", "ICD9CM"),
        present("vocabulary"),
        present("code"),
        matches("code", r"^(?:[A-Z]\d[A-Z0-9]{1,5}|\d{3,5}|V\d{2,4}|E\d{3,4})$", "code_is_a_code"),
        present("recorded_at"),
        dated("recorded_at"),
    ),
    "medication": (
        *HAS_PATIENT,
        present("drug_class"),
        among("drug_class", *words("drug")),
        within("dose", 0, 1e6),
        among("unit", *words("dose")),
        present("started_at"),
        dated("started_at"),
        ordered("ended_at", "started_at"),
    ),
    "dicom_instance": (
        not_empty(),
        present("instance_key"),
        pseudonym("instance_key"),
        unique("instance_key"),
        present("folder_key"),
        pseudonym("folder_key"),
        pseudonym("patient_key"),
        pseudonym("study_key"),
        pseudonym("accession_key"),
        pseudonym("sop_key"),
        present("status"),
        among("status", "accepted", "rejected"),
        renamed("reason_present_where_rejected", present("reason", where=REJECTED)),
        renamed("reason_absent_where_accepted", absent("reason", where=ACCEPTED)),
        matches("reason", CODE_WORD, "reason_is_a_code"),
        within("frames", 1, 100_000, where=ACCEPTED),
        within("rows", 8, 16_384, where=ACCEPTED),
        within("columns", 8, 16_384, where=ACCEPTED),
        within("fps", 1, 1000, where=ACCEPTED),
        within("bytes", 0, 2**40),
        short("manufacturer", 64),
        short("model", 64),
    ),
    "instance_link": (
        present("instance_key"),
        pseudonym("instance_key"),
        unique("instance_key"),
        present("status"),
        among("status", "accepted", "rejected"),
        present("study_key", where=ACCEPTED),
        present("patient_key", where=ACCEPTED),
        renamed("reason_present_where_rejected", present("reason", where=REJECTED)),
        renamed("reason_absent_where_accepted", absent("reason", where=ACCEPTED)),
        matches("reason", CODE_WORD, "reason_is_a_code"),
    ),
    "clip": (
        present("clip_key"),
        unique("clip_key"),
        present("instance_key"),
        pseudonym("instance_key"),
        unique("instance_key"),
        pseudonym("study_key"),
        *HAS_PATIENT,
        among("status", "accepted", "rejected"),
        renamed("reason_present_where_rejected", present("reason", where=REJECTED)),
        renamed("reason_absent_where_accepted", absent("reason", where=ACCEPTED)),
        present("digest", where=ACCEPTED),
        present("view", where=ACCEPTED),
        present("view_source", where=ACCEPTED),
        matches("view_source", CODE_WORD, "view_source_is_a_code"),
        within("fps", 1, 1000, where=ACCEPTED),
        within("frames", 1, 100_000, where=ACCEPTED),
        occurs("status", "accepted", severity="warning"),
    ),
    "clip_view": (
        present("clip_key"),
        unique("clip_key"),
        pseudonym("study_key"),
        present("view"),
        present("view_source"),
        matches("view", CODE_WORD, "view_is_a_code"),
        matches("view_source", CODE_WORD, "view_source_is_a_code"),
    ),
    "outcome": (
        not_empty(),
        present("study_key"),
        pseudonym("study_key"),
        unique("study_key"),
        *HAS_PATIENT,
        among("label", 0, 1),
        occurs("label", 0, 1, severity="warning"),
        share("label", 0.005, 0.5),
        matches("reason", r"^EXCL_[A-Z0-9_]+$", "reason_is_a_code"),
        renamed("reason_absent_where_labelled", absent("reason", where=LABELLED)),
        renamed("reason_present_where_unlabelled", present("reason", where=UNLABELLED)),
        present("days", where=LABELLED),
        present("event", where=LABELLED),
        within("days", 0, 36_525, where=LABELLED),
    ),
    "cohort": (
        not_empty(),
        present("study_key"),
        unique("study_key"),
        *HAS_PATIENT,
        among("role", "development", "reader", "heart_failure"),
        occurs("role", "development"),
        within("fold", -1, 19),
        present("label"),
        among("label", 0, 1),
        occurs("label", 0, 1, severity="warning"),
        within("days", 0, 36_525),
        present("event"),
        present("headline"),
    ),
    "clinical_score": (
        not_empty(),
        present("study_key"),
        pseudonym("study_key"),
        present("score"),
        among("score", *clinical_scores()),
        occurs("score", *clinical_scores()),
        present("applicable"),
        within("logit", -21, 21),
        *(
            renamed(f"{name}_within_limits", within("value", *score.limits, where=f'score=="{name}"'))
            for name, score in clinical_scores().items()
            if score.limits
        ),
        unique("study_key", "score"),
    ),
    "score": (
        present("study_key"),
        pseudonym("study_key"),
        present("model"),
        short("model", 64),
        present("logit"),
        within("logit", -100, 100),
        within("fold", -1, 19),
        unique("study_key", "model", "view", "fold"),
    ),
    "metric": (
        not_empty(),
        present("evaluation"),
        present("model"),
        present("subset"),
        present("metric"),
        ordered("high", "low"),
        renamed("auc_within_limits", within("value", 0, 1, where='metric=="auc"')),
        within("n", 0, 10**9),
        ordered("n", "events"),
        unique("evaluation", "model", "subset", "metric", "method"),
    ),
    "risk_score": (
        present("study_key"),
        pseudonym("study_key"),
        unique("study_key"),
        present("champion"),
        matches("champion", r"^[0-9a-f]{16}$", "champion_is_an_id"),
        present("model"),
        short("model", 64),
        within("clips", 1, 10_000),
        present("logit"),
        within("logit", -100, 100),
        present("risk"),
        within("risk", 0, 1),
        present("in_development"),
    ),
}


def _measurement_suite(catalogue: Catalogue) -> tuple[Expected, ...]:
    return (
        not_empty("warning"),
        *HAS_PATIENT,
        pseudonym("study_key"),
        present("variable"),
        among("variable", *catalogue.names()),
        present("value"),
        within("value", -1e6, 1e7),
        mostly_present("unit", 0.7),
        among("unit", *words("unit", catalogue)),
        present("measured_at"),
        dated("measured_at"),
    )


def _feature_suite(catalogue: Catalogue) -> tuple[Expected, ...]:
    columns = ["study_key", *catalogue.names()]
    return (
        not_empty(),
        Expected("columns_are_the_catalogue", "TableColumnsToMatchOrderedList", {"column_list": columns}),
        present("study_key"),
        pseudonym("study_key"),
        unique("study_key"),
        mostly_present("age", 0.9),
        mostly_present("sex", 0.9),
        *(_limits(variable) for variable in catalogue.variables),
    )


def _limits(variable: Variable) -> Expected:
    if variable.is_code:
        return among(variable.name, 0, 1)
    return within(variable.name, variable.low, variable.high)


_OF_VARIABLES: dict[str, Callable[[Catalogue], tuple[Expected, ...]]] = {
    "measurement": _measurement_suite,
    "feature": _feature_suite,
}
