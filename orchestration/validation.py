"""The work of `echomort validate`: read the project, score its studies with a finished model, judge, write."""

import contextlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from assets import status
from assets.project import Project
from echomort.champion.bundle import unpack_bundle
from echomort.champion.fit import require_fit
from echomort.champion.scoring import score_in_child
from echomort.champion.store import (
    NO_CHAMPION,
    candidate_folder,
    champion_name,
    pointer_to,
    read_manifest,
    read_trained_patients,
)
from echomort.core.errors import UserError
from echomort.evaluation.inputs import SMALLEST_RISK
from echomort.evaluation.resampling import Resampling
from echomort.evaluation.subgroups import has_too_few_outcomes
from echomort.evaluation.validation import Validated, validate
from echomort.report.validation.data import ValidationData
from echomort.report.validation.page import require_place, write_validation
from echomort.settings import Settings
from echomort.vocabulary.model_names import CHAMPION
from echomort.vocabulary.roles import DEVELOPMENT, READER, ROLES, SEALED
from warehouse.queries import run

NEEDED = ("outcomes", "cohort", "clinical_features", "clinical_scores", "linkage", "clips", "clip_views")
"""Assets from which a validation is made."""
FOLDER = "validation"
"""Folder of the validations below the home."""
YEARS = re.compile(r"(\d{4})(?:-(\d{4}))?")


@dataclass(frozen=True)
class Patients:
    """On whom to validate: those with one of ``roles``, echoes of the calendar years ``first`` to ``last`` (None: any).

    ``trained_on``: the keys of patients whom the model was trained on.
    """

    roles: Sequence[str]
    first: int | None
    last: int | None
    trained_on: Sequence[str]

    @property
    def words(self) -> str:
        """The patients in words."""
        if list(self.roles) == [SEALED]:
            return "the sealed set"
        if self.first is None:
            return "the whole archive"
        return f"echoes of {self.first} to {self.last}" if self.first != self.last else f"echoes of {self.first}"

    @property
    def slug(self) -> str:
        """The patients as a part of a folder's name."""
        return self.words.removeprefix("the ").removeprefix("echoes of ").replace(" ", "-")


@dataclass(frozen=True)
class Model:
    """A finished model: ``candidate`` of the registry ``root``."""

    root: Path
    candidate: str


def validated(
    settings: Settings, bundle: Path | None, years: str | None, folder: Path | None, console: Console
) -> None:
    """Judge the champion of the project, or the model of ``bundle``, and write the page and the JSON into ``folder``
    (default: ``validation/<id>-<patients>`` in the home)."""
    project = Project(home=str(settings.home))
    _require_up_to_date(project)
    with _model(settings.home, bundle) as model:
        manifest = read_manifest(model.root, pointer_to(model.root, model.candidate))
        require_fit(manifest, settings)
        patients = _patients(settings, model, bundle, years)
        folder = folder or settings.home / FOLDER / f"{model.candidate}-{patients.slug}"
        require_place(folder)
        frame, scores, counts = _scored(project, model, patients, has_views=bool(manifest["views"]))
    _require_outcomes(frame, patients, settings.evaluation.suppress_below_events)
    found = validate(frame, scores, settings.evaluation, settings.outcome.horizon_days)
    data = ValidationData(
        champion=model.candidate,
        manifest=manifest,
        on=patients.words,
        counts=[*counts, *_judged_counts(frame)],
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
        selection = ",".join(f"+{name}" for name in NEEDED)
        raise UserError(
            f"not up to date: {', '.join(stale)}",
            f'run `echomort run --home {project.root} --select "{selection}"`, then validate again',
        )


@contextlib.contextmanager
def _model(home: Path, bundle: Path | None) -> Iterator[Model]:
    """Yield the model of ``bundle``, unpacked for the block, or the champion of ``home``."""
    if bundle is None:
        name = champion_name(home / "registry")
        if name is None:
            raise UserError(NO_CHAMPION, "run `echomort run` to the end, or name a bundle of another site")
        yield Model(home / "registry", name)
        return
    with tempfile.TemporaryDirectory(dir=home, prefix=".tmp_") as scratch:
        yield Model(Path(scratch), unpack_bundle(bundle, Path(scratch)))


def _patients(settings: Settings, model: Model, bundle: Path | None, years: str | None) -> Patients:
    """Return on whom to validate. Raises :class:`UserError` where nothing says whom the model was trained on."""
    first, last = _years(years)
    trained_on, roles = _trained_on(settings, model), [role for role in ROLES if role != READER]
    if trained_on is None:  # the registry is older than its lists
        trained_on, roles = [], [role for role in roles if role != DEVELOPMENT]
    return Patients([SEALED] if bundle is None and years is None else roles, first, last, trained_on)


def _trained_on(settings: Settings, model: Model) -> list[str] | None:
    """Return the patients of this archive whom the model was trained on: none, for a model from elsewhere; None where
    they are those of the development part, as roles are drawn now."""
    registry = settings.home / "registry"
    if not candidate_folder(registry, model.candidate).is_dir():
        return []
    known = read_trained_patients(registry, model.candidate)
    manifest = read_manifest(registry, pointer_to(registry, model.candidate))
    if known is None and manifest.get("roles") != settings.cohort.role_digest:
        raise UserError(
            "nothing says whom the champion was trained on, and roles were drawn anew since",
            "run `echomort run` to train a champion, then validate that",
        )
    return known


def _years(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    found = YEARS.fullmatch(text.strip())
    if found is None or int(found[1]) > int(found[2] or found[1]):
        raise UserError(f"{text!r} is no range of years", "write for example --years 2018-2020")
    return int(found[1]), int(found[2] or found[1])


def _scored(
    project: Project, model: Model, patients: Patients, has_views: bool
) -> tuple[pd.DataFrame, pd.DataFrame, list[tuple[str, int, int]]]:
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
        drawn, counts = _drawn(every, patients, has_views)
        studies = drawn["study_key"].tolist()
        clips = run(connection, "reads/risk/risk_clips.sql", studies=studies).df()
        features = run(connection, "reads/risk/risk_features.sql", studies=studies).df()
        clinical = run(connection, "reads/evaluation/validation_scores.sql", studies=studies).df()
    served = score_in_child(model.root, clips, features, project.root, model.candidate)
    risk = np.clip([study.risk for study in served], SMALLEST_RISK, 1 - SMALLEST_RISK)
    champion = pd.DataFrame({"study_key": [study.study_key for study in served], "model": CHAMPION})
    champion["logit"] = np.log(risk / (1 - risk))
    frame = drawn[drawn["study_key"].isin(champion["study_key"])].drop(columns=["was_trained_on", "has_clip"])
    unscored = drawn[~drawn["study_key"].isin(champion["study_key"])]
    counts.append(_counted("Left out: no risk could be computed", unscored))
    return frame, pd.concat([champion, clinical]), counts


def _drawn(every: pd.DataFrame, patients: Patients, has_views: bool) -> tuple[pd.DataFrame, list[tuple[str, int, int]]]:
    """Return the studies to be scored, one or two a patient, and the counts of all and of those left out."""
    if every.empty:
        raise UserError(f"no study has follow-up: {patients.words}", "name other --years")
    seen = every["was_trained_on"].astype(bool)
    usable = ~seen & (every["has_clip"].astype(bool) | (not has_views))
    chosen = usable & (every["headline"].astype(bool) | every["followed_headline"].astype(bool))
    if seen.all():
        raise UserError(
            f"the champion was trained on every patient: {patients.words}",
            "name later --years, or leave them out: then the sealed set is used",
        )
    if not chosen.any():
        raise UserError(
            f"no study has a clip to score: {patients.words}", "name other --years, or see `echomort status`"
        )
    counts = [
        _counted("Studies with follow-up", every),
        _counted("Left out: the model was trained on the patient", every[seen]),
        _counted("Left out: no clip", every[~seen & ~usable]),
        _counted("Left out: another study of the patient was drawn", every[usable & ~chosen]),
    ]
    return every[chosen], counts


def _counted(what: str, rows: pd.DataFrame) -> tuple[str, int, int]:
    return what, len(rows), int(rows["patient_key"].nunique())


def _judged_counts(frame: pd.DataFrame) -> list[tuple[str, int, int]]:
    known = frame["headline"].astype(bool) & frame["label"].notna()
    lost = frame[frame["followed_headline"].astype(bool) & frame["label"].isna()]
    return [
        _counted("Judged", frame),
        _counted("of these: outcome at the horizon known", frame[known]),
        _counted("of these: died within it", frame[known & (frame["label"] == 1)]),
        _counted("of these: follow-up ends before it", lost),
    ]


def _require_outcomes(frame: pd.DataFrame, patients: Patients, least: int) -> None:
    known = frame[frame["headline"].astype(bool) & frame["label"].notna()]
    died = known["label"].to_numpy(dtype=float) == 1
    if has_too_few_outcomes(died, least):
        found = f"{int(died.sum())} deaths and {int((~died).sum())} survivors have a risk ({patients.words})"
        raise UserError(found, f"at least {least} of each are needed: name more --years, or wait for longer follow-up")


def _settings_that_decide(settings: Settings) -> dict[str, object]:
    wanted = (
        "outcome.",
        "evaluation.",
        "clinical_scores.",
        "cohort.minimum_age",
        "cohort.maximum_age",
        "imaging.clip.",
    )
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
