"""The synthetic extract as a MEDS dataset: one table of events in shards, with a table of its codes."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
from layouts.omop import INGREDIENTS
from layouts.shapes import Shape, Table, as_one_person, once, persons

from echomort.ehr.variables import catalogue
from echomort.synth.records import Rows

SCHEMA = pyarrow.schema(
    [
        ("subject_id", pyarrow.int64()),
        ("time", pyarrow.timestamp("us")),
        ("code", pyarrow.string()),
        ("numeric_value", pyarrow.float32()),
        ("text_value", pyarrow.string()),
        ("unit", pyarrow.string()),
        ("study_id", pyarrow.string()),
        ("end", pyarrow.timestamp("us")),
    ]
)
"""The columns of the MEDS data schema, and three of the dataset's own."""

CODES = {one.name: f"LOINC//{one.code.split()[0]}" for one in catalogue() if one.code_system == "LOINC"}
"""Variable -> its code; others have their name."""


def to_meds(rows: Rows) -> tuple[list[dict[str, Any]], Shape]:
    """Return the events of ``rows`` (the canonical contract), and what they can say of them.

    Subjects are whole numbers. Lost: second record numbers; who stated a death; doses of drugs. A drug that has no
    end is begun as MEDICATION//START; without that word it would count as taken for a year.
    """
    merged = persons(once(rows))
    numbers = {number: str(1000 + place) for place, number in enumerate(sorted(set(merged.values())))}
    kept = as_one_person(rows, {number: numbers[first] for number, first in merged.items()})
    lost = Counter(
        {
            ("identity", "second record numbers"): len(set(rows["identity"])),
            ("death", "who stated a death"): len(kept["death"]),
            ("medication", "doses"): len(kept["medication"]),
        }
    )
    kept |= {
        "death": [(patient, day, "record") for patient, day, _ in kept["death"]],
        "medication": [(patient, drug, "", "", *when) for patient, drug, _, _, *when in kept["medication"]],
    }
    events = [event for table, make in MAKERS.items() for row in kept[table] for event in make(row)]
    tables = {"codes": Table(("code", "description", "parent_codes"))}
    for drug, name in INGREDIENTS.items():
        for code in (f"RxNorm//{drug}", f"MEDICATION//START//{drug}"):
            tables["codes"].add(code=code, description=f"{name} Oral Tablet", parent_codes=[])
    return events, Shape(tables, kept, lost, {}, {row[0]: row[0] for row in kept["study"]})


def write_meds(folder: Path, events: list[dict[str, Any]], shape: Shape) -> Path:
    """Write the dataset: each subject in one shard of one split, static events first."""
    subjects = sorted({event["subject_id"] for event in events})
    for place, shard in enumerate(("train/0", "train/1", "tuning/0", "held_out/a")):
        of_shard = [event for event in events if subjects.index(event["subject_id"]) % 4 == place]
        of_shard.sort(key=lambda event: (event["subject_id"], event.get("time") or datetime.min))
        path = folder / "data" / f"{shard}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(of_shard, SCHEMA), path)
    (folder / "metadata").mkdir()
    codes = [dict(zip(shape.tables["codes"].columns, row, strict=True)) for row in shape.tables["codes"].rows]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(codes), folder / "metadata" / "codes.parquet")
    (folder / "metadata" / "dataset.json").write_text('{"dataset_name": "synthetic", "meds_version": "0.4.0"}')
    return folder


def _event(patient: str, at: str, code: str, **more: Any) -> dict[str, Any]:
    time = datetime.fromisoformat(at) if at else None
    return {"subject_id": int(patient), "time": time, "code": code} | more


def _patient(row: tuple[Any, ...]) -> list[dict[str, Any]]:
    patient, born, sex, race = row
    found = [_event(patient, born, "MEDS_BIRTH")] if born else []
    found += [_event(patient, "", f"GENDER//{sex}")] if sex else []
    return found + ([_event(patient, "", f"RACE//{race}")] if race else [])


def _measurement(row: tuple[Any, ...]) -> list[dict[str, Any]]:
    patient, study, variable, value, unit, at = row
    number = {"numeric_value": float(value)} if value != "" else {}
    more = {"unit": unit or None, "study_id": study or None} | number
    return [_event(patient, at, CODES.get(variable, variable), **more)]


def _medication(row: tuple[Any, ...]) -> dict[str, Any]:
    patient, drug, _, _, started, ended = row
    end = {"end": datetime.fromisoformat(ended)} if ended else {}
    return _event(patient, started, f"RxNorm//{drug}" if ended else f"MEDICATION//START//{drug}") | end


MAKERS = {
    "patient": _patient,
    "death": lambda row: [_event(row[0], row[1], "MEDS_DEATH")],
    "contact": lambda row: [_event(row[0], row[1], f"VISIT//{row[2]}")],
    "study": lambda row: [_event(row[1], row[2], "CPT4//93306", study_id=row[0])],
    "measurement": _measurement,
    "diagnosis": lambda row: [_event(row[0], row[3], f"{row[1]}//{row[2]}")],
    "medication": lambda row: [_medication(row)],
}
"""Canonical table -> what makes the events of one of its rows."""
