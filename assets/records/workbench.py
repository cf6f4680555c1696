"""The health records alone, in memory: what a run would make of them, without echo files, without a key, in seconds.

The tables are made by the functions and the settings of the run, so that the two can't disagree. Nothing is written.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import pandas as pd

from assets.records.health_records import stage_extract
from assets.records.readiness import cohort_readiness, cohort_size
from assets.records.warnings import late_line, lost_rows, records_warnings
from assets.sources.ehr_extract import extract_day
from echomort.core.errors import UserError
from echomort.core.keys import KEY_BYTES, KEY_VARIABLE, Keyring, load_keyring
from echomort.ehr.catalogue import Catalogue, site_catalogue
from echomort.report.blocks import Table
from echomort.report.sections.characteristics import characteristics_table
from echomort.settings import Settings
from warehouse.connection import connect_in_memory
from warehouse.queries import run
from warehouse.staging.staging import Conflict, StagingReport, conflicts
from warehouse.tables.cohort.cohorts import select
from warehouse.tables.feature.features import build as build_features
from warehouse.tables.outcome.outcomes import link

OUTCOME_COLUMNS = ("study_id", "label", "reason", "days", "event")
"""The first columns of the table of labels."""

STOPS = "a run stops here"
"""How a warning begins at which a run stops."""

KEY_OF_NONE = bytes(KEY_BYTES)
"""The key where a site has none. Everybody knows it: no pseudonym leaves the memory of the command, and patients get
the same parts, and Table 1 the same figures, each time."""


@dataclass(frozen=True)
class Records:
    """The records that were read: the warehouse in memory with ``outcome``, ``cohort`` and ``feature``; what staging
    reported, identifiers included; and whether the key is the site's own."""

    connection: duckdb.DuckDBPyConnection
    settings: Settings
    catalogue: Catalogue
    report: StagingReport
    has_own_key: bool


@dataclass(frozen=True)
class Coverage:
    """How many studies of each year have each variable: ``years`` with studies, labelled ones and deaths; ``variables``
    with name, set, and the share of the studies by year (0 to 1)."""

    years: Sequence[Mapping[str, Any]]
    variables: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class RecordsAccount:
    """What a person is told about the records: counts, no identifier, no value of a patient."""

    adapter: str
    day: date | None
    warnings: Sequence[str]
    tables: Sequence[Mapping[str, Any]]
    set_aside: Sequence[Conflict]
    kinds: Sequence[Mapping[str, Any]]
    units: Sequence[Mapping[str, Any]]
    refused: Sequence[Mapping[str, Any]]
    ungrouped: Sequence[Mapping[str, Any]]
    attrition: Sequence[Mapping[str, Any]]
    coverage: Coverage
    table_one: Table | None
    has_own_key: bool

    @property
    def would_stop(self) -> bool:
        """Whether a run would stop at these records."""
        return any(line.startswith(STOPS) for line in self.warnings)

    def as_record(self) -> dict[str, Any]:
        """Return the account as one JSON object."""
        return {
            "adapter": self.adapter,
            "extracted_on": self.day.isoformat() if self.day else None,
            "would_stop": self.would_stop,
            "warnings": list(self.warnings),
            "tables": list(self.tables),
            "set_aside": [_set_aside(one) for one in self.set_aside],
            "kinds_of_contact": list(self.kinds),
            "units": list(self.units),
            "values_refused": list(self.refused),
            "codes_of_no_group": list(self.ungrouped),
            "attrition": list(self.attrition),
            "years": list(self.coverage.years),
            "variables": list(self.coverage.variables),
            "table_1": [] if self.table_one is None else self.table_one.text_rows(),
        }


@contextlib.contextmanager
def read_records(settings: Settings, wanted: Sequence[str] = ()) -> Iterator[Records]:
    """Yield the records that ``settings`` name, staged, labelled and with their variables, as a run would have them.

    Pseudonyms are made with the site's key where the settings name one, else with :data:`KEY_OF_NONE`. Raises
    :class:`UserError` as a run does, and before any work if one of the ``wanted`` variables is none of the catalogue's.
    """
    variables = site_catalogue(settings.sources.variables)
    check_variables(variables, wanted)
    has_own_key = settings.is_synthetic or bool(os.environ.get(KEY_VARIABLE) or settings.privacy.key_file)
    keyring = load_keyring(settings.privacy.key_file, settings.is_synthetic) if has_own_key else Keyring(KEY_OF_NONE)
    with connect_in_memory(settings.execution.memory_limit_gib) as connection:
        report = stage_extract(connection, settings, keyring)
        link(connection, settings.outcome, keyring)
        select(connection, settings.cohort)
        build_features(connection, settings.features, variables)
        yield Records(connection, settings, variables, report, has_own_key)


def account(records: Records) -> RecordsAccount:
    """Return what a person is told about ``records``."""
    connection, sources = records.connection, records.settings.sources
    least = records.settings.evaluation.suppress_below_events
    patients = run(connection, "reads/report/report_characteristics.sql").df()
    return RecordsAccount(
        adapter=sources.adapter,
        day=extract_day(records.settings),
        warnings=_warnings(records),
        tables=[
            {"table": table, "read": read, "used": used, "set_aside": dropped}
            for table, (read, used, dropped) in records.report.rows.items()
        ],
        set_aside=conflicts(connection, sources.adapter),
        kinds=_rows(connection, "kinds"),
        units=_rows(connection, "units"),
        refused=_rows(connection, "refusals"),
        ungrouped=_rows(connection, "ungrouped"),
        attrition=_rows(connection, "attrition"),
        coverage=_coverage(records),
        table_one=characteristics_table(patients.drop(columns="role"), least, "All patients"),
        has_own_key=records.has_own_key,
    )


def labels(records: Records, variables: Sequence[str]) -> pd.DataFrame:
    """Return a row for every study: the site's own ``study_id``, label (0, 1 or missing), reason, days, event, and the
    values of ``variables``."""
    outcome = run(records.connection, "reads/records/labels.sql").df()
    columns = ["study_key", *variables]
    values = records.connection.table("feature").df()[columns]
    found = outcome.merge(values, on="study_key", how="left", validate="one_to_one")
    found["study_id"] = found["study_key"].map(records.report.identifiers["study"])
    for name in ("label", "days", "event"):
        found[name] = found[name].astype("Int64")
    return found.sort_values("study_id")[[*OUTCOME_COLUMNS, *variables]].reset_index(drop=True)


def check_variables(catalogue: Catalogue, variables: Sequence[str]) -> None:
    """Raise :class:`UserError` if one of ``variables`` is none of the catalogue's, or is named twice."""
    import difflib

    for name in variables:
        if name not in catalogue.names():
            near = difflib.get_close_matches(name, catalogue.names(), n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "docs/variables.md lists them"
            raise UserError(f"there is no variable {name}", hint)
    if len(set(variables)) < len(variables):
        raise UserError("--variables names a variable twice", "name each once")


def words(records: Records) -> pd.DataFrame:
    """Return every word on no list as the source writes it: table, reason, word as it is shown, text, rows."""
    shown = [(one.table, one.reason, word, rows) for one in records.report.conflicts for word, rows in one.words]
    found = pd.DataFrame(shown, columns=["table", "reason", "shown", "rows"])
    texts = {**records.report.identifiers["contact_kind"], **records.report.identifiers["word"]}
    text = [texts.get(word[1:].partition(" ")[0], word) if word.startswith("#") else word for word in found["shown"]]
    return found.assign(text=text)[["table", "reason", "shown", "text", "rows"]]


def _warnings(records: Records) -> list[str]:
    """Return what a run would warn of, and what it would stop for, first."""
    connection, sources = records.connection, records.settings.sources
    lost = [lost_rows(connection, table).line(sources.most_lost) for table in records.report.rows]
    stops = [f"{STOPS}: {line}" for line in lost if line]
    late = [line for line in (late_line(connection)[1],) if line]
    ready = cohort_readiness(cohort_size(connection), records.settings)
    few = [f"enough deaths for a result: {ready}"] if ready else []
    return [*stops, *few, *(line for _, line in records_warnings(connection, records.settings)), *late]


def _rows(connection: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, Any]]:
    found = run(connection, READS[name])
    columns = [column[0] for column in found.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


READS = {
    "kinds": "reads/records/kinds.sql",
    "units": "reads/records/units.sql",
    "refusals": "reads/records/refusals.sql",
    "ungrouped": "reads/records/ungrouped.sql",
    "attrition": "reads/records/attrition.sql",
    "years": "reads/records/years.sql",
}
"""What is read as rows with names -> its SQL file."""


def _coverage(records: Records) -> Coverage:
    years = _rows(records.connection, "years")
    studies = {row["year"]: row["studies"] for row in years}
    found: dict[str, dict[int | None, int]] = {}
    for variable, year, count in run(records.connection, "reads/records/coverage.sql").fetchall():
        found.setdefault(variable, {})[year] = count
    total = max(1, sum(studies.values()))
    variables = [
        {
            "variable": one.name,
            "set": one.set,
            "share": sum(found.get(one.name, {}).values()) / total,
            "by_year": {str(year): found.get(one.name, {}).get(year, 0) / count for year, count in studies.items()},
        }
        for one in records.catalogue.variables
    ]
    return Coverage(years, variables)


def _set_aside(conflict: Conflict) -> dict[str, Any]:
    return {
        "table": conflict.table,
        "reason": conflict.reason,
        "rows": conflict.count,
        "action": conflict.action,
        "where": conflict.where,
        "words": dict(conflict.words),
        "is_ordinary": conflict.is_ordinary,
    }
