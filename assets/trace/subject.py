"""What a name stands for: a figure, a model, a candidate, a study, or a file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from assets.project import Project
from echomort.champion.history import shown
from echomort.champion.store import candidate_folder, read_trained_patients
from echomort.core.errors import UserError
from echomort.dicom.index import source_digest
from echomort.vocabulary.model_names import ModelName
from echomort.vocabulary.roles import DEVELOPMENT, EVALUATED_APART
from warehouse import ledger
from warehouse.queries import run

KEY = re.compile(r"[0-9a-f]{8,32}")
"""A pseudonym or its beginning. Eight characters: of a million keys, one in four thousand shares them with
another."""

MAKERS = {
    "view": "view_models",
    "video": "fusion",
    "fusion": "fusion",
    "ehr": "ehr_models",
    "baseline": "ehr_baselines",
    "null": "permuted_null",
    "score": "clinical_scores",
    "encoder": "encoder_models",
    "external": "external_scores",
}
"""Kind of a model (:class:`ModelName`) -> the asset that makes its scores; an oracle's come with the archive."""

CANDIDATES = "champion"
"""The asset that makes a candidate of a run's models."""

FIGURES = "evaluation"
"""The asset that makes the rows of table metric."""

CONTROLS = "motion_controls"
"""The asset that makes the scores of controls."""

RECORDS = "records"
"""The kind of a file of the health records."""

EXAMPLES = "name a figure (video_ehr/auc), a model (video_ehr), a study (its pseudonym) or a file; `--help` says more"


@dataclass(frozen=True)
class Subject:
    """What a name stands for, before it is followed."""

    kind: str
    name: str
    target: str
    """The asset that it is a part of."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    studies: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    makers: tuple[str, ...] | None = None
    """Of the assets that make scores, those on the way; None: all."""
    view: str | None = None
    """The view whose models alone are on the way; None: all."""
    units: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Asset -> its units that matter, where ``studies`` and ``instances`` do not say so."""


def subject_of(project: Project, connection: duckdb.DuckDBPyConnection, name: str) -> Subject:
    """Return what ``name`` stands for, as :func:`assets.trace.trace` takes it.

    Raises :class:`UserError` for one that is unknown or stands for several things.
    """
    found = run(connection, "reads/trace/named.sql", word=name, is_key=bool(KEY.fullmatch(name))).fetchall()
    if len(found) > 1:
        raise UserError(f"{name} stands for {len(found)} things", "write more of its characters")
    if found:
        kind, whole = found[0]
        return {"study": _study, "file": _instance, "model": _model}[kind](connection, whole)
    if KEY.fullmatch(name) and candidate_folder(project.settings.registry, name).is_dir():
        return _candidate(project, connection, name)
    for path in (project.root / name, Path(name)):
        if name and path.exists():
            return _file(project, connection, path.resolve())
    return _figure(connection, name)


def _study(_: duckdb.DuckDBPyConnection, key: str) -> Subject:
    return Subject("study", key, "study", studies=(key,))


def _instance(_: duckdb.DuckDBPyConnection, key: str) -> Subject:
    return Subject("file", key, "dicom_index", instances=(key,))


def _model(connection: duckdb.DuckDBPyConnection, name: str) -> Subject:
    parsed = ModelName.parse(name)
    maker, studies = MAKERS.get(parsed.kind), _followed(connection, name, (DEVELOPMENT, *EVALUATED_APART))
    if maker is None or not studies:
        raise UserError(f"{name} is no model that scores studies", f"trace one of its figures, {name}/METRIC")
    return Subject("model", name, maker, studies=studies, models=(name,), makers=(maker,), view=parsed.view)


def _candidate(project: Project, connection: duckdb.DuckDBPyConnection, name: str) -> Subject:
    """Return the subject of a candidate: its manifest and decisions, and the studies that it was trained on. What it
    was made from is in the ledger only where the last run made it."""
    registry = project.settings.registry
    patients = read_trained_patients(registry, name) or []
    rows = run(connection, "reads/trace/studies_of_patients.sql", patients=patients).fetchall()
    entry = ledger.entries(connection, CANDIDATES).get(ledger.WHOLE)
    is_last = entry is not None and entry.details.get("candidate") == name
    studies = tuple(key for (key,) in rows)
    known = shown(registry, name, project.settings.evaluation.suppress_below_events)
    return Subject("candidate", name, CANDIDATES if is_last else "", known, studies)


def _followed(connection: duckdb.DuckDBPyConnection, model: str | None, roles: Sequence[str]) -> tuple[str, ...]:
    rows = run(connection, "reads/trace/followed.sql", model=model, roles=list(roles)).fetchall()
    return tuple(key for (key,) in rows)


def _figure(connection: duckdb.DuckDBPyConnection, name: str) -> Subject:
    rows = rows_of(run(connection, "reads/trace/figures.sql").df())
    parts = name.split("/")
    evaluations = {row["evaluation"] for row in rows}
    evaluation = parts.pop(0) if parts[0] in evaluations else None
    if len(parts) < 2:
        models = ", ".join(sorted({row["model"] for row in rows if " vs " not in row["model"]}))
        known = f"{EXAMPLES}; models: {models or 'none yet: run `echomort run`'}"
        raise UserError(f"there is no figure, model, study or file {name}", known)
    wanted = {"model": parts[0], "metric": parts[1], "subset": "/".join(parts[2:]) or "all"}
    fits = [
        row
        for row in rows
        if all(row[key] == value for key, value in wanted.items()) and evaluation in (None, row["evaluation"])
    ]
    if not fits:
        raise UserError(f"there is no figure {name}", _known(rows, wanted))
    if len(fits) > 1:
        known = ", ".join(sorted(f"{row['evaluation']}/{name}" for row in fits))
        raise UserError(f"{name} stands for {len(fits)} figures", f"name one of {known}")
    return _of_row(connection, fits[0])


def _known(rows: Sequence[Mapping[str, Any]], wanted: Mapping[str, str]) -> str:
    """Return what could be written for the first part of ``wanted`` that is unknown."""
    left = list(rows)
    for key, value in wanted.items():
        known = sorted({str(row[key]) for row in left})
        if value not in known:
            return f"known, as {key}: {', '.join(known) or 'none yet: run `echomort run`'}"
        left = [row for row in left if row[key] == value]
    return EXAMPLES


def _of_row(connection: duckdb.DuckDBPyConnection, row: Mapping[str, Any]) -> Subject:
    """Return the subject of a row of table metric."""
    model, _, other = str(row["model"]).partition(" vs ")
    models = tuple(filter(None, (model, other)))
    parsed = [ModelName.parse(one) for one in models]
    role = re.match(r"role=(\w+)", str(row["subset"]))
    roles = (role[1],) if role else EVALUATED_APART if row["evaluation"] == "held_out" else (DEVELOPMENT,)
    scored = {one.name for one in parsed if _followed(connection, one.name, (DEVELOPMENT, *EVALUATED_APART))}
    read = [_followed(connection, one if one in scored else None, roles) for one in models]
    makers = {MAKERS[one.kind] for one in parsed if one.name in scored or one.kind == "null"}
    makers |= {CONTROLS} if row["evaluation"] == "control" else set()
    name = "/".join(str(row[key]) for key in ("evaluation", "model", "metric", "subset"))
    studies = tuple(sorted(set().union(*read)))
    view = parsed[0].view if len(parsed) == 1 else None
    return Subject("figure", name, FIGURES, row, studies, (), models, tuple(sorted(makers)), view)


def _file(project: Project, connection: duckdb.DuckDBPyConnection, path: Path) -> Subject:
    """Return the subject of a file or folder on the disk."""
    archive, extract = project.settings.dicom_root.resolve(), project.settings.ehr_root
    if path.is_relative_to(archive) and path.is_file():
        key = project.keyring.pseudonym("instance", path.relative_to(archive).as_posix())
        if files_of(connection, (), (key,)).empty:
            raise UserError("this file of the archive is not in the index", "run `echomort run`, which reads it")
        return _instance(connection, key)
    if extract and path.is_relative_to(extract.resolve()):
        return Subject(RECORDS, "of the extract", "ehr_extract")
    if path.is_relative_to(project.root.resolve()):
        return _artifact(connection, path.relative_to(project.root.resolve()).as_posix())
    content = source_digest(path) if path.is_file() else ""
    found = run(connection, "reads/trace/named.sql", word=content, is_key=bool(content)).fetchall()
    if not found:
        raise UserError("no file of the archive, of the records or of the home is the one that was named", EXAMPLES)
    return Subject("file", content, "dicom_index", instances=tuple(key for _, key in found))


def _artifact(connection: duckdb.DuckDBPyConnection, path: str) -> Subject:
    """Return the subject of a file of the home."""
    found = run(connection, "reads/trace/unit_of_file.sql", path=path).fetchall()
    assets = {asset for asset, _ in found}
    if len(assets) != 1:
        what = "is no file of a result" if not assets else f"holds files of {len(assets)} assets"
        raise UserError(f"{path} {what}", "name a file below clips, embeddings, index, models, report or registry")
    (asset,) = assets
    units = tuple(unit for _, unit in found)
    studies = units if asset == "clips" else ()
    return Subject("clips" if studies else "artifact", path, asset, studies=studies, units={asset: units})


def files_of(connection: duckdb.DuckDBPyConnection, studies: Sequence[str], instances: Sequence[str]) -> pd.DataFrame:
    """Return a row for each file of the archive that was linked to ``studies`` or is one of ``instances``."""
    return run(connection, "reads/trace/files.sql", studies=list(studies), instances=list(instances)).df()


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as JSON has them, missing values as None."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
