"""An archive as a hospital holds it: echo files under folders named for people, an extract of records, and apart from
both the truth that only the generator knows.

``DIR/dicom`` and ``DIR/ehr`` are what a pipeline may read. ``DIR/truth`` holds ``patient.parquet``, ``study.parquet``
(latents, exact one-year death probabilities, the oracles' scores) and ``instance.parquet`` (what became of each file).
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
    """What was written."""

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
    in patients. Raises :class:`UserError` for a view that the phantom does not have or a ``folder`` that is in the way.
    """
    _check(folder, synthetic)
    truth = _Truth()
    with atomic_folder(folder) as temporary:
        with _extract(temporary / "ehr") as add:
            for done, one in enumerate(_patients(temporary, synthetic, processes), 1):
                add(one.rows)
                truth.add(one)
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


def _patients(folder: Path, synthetic: Synthetic, processes: int) -> Iterator[_Written]:
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
        for place, study in enumerate(patient.studies)
        if study.has_pictures
        for instance in _write_study(folder, synthetic, patient, place)
    ]
    return _Written(patient, ehr_rows(synthetic.seed, patient), instances)


def _write_study(folder: Path, synthetic: Synthetic, patient: Patient, place: int) -> Iterator[Instance]:
    study = patient.studies[place]
    generator = np.random.default_rng([synthetic.seed, patient.number, 2, place])
    person = f"{patient.family_name}_{patient.given_name}_{study.patient_id}".upper()
    room = Path("dicom", person, f"{study.at:%Y%m%d}_TTE_{study.accession}")
    (folder / room).mkdir(parents=True)
    session = Session.draw(synthetic, patient, place, generator)
    plan: list[tuple[Kind, str]] = [("loop", view) for view in synthetic.views]
    plan += [(kind, synthetic.views[0]) for kind, share in EXTRAS.items() if generator.random() < share]
    contents: list[tuple[bytes, Instance]] = []
    for number, (kind, view) in enumerate(plan, 1):
        contents.append(session.record(kind, view, number) if kind != "copy" else contents[0])
        content, instance = contents[-1]
        path = room / f"IM_{number:04d}.dcm"
        (folder / path).write_bytes(content)
        yield replace(instance, path=path.as_posix(), kind=kind, bytes=len(content))


@contextlib.contextmanager
def _extract(folder: Path) -> Iterator[Callable[[Rows], None]]:
    """Open one CSV a table and yield what adds a patient's rows to them."""
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
    """What only the generator knows, collected patient by patient."""

    def __init__(self) -> None:
        self.hazard = Hazard()
        self.patient: list[dict[str, Any]] = []
        self.study: list[dict[str, Any]] = []
        self.instance: list[dict[str, Any]] = []

    def add(self, written: _Written) -> None:
        """Add one patient's share."""
        self.patient.append(_true_patient(written.patient))
        self.study += [_true_study(self.hazard, study) for study in written.patient.studies]
        self.instance += map(asdict, written.instances)

    def write(self, folder: Path) -> None:
        """Write three Parquet files."""
        import pandas as pd

        folder.mkdir()
        for name, rows in (("patient", self.patient), ("study", self.study), ("instance", self.instance)):
            pd.DataFrame(rows).to_parquet(folder / f"{name}.parquet", index=False)


def _true_study(hazard: Hazard, study: Study) -> dict[str, Any]:
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
        "death_probability": hazard.death_probability(latent),
        "log_hazard_heart": hazard.of_heart(latent),
        "log_hazard_heart_age": hazard.of_heart_and_age(latent),
        "log_hazard_all": hazard.of_all(latent),
    }


def _true_patient(patient: Patient) -> dict[str, Any]:
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
