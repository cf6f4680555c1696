"""The work of `echomort validate`: read the project, score its studies with a finished model, judge, write."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from rich.console import Console

from assets import status
from assets.imaging.shapes import project_clip
from assets.project import Project
from echomort.champion.bundle import unpack_bundle
from echomort.champion.fit import NEEDED, require_fit, rerun_with
from echomort.champion.scoring import score_in_child
from echomort.champion.store import (
    NO_CHAMPION,
    champion_name,
    pointer_to,
    read_manifest,
)
from echomort.champion.validation import (
    Count,
    Model,
    Patients,
    counted,
    draw,
    judged_counts,
    patients_of,
    require_outcomes,
    served_scores,
    with_ranges,
)
from echomort.core.errors import UserError
from echomort.core.files import scratch_folder
from echomort.evaluation.resampling import Resampling
from echomort.evaluation.validation import Validated, validate
from echomort.report.validation.data import ValidationData
from echomort.report.validation.page import require_place, write_validation
from echomort.settings import REGISTRY, Settings
from echomort.vocabulary.model_names import CHAMPION
from warehouse.queries import run

FOLDER = "validation"
"""Folder of the validations below the home."""


def validated(
    settings: Settings, bundle: Path | None, years: str | None, folder: Path | None, console: Console
) -> None:
    """Judge the champion of the project, or the model of ``bundle``, and write the page and the JSON into ``folder``
    (default: ``validation/<id>-<patients>`` in the home)."""
    project = Project(home=str(settings.home))
    _require_up_to_date(project)
    with _model(settings.home, bundle) as model:
        manifest = read_manifest(model.root, pointer_to(model.root, model.candidate))
        require_fit(manifest, settings, project_clip(project))
        patients = patients_of(settings, model, years, sealed=bundle is None and years is None)
        folder = folder or settings.home / FOLDER / f"{model.candidate}-{patients.slug}"
        require_place(folder)
        frame, scores, counts = _scored(project, model, patients, has_views=bool(manifest["views"]))
    require_outcomes(frame, patients, settings.evaluation.suppress_below_events)
    found = validate(frame, scores, settings.evaluation, settings.outcome.horizon_days)
    data = ValidationData(
        champion=model.candidate,
        manifest=manifest,
        on=patients.words,
        counts=[*counts, *judged_counts(frame)],
        validated=found,
        settings=_settings_that_decide(settings),
        synthetic=settings.is_synthetic,
        plan=Resampling(settings.evaluation.bootstrap, settings.evaluation.confidence, settings.evaluation.seed),
        suppress_below=settings.evaluation.suppress_below_events,
    )
    page = write_validation(data, folder)
    _print(data, found, page, console)


def _require_up_to_date(project: Project) -> None:
    """Raise :class:`UserError` where an asset from which a validation is made is missing or stale."""
    rows = status.asset_states(project)
    stale = [row["asset"] for row in rows if row["asset"] in NEEDED and row["state"] in {"missing", "stale"}]
    if stale:
        raise UserError(f"not up to date: {', '.join(stale)}", rerun_with(project.root, ""))


@contextlib.contextmanager
def _model(home: Path, bundle: Path | None) -> Iterator[Model]:
    """Yield the model of ``bundle``, unpacked for the block, or the champion of ``home``."""
    if bundle is None:
        registry = home / REGISTRY
        name = champion_name(registry)
        if name is None:
            raise UserError(NO_CHAMPION, "run `echomort run` to the end, or name a bundle of another site")
        yield Model(registry, name)
        return
    with scratch_folder(home) as scratch:
        yield Model(scratch, unpack_bundle(bundle, scratch))


def _scored(
    project: Project, model: Model, patients: Patients, has_views: bool
) -> tuple[pd.DataFrame, pd.DataFrame, list[Count]]:
    """Return the frame of the studies that are judged, their scores, and how many others were left out and why."""
    with project.reader() as connection:
        run(connection, "definitions/heart_failure.sql")
        run(connection, "definitions/followed_study.sql")
        bind: dict[str, object] = {
            "roles": list(patients.roles),
            "first_year": patients.first,
            "last_year": patients.last,
            "trained_on": list(patients.trained_on),
            "needs_clips": has_views,
            "salt": project.settings.cohort.salt,
        }
        every = run(connection, "reads/evaluation/validation_frame.sql", **bind).df()
        drawn, counts = draw(every, patients, has_views)
        studies = drawn["study_key"].tolist()
        clips = run(connection, "reads/evaluation/validation_clips.sql", studies=studies).df()
        features = run(connection, "reads/risk/risk_features.sql", studies=studies).df()
        clinical = run(connection, "reads/evaluation/validation_scores.sql", studies=studies).df()
    served = score_in_child(model.root, clips, features, project.root, model.candidate)
    champion = served_scores(served)
    frame = drawn[drawn["study_key"].isin(champion["study_key"])].drop(columns=["was_trained_on", "has_clip"])
    frame = with_ranges(frame, served)
    unscored = drawn[~drawn["study_key"].isin(champion["study_key"])]
    counts.append(counted("Left out: no risk could be computed", unscored))
    return frame, pd.concat([champion, clinical]), counts


def _settings_that_decide(settings: Settings) -> dict[str, object]:
    wanted = ("outcome.", "evaluation.", "clinical_scores.", "cohort.", "features.", "imaging.clip.")
    return {key: value for key, value, *_ in settings.provenance() if key.startswith(wanted)}


def _print(data: ValidationData, found: Validated, page: Path, console: Console) -> None:
    rows = found.rows
    served = rows[(rows["model"] == CHAMPION) & (rows["evaluation"] == "out_of_fold") & (rows["subset"] == "all")]
    figures = served.set_index("metric")
    area, ratio, slope = (figures.loc[name] for name in ("auc", "observed_expected", "calibration_slope"))
    console.print(f"champion {data.champion} on {data.on}: {area['n']:.0f} patients, {area['events']:.0f} deaths")
    for label, row, digits in (
        ("AUC", area, 3),
        ("observed / expected deaths", ratio, 2),
        ("calibration slope", slope, 2),
    ):
        console.print(f"{label} {row['value']:.{digits}f} ({row['low']:.{digits}f} to {row['high']:.{digits}f})")
    if data.note:
        console.print(data.note)
    console.print(f"page: {page}")
    console.print(f"for machines, without a row of a patient: {page.with_name('validation.json')}")
