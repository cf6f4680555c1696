"""Writes an archive as a hospital holds it: echo files in folders named after people, and an extract of the records.

The truth, which only the generator knows, lies apart from both.

``DIR/dicom`` and ``DIR/ehr`` are what a pipeline may read. ``DIR/truth`` holds ``patient.parquet``, ``study.parquet``
(latents, exact one-year death probabilities, the oracles' scores) and ``instance.parquet`` (what should become
of each file).
"""

from __future__ import annotations

import contextlib
import csv
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from echomort.core.errors import UserError
from echomort.core.files import atomic_folder
from echomort.settings import Synthetic
from echomort.synth.cohort import Hazard, Patient, Study, draw_patient
from echomort.synth.phantom import VIEWS
from echomort.synth.records import TABLES, Rows, ehr_rows
from echomort.synth.session import EXTRAS, Instance, Kind, Session


@dataclass(frozen=True)
class ArchiveSummary:
    """How much was written."""

    patients: int
    studies: int
    files: int
    bytes: int


@dataclass(frozen=True)
class _Written:
    """One patient's share of the archive."""

    patient: Patient
    rows: Rows
    instances: list[Instance]


def write_archive(
    folder: Path, synthetic: Synthetic, processes: int = 1, progress: Callable[[int, int], None] | None = None
) -> ArchiveSummary:
    """Write the archive that ``synthetic`` describes to ``folder``, which appears only when it is whole.

    The bytes depend on ``synthetic`` alone, not on ``processes``. ``progress(done, total)`` is called in this process,
    in patients. Raises :class:`UserError` for a view that the phantom does not have, or a ``folder`` that
    holds something else.
    """
    _check(folder, synthetic)
    truth = _Truth()
    with atomic_folder(folder) as temporary:
        with _open_extract(temporary / "ehr") as add:
            for done, written in enumerate(_write_patients(temporary, synthetic, processes), 1):
                add(written.rows)
                truth.add(written)
                if progress:
                    progress(done, synthetic.patients)
        truth.write(temporary / "truth")
    return ArchiveSummary(
        patients=len(truth.patient),
        studies=len(truth.study),
        files=len(truth.instance),
        bytes=sum(instance["bytes"] for instance in truth.instance),
    )


def _check(folder: Path, synthetic: Synthetic) -> None:
    unknown = sorted(set(synthetic.views) - set(VIEWS))
    if unknown:
        raise UserError(f"the phantom has no view {unknown[0]}", f"choose from {', '.join(VIEWS)}")
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / "truth").is_dir())):
        raise UserError(f"{folder} is there and is not a synthetic archive", "name a folder that does not exist")


def _write_patients(folder: Path, synthetic: Synthetic, processes: int) -> Iterator[_Written]:
    write = partial(_write_patient, folder, synthetic)
    numbers = range(synthetic.patients)
    if processes <= 1:
        yield from map(write, numbers)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(write, numbers, chunksize=4)


def _write_patient(folder: Path, synthetic: Synthetic, number: int) -> _Written:
    patient = draw_patient(synthetic.seed, number)
    instances = [
        instance
        for index, study in enumerate(patient.studies)
        if study.has_pictures
        for instance in _write_study(folder, synthetic, patient, index)
    ]
    return _Written(patient, ehr_rows(synthetic.seed, patient), instances)


def _write_study(folder: Path, synthetic: Synthetic, patient: Patient, index: int) -> Iterator[Instance]:
    study = patient.studies[index]
    generator = np.random.default_rng([synthetic.seed, patient.number, 2, index])
    person = f"{patient.family_name}_{patient.given_name}_{study.patient_id}".upper()
    study_folder = Path("dicom", person, f"{study.at:%Y%m%d}_TTE_{study.accession}")
    (folder / study_folder).mkdir(parents=True)
    session = Session.draw(synthetic, patient, index, generator)
    plan: list[tuple[Kind, str]] = [("loop", view) for view in synthetic.views]
    plan += [(kind, synthetic.views[0]) for kind, share in EXTRAS.items() if generator.random() < share]
    contents: list[tuple[bytes, Instance]] = []
    for number, (kind, view) in enumerate(plan, 1):
        contents.append(session.record(kind, view, number) if kind != "copy" else contents[0])
        content, instance = contents[-1]
        path = study_folder / f"IM_{number:04d}.dcm"
        (folder / path).write_bytes(content)
        yield replace(instance, path=path.as_posix(), kind=kind, bytes=len(content))


@contextlib.contextmanager
def _open_extract(folder: Path) -> Iterator[Callable[[Rows], None]]:
    """Open one CSV file a table, and yield a function that adds a patient's rows."""
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        writers = {}
        for table, columns in TABLES.items():
            file = stack.enter_context((folder / f"{table}.csv").open("w", newline="", encoding="utf-8"))
            writers[table] = csv.writer(file, lineterminator="\n")
            writers[table].writerow(columns)

        def add(rows: Rows) -> None:
            for table, writer in writers.items():
                writer.writerows(rows[table])

        yield add


class _Truth:
    """The truth, collected patient by patient."""

    def __init__(self) -> None:
        self.hazard = Hazard()
        self.patient: list[dict[str, Any]] = []
        self.study: list[dict[str, Any]] = []
        self.instance: list[dict[str, Any]] = []

    def add(self, written: _Written) -> None:
        """Add one patient's share."""
        self.patient.append(_patient_truth(written.patient))
        self.study += [_study_truth(self.hazard, study) for study in written.patient.studies]
        self.instance += map(asdict, written.instances)

    def write(self, folder: Path) -> None:
        """Write three Parquet files."""
        import pandas as pd

        folder.mkdir()
        for name, rows in (("patient", self.patient), ("study", self.study), ("instance", self.instance)):
            pd.DataFrame(rows).to_parquet(folder / f"{name}.parquet", index=False)


def _study_truth(hazard: Hazard, study: Study) -> dict[str, Any]:
    latent = study.latent
    return {
        "study_id": study.study_id,
        "patient_id": study.patient_id,
        "study_instance_uid": study.study_uid,
        "accession_number": study.accession,
        "study_at": study.at,
        "ef": latent.ef,
        "la": latent.la,
        "wall": latent.wall,
        "hr": latent.hr,
        "age": latent.age,
        "frailty": latent.frailty,
        "edv": latent.size * latent.edv,
        "slenderness": latent.slenderness,
        "hypokinesis": latent.hypokinesis,
        "delay": latent.delay,
        "opening": latent.opening,
        "death_probability": hazard.death_probability(latent),
        "log_hazard_heart": hazard.heart_log_hazard(latent),
        "log_hazard_heart_age": hazard.heart_and_age_log_hazard(latent),
        "log_hazard_all": hazard.log_hazard(latent),
    }


def _patient_truth(patient: Patient) -> dict[str, Any]:
    return {
        "patient_id": patient.patient_id,
        "other_patient_id": patient.other_id,
        "family_name": patient.family_name,
        "given_name": patient.given_name,
        "sex": patient.sex,
        "birth_date": patient.born,
        "death_date": patient.died,
        "recorded_death_date": patient.recorded_death,
        "last_seen": patient.last_seen,
    }
