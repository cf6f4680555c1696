"""The controls of motion: what can be found without it, out of fold, in the folds of the views' own models.

Each pair of a control and a view is a unit. The linear ones are quick. Those of the network train the view's own
network on clips that have lost their motion; these clips exist only while it trains.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import dagster as dg
import duckdb
import pandas as pd

from assets.incremental import UnitStage, unit_asset
from assets.project import Project
from assets.training.process import fingerprint_of, forget_training, train_in_child, write_task
from assets.training.view_samples import ViewSamples, trainable_views, trained_views, view_of
from echomort.clips.store import read_study, write_study
from echomort.core.errors import Interruption, UserError
from echomort.core.files import atomic_path, resolve_under
from echomort.core.fingerprint import digest
from echomort.settings import Settings
from echomort.training import NOT_DECIDING
from echomort.vocabulary.controls import CONTROLS, HEADERS
from warehouse import ledger
from warehouse.ledger import Entry
from warehouse.queries import run

FOLDER = "models/controls"
"""Where the scores of the controls lie, below the home."""
USUAL_VIEW = "parasternal_long"
"""The view of the network's controls where it is trained, else that with the most clips: preprint, figure 5, whose one
view it is."""
COLUMNS = ["study_key", "fold", "view", "control", "logit"]


def plan_controls(project: Project, recipe: str) -> dict[str, str]:
    """Return control/view -> fingerprint: the recipe, and the clips, labels and folds of the view."""
    views = trainable_views(project)
    samples = {view: digest(recipe, one.digest) for view, one in views.items()}
    headers = _headers_digest(project)
    return {
        f"{control}/{view}": digest(samples[view], control, headers if control == HEADERS else "")
        for control, view in _chosen(project.settings, views)
    }


def _chosen(settings: Settings, views: Mapping[str, ViewSamples]) -> Iterator[tuple[str, str]]:
    """Yield the controls that the settings ask for, each with its views."""
    asked = settings.evaluation.controls
    for name, control in CONTROLS.items():
        if control.learner == "linear" and asked != "none":
            yield from ((name, view) for view in views)
        if control.learner == "network" and asked == "all" and views:
            most = max(views, key=lambda view: views[view].clips)
            yield name, USUAL_VIEW if USUAL_VIEW in views else most


def fit_controls(project: Project, units: Sequence[str], context: dg.OpExecutionContext) -> list[Entry]:
    """Fit the controls ``units`` and write the scores of each to one Parquet file. One that can't be trained has none,
    with the reason."""
    plan, views = plan_controls(project, MOTION_CONTROLS.how(project)), trained_views(project)
    networks = [unit for unit in units if CONTROLS[_control(unit)].learner == "network"]
    linear = [unit for unit in units if unit not in networks]
    scores = {}
    for number, unit in enumerate(linear, start=1):
        scores[unit] = _linear(project, _control(unit), views[view_of(unit)])
        context.log.info(f"{number} of {len(linear)} controls")
    trained, errors = _by_network(project, {unit: views[view_of(unit)] for unit in networks}, plan, context)
    scores |= trained
    made = [_written(project, unit, plan[unit], found) for unit, found in scores.items()]
    return made + [_untrained(unit, plan[unit], error, context) for unit, error in errors.items()]


def _linear(project: Project, control: str, samples: pd.DataFrame) -> pd.DataFrame:
    from echomort.models.controls import linear_scores
    from echomort.models.rows import LabelledRows

    rows = LabelledRows.of(*(samples[name].tolist() for name in ("label", "fold", "patient_key")))
    headers = samples[["clip_key"]].merge(_headers(project), "left", "clip_key").drop(columns="clip_key")
    clips = (
        read_study(resolve_under(project.root, path), [key])[key]
        for path, key in zip(samples["path"], samples["clip_key"], strict=True)
    )
    scored: pd.DataFrame = samples.assign(logit=linear_scores(control, clips, headers, rows))
    return scored.dropna(subset="logit")


def _by_network(
    project: Project, samples: Mapping[str, pd.DataFrame], plan: Mapping[str, str], context: dg.OpExecutionContext
) -> tuple[dict[str, pd.DataFrame], dict[str, UserError]]:
    """Return the scores of the view's network, trained on clips without motion, and the errors, both by unit."""
    outputs = {unit: project.root / FOLDER / plan[unit] for unit in samples}
    tasks = {}
    for unit, output in outputs.items():
        changed = _without_motion(project, _control(unit), samples[unit], output.with_name(f"{output.name}.clips"))
        tasks[unit] = write_task(project, view_of(unit), changed, output, project.settings.training, models="folds")
    failed = train_in_child(context, project, list(tasks.values())) if tasks else {}
    errors = {unit: failed[task] for unit, task in tasks.items() if task in failed}
    scores = {unit: _out_of_fold(output) for unit, output in outputs.items() if unit not in errors}
    for unit, output in outputs.items():
        if not isinstance(errors.get(unit), Interruption):  # another run goes on with what an interruption left
            _remove(output)
    return scores, errors


def _out_of_fold(output: Path) -> pd.DataFrame:
    found = pd.read_parquet(output / "scores.parquet")
    scores: pd.DataFrame = found[found["kind"] == "out_of_fold"]
    return scores


def _without_motion(project: Project, control: str, samples: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Write the clips of ``samples`` without their motion into ``folder``; return ``samples`` with their paths."""
    from echomort.models.controls import without_motion

    paths = {}
    for number, (path, rows) in enumerate(samples.groupby("path")):
        clips = read_study(resolve_under(project.root, str(path)), rows["clip_key"].tolist())
        target = folder / f"{number:07d}.safetensors"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_study(target, {key: without_motion(control, clip, key) for key, clip in clips.items()})
        paths[path] = target.relative_to(project.root).as_posix()
    return samples.assign(path=samples["path"].map(paths))


def _remove(output: Path) -> None:
    shutil.rmtree(output.with_name(f"{output.name}.clips"), ignore_errors=True)
    shutil.rmtree(output, ignore_errors=True)
    forget_training(output)


def _written(project: Project, unit: str, fingerprint: str, scores: pd.DataFrame) -> Entry:
    table = scores.assign(view=view_of(unit), control=_control(unit))[COLUMNS].reset_index(drop=True)
    artifact = f"{FOLDER}/{fingerprint}.parquet"
    (project.root / FOLDER).mkdir(parents=True, exist_ok=True)
    with atomic_path(project.root / artifact) as path:
        table.to_parquet(path, index=False)
    return Entry(unit, fingerprint, digest(table.to_csv(index=False)), artifact)


def _untrained(unit: str, fingerprint: str, error: UserError, context: dg.OpExecutionContext) -> Entry:
    context.log.warning(f"control {unit}: {error}")
    return Entry(
        unit, fingerprint_of(fingerprint, error), digest("no scores", str(error)), None, {"reason": str(error)}
    )


def _control(unit: str) -> str:
    """Return the control of the unit ``control/view``."""
    return unit.partition("/")[0]


def _headers(project: Project) -> pd.DataFrame:
    with project.reader() as connection:
        run(connection, "definitions/clip_header.sql")
        return run(connection, "reads/training/clip_headers.sql").df()


def _headers_digest(project: Project) -> str:
    """Return the digest of the headers of all clips, which no row of them comes to Python for."""
    with project.reader() as connection:
        run(connection, "definitions/clip_header.sql")
        return digest(run(connection, "reads/training/clip_headers_digest.sql").fetchall())


def commit_controls(
    connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Write nothing: the files are the result, and the ledger names them."""


def control_scores(project: Project) -> pd.DataFrame:
    """Return the scores of all controls: study_key, fold, view, control, logit; a row a clip or a study."""
    with project.reader() as connection:
        entries = ledger.entries(connection, MOTION_CONTROLS.name)
    order = [f"{control}/" for control in CONTROLS]
    known = sorted(
        (unit for unit, entry in entries.items() if entry.artifact),
        key=lambda unit: (order.index(f"{_control(unit)}/"), unit),
    )
    tables = [pd.read_parquet(project.root / str(entries[unit].artifact)) for unit in known]
    return pd.concat(tables) if tables else pd.DataFrame(columns=COLUMNS)


MOTION_CONTROLS = UnitStage(
    "motion_controls",
    ("clips", "clip_views", "cohort", "view_models"),
    lambda settings: {
        "training": settings.training.model_dump(mode="json", exclude=NOT_DECIDING),
        "imaging.clip.shape": settings.imaging.clip.deciding_shape,
    },
    plan=plan_controls,
    work=fit_controls,
    commit=commit_controls,
    chosen=lambda settings: {"echomort.networks": [settings.training.network]},
    resources=frozenset({"pipes"}),
    batch=1024,
)

motion_controls = unit_asset(
    MOTION_CONTROLS,
    "What is found without motion: brightness, one frame, mean and spread, shuffled frames, the file's header.",
    "training",
    "pytorch",
    pool="gpu",
)
