"""`echomort labels`: cohort and labels of a MEDS dataset come back under its own subjects and true dates."""

import stat
from datetime import datetime
from pathlib import Path

import pyarrow.parquet
import pytest
import yaml
from extracts import clean_records, write_extract
from layouts.meds import to_meds, write_meds
from rich.console import Console

from assets.project import Project
from echomort.core.audit import Audited
from echomort.core.errors import UserError
from echomort.settings import load_settings
from orchestration.labels import write_labels
from warehouse import vault
from warehouse.adapters.extract import ExtractLocation
from warehouse.staging.staging import stage
from warehouse.tables.cohort.cohorts import select
from warehouse.tables.outcome.outcomes import link


def project_of(tmp_path: Path, adapter: str, dates: str) -> Project:
    """Return a project whose records are staged, followed up and in a cohort."""
    (tmp_path / "key").write_bytes(b"a key that only this test knows ...")
    (tmp_path / "key").chmod(0o600)
    chosen = {
        "sources": {"dicom": str(tmp_path), "ehr": str(tmp_path / "ehr"), "adapter": adapter},
        "privacy": {"key_file": str(tmp_path / "key"), "dates": dates},
    }
    home = tmp_path / "home"
    home.mkdir()
    (home / "echomort.yaml").write_text(yaml.safe_dump(chosen))
    project = Project(home=str(home))
    with project.writer() as connection:
        place = ExtractLocation(tmp_path / "ehr")
        report = stage(connection, place, adapter, project.keyring, dates)
        link(connection, project.settings.outcome, project.keyring)
        select(connection, project.settings.cohort)
    for domain, identifiers in report.identifiers.items():
        vault.remember(project.vault, domain, identifiers)
    return project


def written(project: Project, folder: Path) -> Audited:
    """Write the labels, and return what the audit log gets."""
    noted = Audited()
    settings = load_settings(Path(project.home) / "echomort.yaml", {"home": project.home})
    write_labels(settings, folder, Console(quiet=True), noted)
    return noted


def local(row: tuple) -> tuple:
    """Return a row of the extract with its times as text, as the synthetic extract has them."""
    return tuple(str(cell) if isinstance(cell, datetime) or hasattr(cell, "isoformat") else cell for cell in row)


@pytest.mark.parametrize("dates", ["shifted", "kept"])
def test_labels_have_the_subjects_and_the_times_of_the_dataset(tmp_path, dates):
    rows = {table: [local(row) for row in found] for table, found in clean_records(3).items()}
    events, shape = to_meds(rows | {"identity": []})
    write_meds(tmp_path / "ehr", events, shape)
    project = project_of(tmp_path, "meds", dates)
    noted = written(project, tmp_path / "labels")
    file = tmp_path / "labels" / "mortality_365_days.parquet"
    table = pyarrow.parquet.read_table(file)
    assert [(one.name, str(one.type)) for one in table.schema] == [
        ("subject_id", "int64"),
        ("prediction_time", "timestamp[us]"),
        ("boolean_value", "bool"),
    ]
    echoes = {(int(row[1]), datetime.fromisoformat(row[2])): row[0] for row in shape.kept["study"]}
    dead = {int(row[0]) for row in shape.kept["death"]}
    labels = table.to_pylist()
    assert len(labels) > 30
    assert {(one["subject_id"], one["prediction_time"]) for one in labels} <= set(echoes)
    assert {one["subject_id"] for one in labels if one["boolean_value"]} == dead & {one["subject_id"] for one in labels}
    assert labels == sorted(labels, key=lambda one: (one["subject_id"], one["prediction_time"]))
    cohort = pyarrow.parquet.read_table(tmp_path / "labels" / "cohort.parquet").to_pylist()
    subjects = {one["subject_id"] for one in labels}
    assert noted.counts == {"patients": len(noted.objects), "studies": len(cohort)}
    assert {f"patient {project.keyring.pseudonym('patient', str(one))}" for one in subjects} <= set(noted.objects)
    assert len(cohort) == len(labels)
    assert all(one["study_id"] == echoes[one["subject_id"], one["prediction_time"]] for one in cohort)
    names = {path.name for path in (tmp_path / "labels").iterdir()}
    assert names == {"cohort.parquet", *(f"mortality_{days}_days.parquet" for days in (90, 180, 270, 365))}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "labels").iterdir()} == {0o600}


def test_numbers_that_are_no_subjects_of_meds_are_refused(tmp_path):
    write_extract(tmp_path / "ehr", clean_records(3))
    project = project_of(tmp_path, "canonical", "kept")
    with pytest.raises(UserError, match="no whole numbers") as caught:
        written(project, tmp_path / "labels")
    assert "3-1" not in str(caught.value)
    assert not (tmp_path / "labels").exists()


def test_a_project_without_a_cohort_says_how_to_make_one(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "echomort.yaml").write_text("{}")
    with pytest.raises(UserError, match="no cohort yet"):
        written(Project(home=str(home)), tmp_path / "labels")
