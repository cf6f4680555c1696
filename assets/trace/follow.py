"""What a figure, a model, a study or a file was made from, and what was made from it.

All of it is in the ledger and the warehouse: nothing is written down for this.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import pandas as pd

from assets.graph import STAGES
from assets.incremental import UnitStage
from assets.incremental.stage import flat
from assets.project import Project
from assets.trace.subject import CONTROLS, FIGURES, MAKERS, RECORDS, Subject, files_of, rows_of, subject_of
from echomort.champion.store import read_trained_patients
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.core.listing import files_in
from echomort.vocabulary.model_names import ModelName, encoder_of
from echomort.vocabulary.roles import DEVELOPMENT
from warehouse import ledger, vault
from warehouse.queries import run

PIXELS = frozenset({"view_models", "fusion", "permuted_null", "encoder_models", CONTROLS})
"""Of these assets, those whose models take clips."""

FORWARD = ("study", "file", "clips")
"""Kinds of subjects of which is said what was made with them."""


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


def trace(project: Project, name: str) -> Trace:
    """Follow ``name``: ``[EVALUATION/]MODEL/METRIC[/SUBSET]``, a model, a study or file by its pseudonym (at least its
    first eight characters), or the path of a file of the archive, of the extract or of the home. Raises
    :class:`UserError` for one that is unknown or stands for several things."""
    with project.reader() as connection:
        return _Follower(project, connection).follow(subject_of(project, connection, name))


class _Follower:
    """Follows a subject through the assets."""

    def __init__(self, project: Project, connection: duckdb.DuckDBPyConnection) -> None:
        self.project, self.connection = project, connection

    def follow(self, subject: Subject) -> Trace:
        """Return what ``subject`` was made from and, of a study or file, what was made with it."""
        files = self._files_of(subject)
        studies = subject.studies or tuple(sorted(files["study_key"].dropna().unique()))
        known = rows_of(run(self.connection, "reads/trace/studies.sql", studies=list(studies)).df())
        if subject.kind in FORWARD:
            subject = self._with_models(subject, files, studies)
        roles = {str(row["role"]) for row in known if row["role"]}
        is_forward = subject.kind in FORWARD
        risks = rows_of(run(self.connection, "reads/trace/risks.sql", studies=list(studies)).df()) if is_forward else []
        return Trace(
            kind=subject.kind,
            name=subject.name,
            facts=subject.facts,
            studies=known,
            files=rows_of(files),
            records=dict(run(self.connection, "reads/trace/record_rows.sql", studies=list(studies)).fetchall()),
            steps=self._steps(subject, self._units(subject, studies, files), is_used=bool(subject.models)),
            models=subject.models,
            figures=self._figures(subject, roles),
            risks=risks,
            candidates=self._learnt_from({str(row["patient_key"]) for row in known}) if is_forward else [],
        )

    def _files_of(self, subject: Subject) -> pd.DataFrame:
        """Return the files of the archive on the way to ``subject``: none for a model of the records, those of its view
        for a model of one view."""
        on_the_way = subject.makers is None or PIXELS.intersection(subject.makers)
        files = files_of(self.connection, subject.studies if on_the_way else (), subject.instances)
        return files if subject.view is None else files[files["view"] == subject.view]

    def _with_models(self, subject: Subject, files: pd.DataFrame, studies: Sequence[str]) -> Subject:
        """Return a study or file with the models that scored it: of a file, those that take its view."""
        rows = run(self.connection, "reads/trace/models_of_studies.sql", studies=list(studies)).fetchall()
        models = tuple(model for (model,) in rows)
        if subject.kind == "study":
            return replace(subject, models=models)
        views = set(files.loc[files["status"] == "accepted", "view"])
        parsed = [ModelName.parse(model) for model in models] if views else []
        taken = tuple(one.name for one in parsed if one.view in views or one.kind in {"video", "fusion", "encoder"})
        return replace(subject, models=taken, view=next(iter(views)) if len(views) == 1 else None)

    def _figures(self, subject: Subject, roles: Set[str]) -> list[dict[str, Any]]:
        """Return the figures that ``subject`` went into: all of its models where models learnt from patients with
        ``roles``, else those of the sets apart; of the records, all."""
        rows = rows_of(run(self.connection, "reads/trace/figures.sql").df())
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
        registry, wanted = self.project.settings.registry, set(patients)
        names = sorted(path.name for path in (registry / "candidates").glob("[!.]*"))
        return [name for name in names if wanted.intersection(read_trained_patients(registry, name) or [])]

    def _steps(self, subject: Subject, wanted: Mapping[str, tuple[str, ...] | None], is_used: bool) -> list[Step]:
        upwards = self._closure({subject.target}, self._parents(subject.makers))
        below = self._below(subject, is_used)
        order = [name for stage in STAGES for name in stage.assets if name in upwards | below]
        found = (self._step(name, upwards, below, wanted, subject) for name in order)
        steps = [step for step in found if step is not None]
        names = {step.asset for step in steps}
        return [replace(step, above=tuple(name for name in step.above if name in names)) for step in steps]

    def _below(self, subject: Subject, is_used: bool) -> set[str]:
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
            seen = ("clips", "clip_views", "clip_embeddings", "risk_scores") if subject.view else ()
            return reached & {"linkage", "report", *seen}
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
        subject: Subject,
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

    def _units(
        self, subject: Subject, studies: Sequence[str], files: pd.DataFrame
    ) -> dict[str, tuple[str, ...] | None]:
        """Return asset -> its units on the way; of an asset without an entry, all are."""
        wanted: dict[str, tuple[str, ...] | None] = {**subject.units}
        if len(files) or subject.kind in FORWARD:
            wanted |= {"clips": tuple(studies), "dicom_index": tuple(sorted(files["folder_key"].unique()))}
            named = [ModelName.parse(name) for name in subject.models if subject.kind not in FORWARD]
            chosen = {encoder_of(one.name) for one in named if one.kind == "encoder"}
            encoders = [spec.stem for spec in self.project.settings.encoders.specs if not chosen or spec.stem in chosen]
            wanted |= {"clip_embeddings": tuple(f"{name}/{study}" for name in encoders for study in studies)}
            wanted |= {"risk_scores": tuple(studies)}
        return wanted

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
