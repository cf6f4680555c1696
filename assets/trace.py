"""What a figure, a model, a study or a file was made from, and what was made from it.

All of it is in the ledger and the warehouse: nothing is written down for this.
"""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from assets.graph import STAGES
from assets.incremental import UnitStage
from assets.incremental.stage import flat
from assets.project import Project
from echomort.champion.history import shown
from echomort.champion.store import candidate_folder, read_trained_patients
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.core.listing import files_in
from echomort.dicom.index import source_digest
from echomort.vocabulary.model_names import ModelName
from echomort.vocabulary.roles import DEVELOPMENT, EVALUATED_APART
from warehouse import ledger, vault
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
}
"""Kind of a model (:class:`ModelName`) -> the asset that makes its scores; an oracle's come with the archive."""

CANDIDATES = "champion"
"""The asset that makes a candidate of a run's models."""

FIGURES = "evaluation"
"""The asset that makes the rows of table metric."""

CONTROLS = "motion_controls"
"""The asset that makes the scores of controls."""

PIXELS = frozenset({"view_models", "fusion", "permuted_null", CONTROLS})
"""Of these assets, those whose models take clips."""

RECORDS = "records"
"""The kind of a file of the health records."""

FORWARD = ("study", "file", "clips")
"""Kinds of subjects of which is said what was made with them."""

EXAMPLES = "name a figure (video_ehr/auc), a model (video_ehr), a study (its pseudonym) or a file; `--help` says more"


@dataclass(frozen=True)
class Step:
    """An asset on the way: the assets ``above`` it on this way, its ``units`` that matter here (none: it is made as a
    whole), the digest of their content, their files, and the recipe that made them: parts of code, settings,
    libraries."""

    asset: str
    above: tuple[str, ...]
    is_source: bool
    """Whether the subject was made from it, or is it; else it was made from the subject."""
    units: tuple[str, ...]
    digest: str
    files: tuple[str, ...]
    code: tuple[str, ...]
    settings: Mapping[str, Any]
    libraries: Mapping[str, str]


@dataclass(frozen=True)
class Trace:
    """What was found of a subject: ``kind`` (figure, model, candidate, study, file, records, clips, artifact) and
    ``name``, ``facts`` about it, the ``studies``, the ``files`` of the archive, the staged ``records`` of their
    patients by table, the ``steps`` between, and what was made with it: ``models`` that scored it, ``figures``,
    ``risks``, ``candidates`` that learnt from its patient."""

    kind: str
    name: str
    facts: Mapping[str, Any]
    studies: Sequence[Mapping[str, Any]]
    files: Sequence[Mapping[str, Any]]
    records: Mapping[str, int]
    steps: Sequence[Step]
    models: Sequence[str] = ()
    figures: Sequence[Mapping[str, Any]] = ()
    risks: Sequence[Mapping[str, Any]] = ()
    candidates: Sequence[str] = ()

    def as_record(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return {**vars(self), "steps": [vars(step) for step in self.steps]}

    @property
    def patients(self) -> list[str]:
        """The pseudonyms of the patients."""
        return sorted({str(row["patient_key"]) for row in self.studies})


@dataclass(frozen=True)
class _Subject:
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


def trace(project: Project, name: str) -> Trace:
    """Follow ``name``: ``[EVALUATION/]MODEL/METRIC[/SUBSET]``, a model, a study or file by its pseudonym (at least its
    first eight characters), or the path of a file of the archive, of the extract or of the home. Raises
    :class:`UserError` for one that is unknown or stands for several things."""
    with project.reader() as connection:
        return _Follower(project, connection).follow(_subject(project, connection, name))


def _subject(project: Project, connection: duckdb.DuckDBPyConnection, name: str) -> _Subject:
    found = run(connection, "reads/trace/named.sql", word=name, is_key=bool(KEY.fullmatch(name))).fetchall()
    if len(found) > 1:
        raise UserError(f"{name} stands for {len(found)} things", "write more of its characters")
    if found:
        kind, whole = found[0]
        return {"study": _study, "file": _instance, "model": _model}[kind](connection, whole)
    if KEY.fullmatch(name) and candidate_folder(project.root / "registry", name).is_dir():
        return _candidate(project, connection, name)
    for path in (project.root / name, Path(name)):
        if name and path.exists():
            return _file(project, connection, path.resolve())
    return _figure(connection, name)


def _study(_: duckdb.DuckDBPyConnection, key: str) -> _Subject:
    return _Subject("study", key, "study", studies=(key,))


def _instance(_: duckdb.DuckDBPyConnection, key: str) -> _Subject:
    return _Subject("file", key, "dicom_index", instances=(key,))


def _model(connection: duckdb.DuckDBPyConnection, name: str) -> _Subject:
    parsed = ModelName.parse(name)
    maker, studies = MAKERS.get(parsed.kind), _followed(connection, name, (DEVELOPMENT, *EVALUATED_APART))
    if maker is None or not studies:
        raise UserError(f"{name} is no model that scores studies", f"trace one of its figures, {name}/METRIC")
    return _Subject("model", name, maker, studies=studies, models=(name,), makers=(maker,), view=parsed.view)


def _candidate(project: Project, connection: duckdb.DuckDBPyConnection, name: str) -> _Subject:
    """Return the subject of a candidate: its manifest and decisions, and the studies that it was trained on. What it
    was made from is in the ledger only where the last run made it."""
    registry = project.root / "registry"
    patients = read_trained_patients(registry, name) or []
    rows = run(connection, "reads/trace/studies_of_patients.sql", patients=patients).fetchall()
    entry = ledger.entries(connection, CANDIDATES).get(ledger.WHOLE)
    is_last = entry is not None and entry.details.get("candidate") == name
    studies = tuple(key for (key,) in rows)
    return _Subject("candidate", name, CANDIDATES if is_last else "", shown(registry, name), studies)


def _followed(connection: duckdb.DuckDBPyConnection, model: str | None, roles: Sequence[str]) -> tuple[str, ...]:
    rows = run(connection, "reads/trace/followed.sql", model=model, roles=list(roles)).fetchall()
    return tuple(key for (key,) in rows)


def _figure(connection: duckdb.DuckDBPyConnection, name: str) -> _Subject:
    rows = _rows(run(connection, "reads/trace/figures.sql").df())
    parts = name.split("/")
    evaluations = {row["evaluation"] for row in rows}
    evaluation = parts.pop(0) if parts[0] in evaluations else None
    if len(parts) < 2:
        raise UserError(f"there is no figure, model, study or file {name}", EXAMPLES)
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


def _of_row(connection: duckdb.DuckDBPyConnection, row: Mapping[str, Any]) -> _Subject:
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
    return _Subject("figure", name, FIGURES, row, studies, (), models, tuple(sorted(makers)), view)


def _file(project: Project, connection: duckdb.DuckDBPyConnection, path: Path) -> _Subject:
    """Return the subject of a file or folder on the disk."""
    archive, extract = project.settings.dicom_root.resolve(), project.settings.ehr_root
    if path.is_relative_to(archive) and path.is_file():
        key = project.keyring.pseudonym("instance", path.relative_to(archive).as_posix())
        if _files(connection, (), (key,)).empty:
            raise UserError("this file of the archive is not in the index", "run `echomort run`, which reads it")
        return _instance(connection, key)
    if extract and path.is_relative_to(extract.resolve()):
        return _Subject(RECORDS, "of the extract", "ehr_extract")
    if path.is_relative_to(project.root.resolve()):
        return _artifact(connection, path.relative_to(project.root.resolve()).as_posix())
    content = source_digest(path) if path.is_file() else ""
    found = run(connection, "reads/trace/named.sql", word=content, is_key=bool(content)).fetchall()
    if not found:
        raise UserError("no file of the archive, of the records or of the home is the one that was named", EXAMPLES)
    return _Subject("file", content, "dicom_index", instances=tuple(key for _, key in found))


def _artifact(connection: duckdb.DuckDBPyConnection, path: str) -> _Subject:
    """Return the subject of a file of the home."""
    found = run(connection, "reads/trace/unit_of_file.sql", path=path).fetchall()
    assets = {asset for asset, _ in found}
    if len(assets) != 1:
        what = "is no file of a result" if not assets else f"holds files of {len(assets)} assets"
        raise UserError(f"{path} {what}", "name a file below clips, index, models, report or registry")
    (asset,) = assets
    units = tuple(unit for _, unit in found)
    studies = units if asset == "clips" else ()
    return _Subject("clips" if studies else "artifact", path, asset, studies=studies, units={asset: units})


class _Follower:
    """Follows a subject through the assets."""

    def __init__(self, project: Project, connection: duckdb.DuckDBPyConnection) -> None:
        self.project, self.connection = project, connection

    def follow(self, subject: _Subject) -> Trace:
        """Return what ``subject`` was made from and, of a study or file, what was made with it."""
        files = self._files_of(subject)
        studies = subject.studies or tuple(sorted(files["study_key"].dropna().unique()))
        known = _rows(run(self.connection, "reads/trace/studies.sql", studies=list(studies)).df())
        if subject.kind in FORWARD:
            subject = self._with_models(subject, files, studies)
        roles = {str(row["role"]) for row in known if row["role"]}
        is_forward = subject.kind in FORWARD
        risks = _rows(run(self.connection, "reads/trace/risks.sql", studies=list(studies)).df()) if is_forward else []
        return Trace(
            kind=subject.kind,
            name=subject.name,
            facts=subject.facts,
            studies=known,
            files=_rows(files),
            records=dict(run(self.connection, "reads/trace/record_rows.sql", studies=list(studies)).fetchall()),
            steps=self._steps(subject, _units(subject, studies, files), is_used=bool(subject.models)),
            models=subject.models,
            figures=self._figures(subject, roles),
            risks=risks,
            candidates=self._learnt_from({str(row["patient_key"]) for row in known}) if is_forward else [],
        )

    def _files_of(self, subject: _Subject) -> pd.DataFrame:
        """Return the files of the archive on the way to ``subject``: none for a model of the records, those of its view
        for a model of one view."""
        on_the_way = subject.makers is None or PIXELS.intersection(subject.makers)
        files = _files(self.connection, subject.studies if on_the_way else (), subject.instances)
        return files if subject.view is None else files[files["view"] == subject.view]

    def _with_models(self, subject: _Subject, files: pd.DataFrame, studies: Sequence[str]) -> _Subject:
        """Return a study or file with the models that scored it: of a file, those that take its view."""
        rows = run(self.connection, "reads/trace/models_of_studies.sql", studies=list(studies)).fetchall()
        models = tuple(model for (model,) in rows)
        if subject.kind == "study":
            return replace(subject, models=models)
        views = set(files.loc[files["status"] == "accepted", "view"])
        parsed = [ModelName.parse(model) for model in models] if views else []
        taken = tuple(one.name for one in parsed if one.view in views or one.kind in {"video", "fusion"})
        return replace(subject, models=taken, view=next(iter(views)) if len(views) == 1 else None)

    def _figures(self, subject: _Subject, roles: Set[str]) -> list[dict[str, Any]]:
        """Return the figures that ``subject`` went into: all of its models where models learnt from patients with
        ``roles``, else those of the sets apart; of the records, all."""
        rows = _rows(run(self.connection, "reads/trace/figures.sql").df())
        if subject.kind == RECORDS:
            return rows
        apart, models = {f"role={role}" for role in roles}, set(subject.models)
        return [
            row
            for row in rows
            if subject.kind != "figure"
            and models.intersection(str(row["model"]).split(" vs "))
            and (DEVELOPMENT in roles or row["subset"] in apart)
        ]

    def _learnt_from(self, patients: Iterable[str]) -> list[str]:
        """Return the candidates that were trained on one of ``patients``."""
        registry, wanted = self.project.root / "registry", set(patients)
        names = sorted(path.name for path in (registry / "candidates").glob("[!.]*"))
        return [name for name in names if wanted.intersection(read_trained_patients(registry, name) or [])]

    def _steps(self, subject: _Subject, wanted: Mapping[str, tuple[str, ...] | None], is_used: bool) -> list[Step]:
        upwards = self._closure({subject.target}, self._parents(subject.makers))
        below = self._below(subject, is_used)
        order = [name for stage in STAGES for name in stage.assets if name in upwards | below]
        found = (self._step(name, upwards, below, wanted, subject) for name in order)
        steps = [step for step in found if step is not None]
        names = {step.asset for step in steps}
        return [replace(step, above=tuple(name for name in step.above if name in names)) for step in steps]

    def _below(self, subject: _Subject, is_used: bool) -> set[str]:
        """Return the assets that were made from the subject; of a file that no figure uses, those of the archive."""
        if subject.kind == "figure":
            return {"report"}
        parents = self._parents(subject.makers)
        children: dict[str, set[str]] = {}
        for child, above in parents.items():
            for name in above:
                children.setdefault(name, set()).add(child)
        reached = self._closure({subject.target}, children) - {subject.target}
        if subject.kind == "file" and subject.target == "dicom_index" and not is_used:
            return reached & {"linkage", "report", *(("clips", "clip_views", "risk_scores") if subject.view else ())}
        return reached

    def _parents(self, makers: tuple[str, ...] | None) -> dict[str, set[str]]:
        """Return asset -> the assets above it. Of a figure, those that make scores of other models are left out."""
        scoring = {*MAKERS.values(), CONTROLS}
        left_out = set() if makers is None else scoring - set(makers)
        return {
            name: {above for above in stage.upstream if stage.name not in {FIGURES} or above not in left_out}
            for stage in STAGES
            for name in stage.assets
        }

    @staticmethod
    def _closure(start: set[str], edges: Mapping[str, set[str]]) -> set[str]:
        reached, new = set(start), set(start)
        while new:
            new = set().union(*(edges.get(name, set()) for name in new)) - reached
            reached |= new
        return reached

    def _step(
        self,
        name: str,
        upwards: set[str],
        below: set[str],
        wanted: Mapping[str, tuple[str, ...] | None],
        subject: _Subject,
    ) -> Step | None:
        """Return the step of an asset; None where no unit of it is on the way."""
        chosen = wanted.get(name)
        rows = run(
            self.connection, "reads/trace/units.sql", asset=name, units=None if chosen is None else list(chosen)
        ).fetchall()
        if subject.view and name in {MAKERS["view"], CONTROLS}:
            rows = [row for row in rows if row[0].rpartition("/")[2] == subject.view]
        if not rows:
            return None
        stage = next(stage for stage in STAGES if name in stage.assets)
        units = [(row[0], row[1]) for row in rows]
        code, settings, libraries = self._recipe(stage, {str(row[3] or "") for row in rows})
        parents = self._parents(subject.makers)[name] if name != "report" or subject.kind != "figure" else {FIGURES}
        return Step(
            asset=name,
            above=tuple(sorted(parents & (upwards | below))),
            is_source=name in upwards,
            units=tuple(unit for unit, _ in units) if isinstance(stage, UnitStage) else (),
            digest=digest(units),
            files=tuple(str(row[2]) for row in rows if row[2]),
            code=code,
            settings=settings,
            libraries=libraries,
        )

    def _recipe(self, stage: Any, recipes: Iterable[str]) -> tuple[tuple[str, ...], dict[str, Any], dict[str, str]]:
        """Return the parts of code, the settings (their value, or ``changed since``) and the libraries of recipes."""
        parts: dict[str, str] = {}
        for recipe in sorted(recipes):
            parts |= ledger.recipe(self.connection, recipe)
        now = dict(flat(stage.decided_by(self.project.settings)))
        settings, libraries, code = {}, {}, []
        for part, meaning in sorted(parts.items()):
            kind, _, rest = part.partition(" ")
            if kind == "library":
                libraries[rest] = meaning
            elif kind == "setting":
                settings[rest] = now[rest] if rest in now and digest(now[rest]) == meaning else "changed since"
            else:
                code.append(part)
        return tuple(code), settings, libraries


def _units(subject: _Subject, studies: Sequence[str], files: pd.DataFrame) -> dict[str, tuple[str, ...] | None]:
    """Return asset -> its units on the way; of an asset without an entry, all are."""
    wanted: dict[str, tuple[str, ...] | None] = {**subject.units}
    if len(files) or subject.kind in FORWARD:
        wanted |= {"clips": tuple(studies), "dicom_index": tuple(sorted(files["folder_key"].unique()))}
        wanted |= {"risk_scores": tuple(studies)}
    return wanted


def _files(connection: duckdb.DuckDBPyConnection, studies: Sequence[str], instances: Sequence[str]) -> pd.DataFrame:
    return run(connection, "reads/trace/files.sql", studies=list(studies), instances=list(instances)).df()


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as JSON has them, missing values as None."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def identifiers_of(project: Project, found: Trace) -> dict[str, dict[str, str]]:
    """Return patient, study, folder and instance -> pseudonym -> the site's own number or path, of what was found.
    Raises :class:`UserError` where there is no vault, or another key than that of the home."""
    if not project.vault.exists():
        raise UserError("there is no vault: identifiers are nowhere else", "run `echomort run`, which makes it anew")
    folders = vault.recall(project.vault, "folder", sorted({str(row["folder_key"]) for row in found.files}))
    wanted = {str(row["instance_key"]) for row in found.files}
    root = project.settings.dicom_root
    paths = (file.path for folder in folders.values() for file in files_in(root, folder))
    instances = {project.keyring.pseudonym("instance", path): path for path in paths}
    return {
        "patient": vault.recall(project.vault, "patient", found.patients),
        "study": vault.recall(project.vault, "study", [str(row["study_key"]) for row in found.studies]),
        "folder": folders,
        "instance": {key: path for key, path in instances.items() if key in wanted},
    }
