"""The work of `echomort labels`: cohort and labels under the site's own numbers, in the label schema of MEDS."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.parquet
from rich.console import Console

from assets.project import Project
from echomort.core.audit import Audited
from echomort.core.errors import UserError
from echomort.core.files import atomic_path
from echomort.settings import Settings
from warehouse import vault
from warehouse.queries import run

LABELS = pyarrow.schema(
    [
        pyarrow.field("subject_id", pyarrow.int64(), nullable=False),
        pyarrow.field("prediction_time", pyarrow.timestamp("us"), nullable=False),
        pyarrow.field("boolean_value", pyarrow.bool_()),
    ]
)
"""The label schema of MEDS, with the one value that a death within a horizon has."""

COHORT = pyarrow.schema(
    [
        pyarrow.field("subject_id", pyarrow.int64(), nullable=False),
        pyarrow.field("prediction_time", pyarrow.timestamp("us"), nullable=False),
        pyarrow.field("study_id", pyarrow.string()),
        pyarrow.field("role", pyarrow.string()),
        pyarrow.field("fold", pyarrow.int32()),
        pyarrow.field("days", pyarrow.int32()),
        pyarrow.field("event", pyarrow.bool_()),
        pyarrow.field("label", pyarrow.int32()),
    ]
)
"""Columns of the table of the cohort."""

LARGEST = 2**63 - 1
"""Largest subject_id: MEDS stores it as a signed integer of 64 bits."""


def write_labels(settings: Settings, folder: Path, console: Console, noted: Audited) -> None:
    """Write ``mortality_<days>_days.parquet`` for each horizon and ``cohort.parquet`` into ``folder``;
    ``noted`` gets the patients whose labels they are.

    Raises :class:`UserError` if there is no cohort yet, or if the site's numbers of patients are not whole numbers.
    """
    project = Project(home=str(settings.home))
    with project.reader() as connection:
        labels = run(connection, "reads/labels/labels.sql").df()
        cohort = run(connection, "reads/labels/cohort.sql").df()
    if cohort.empty:
        raise UserError("this project has no cohort yet", "make it: echomort run --select +cohort")
    shift = _shift_of(project)
    subjects = _subjects(project, {*labels["patient_key"], *cohort["patient_key"]})
    studies = vault.recall(project.vault, "study", cohort["study_key"])
    noted.add((f"patient {key}" for key in sorted(subjects)), patients=len(subjects), studies=len(cohort))
    for horizon, rows in labels.groupby("horizon_days"):
        named = _under_own_numbers(rows, subjects, shift).assign(boolean_value=rows["label"] == 1)
        _write(folder / f"mortality_{horizon}_days.parquet", named, LABELS)
    named = _under_own_numbers(cohort, subjects, shift).assign(study_id=cohort["study_key"].map(studies))
    _write(folder / "cohort.parquet", named, COHORT)
    files = labels["horizon_days"].nunique() + 1
    console.print(f"{len(cohort)} studies of {cohort['patient_key'].nunique()} subjects; {files} files in {folder}")


def _shift_of(project: Project) -> Callable[[str], int]:
    """Return the function from the key of a patient to the days by which staging moved the patient's dates."""
    return project.keyring.shift_days if project.settings.privacy.dates == "shifted" else lambda _: 0


def _subjects(project: Project, keys: Iterable[str]) -> dict[str, int]:
    """Return key of a patient -> the site's own number."""
    keys = list(keys)
    found = vault.recall(project.vault, "patient", keys)
    if len(found) < len(keys):
        problem = f"the vault lacks the numbers of {len(keys) - len(found)} patients"
        raise UserError(problem, "its file vault.duckdb was deleted or replaced: run the records again in a new home")
    unusable = sum(not number.isdecimal() or int(number) > LARGEST for number in found.values())
    if unusable:
        raise UserError(
            f"the record numbers of {unusable} of {len(found)} patients are no whole numbers, as subject_id of MEDS is",
            "write labels of records that were read from a MEDS dataset (sources.adapter meds)",
        )
    return {key: int(number) for key, number in found.items()}


def _under_own_numbers(rows: pd.DataFrame, subjects: dict[str, int], shift: Callable[[str], int]) -> pd.DataFrame:
    moved = pd.to_timedelta(rows["patient_key"].map(shift), unit="D")
    return rows.assign(subject_id=rows["patient_key"].map(subjects), prediction_time=rows["study_at"] + moved)


def _write(path: Path, rows: pd.DataFrame, schema: pyarrow.Schema) -> None:
    ordered = rows.sort_values(["subject_id", "prediction_time"], kind="stable")
    table = pyarrow.Table.from_pandas(ordered[schema.names], schema, preserve_index=False)
    with atomic_path(path, private=True) as temporary:
        pyarrow.parquet.write_table(table.replace_schema_metadata(None), temporary)
