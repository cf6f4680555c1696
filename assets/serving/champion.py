"""The models of this run as a candidate, and the champion that predicts."""

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from assets.imaging.clip_views import VIEW_CLASSIFIER
from assets.imaging.shapes import project_clip
from assets.incremental import Build, Built, Result, Stage, rebuild_after, whole_asset
from assets.project import Project
from assets.training.ehr_models import EHR_MODEL
from assets.training.fusion import STACKS
from assets.training.view_models import VIEW_MODELS, is_of
from echomort.core.fingerprint import digest
from echomort.vocabulary.model_names import MADE_ELSEWHERE, ModelName
from echomort.vocabulary.roles import SEALED
from warehouse import ledger
from warehouse.queries import run
from warehouse.reads.evaluation.headline import headline

if TYPE_CHECKING:
    from echomort.champion.sealed import SealedSet


def sizes_of_views(project: Project) -> dict[str, tuple[int, int]] | None:
    """Return the sizes of views that clips are made with, which the manifest holds; None where they decide nothing."""
    clip = project_clip(project)
    return None if clip.fit == "inside" else clip.view_sizes


MOST_LOOPS = 500
"""Loops of each view, one a study, by which the champion knows how loops look, at most. Our choice: the percentiles of
a range rest on a few of them at either end, and they are read in seconds."""

CHAMPION = Stage(
    "champion",
    (
        *("patient", "study", "diagnosis", "linkage", "clinical_features", "cohort", "clips"),
        *("clip_views", "view_models", "ehr_models", "fusion", "evaluation"),
    ),
    lambda settings: {
        "promotion": settings.promotion,
        "imaging.clip": settings.imaging.clip.deciding,
        "cohort": settings.cohort,
        "evaluation.suppress_below_events": settings.evaluation.suppress_below_events,
    },
    inputs=sizes_of_views,
    chosen=lambda settings: {"echomort.networks": (settings.training.network,)},
)


@whole_asset(CHAMPION, "serving", "safetensors")
def champion(project: Project) -> Result:
    """The models of this run as a candidate, and as champion if the gate allows it: calibrated, and no worse on the
    sealed set, by the risks that are served.

    Never where a model or a variable is too good to be true.
    """
    from echomort.champion.candidate import cohort_ranges
    from echomort.champion.promotion import Run, submit_run
    from echomort.champion.store import champion_name
    from echomort.evaluation.suspicions import suspicion_words

    root = project.settings.registry

    def work() -> Build:
        clip = project_clip(project)
        with project.reader() as connection:
            if reason := ledger.reasons(connection, "ehr_models").get(ledger.WHOLE):
                shown = {"promoted": False, "reason": reason}
                return lambda connection: Built(digest("no candidate", champion_name(root), reason), shown)
            views = {
                unit.partition("/")[2]: project.root / str(entry.artifact)
                for unit, entry in ledger.entries(connection, VIEW_MODELS.name).items()
                if entry.artifact and is_of(project.settings.training.network, unit)
            }
            scores = run(connection, "reads/evaluation/promotion_scores.sql").df()
            patients = [key for (key,) in run(connection, "reads/training/trained_patients.sql").fetchall()]
            sealed = replace(_sealed(connection), clip=clip)
            held = run(connection, "reads/risk/cohort_features.sql").df()
            loops = run(connection, "reads/risk/cohort_clips.sql", views=list(views), most=MOST_LOOPS).df()
            metrics = without_external(headline(connection))
            suspected = without_external(run(connection, "reads/evaluation/suspicions.sql").df())
        ehr, stacks, classifier = (project.root / part for part in (EHR_MODEL, STACKS, VIEW_CLASSIFIER))
        suspicions = tuple(suspicion_words(row) for row in suspected.itertuples(index=False))
        out_of_fold = scores[~scores["held_out"]]
        ranges = cohort_ranges(held, loops, ehr, project.settings.cohort, project.root)
        made = Run(views, ehr, stacks, classifier, out_of_fold, metrics, sealed, patients, suspicions, ranges)
        found = submit_run(made, project.settings)
        shown = {"candidate": found.candidate, "promoted": found.decision.promoted}
        shown |= {"why": "; ".join(found.decision.reasons)}
        written = "champion.json" if found.champion else "history.json"
        files = (f"registry/candidates/{found.champion}/manifest.json",) if found.champion else ()
        return lambda connection: Built(digest(found.champion), shown, f"registry/{written}", files)

    return rebuild_after(project, CHAMPION, work)


def without_external(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the ``rows`` whose model (column ``model``) was not made elsewhere: neither scores nor an encoder of
    others may be in a candidate, or keep one from promotion."""
    is_external = [ModelName.parse(str(model)).kind in MADE_ELSEWHERE for model in rows["model"]]
    return rows[~pd.Series(is_external, index=rows.index, dtype=bool)].reset_index(drop=True)


def _sealed(connection: duckdb.DuckDBPyConnection) -> "SealedSet":
    """Return one labelled study of each sealed patient, with its clips and features."""
    from echomort.champion.sealed import SealedSet

    run(connection, "definitions/heart_failure.sql")
    run(connection, "definitions/followed_study.sql")
    rows = run(connection, "reads/evaluation/evaluation_frame.sql", roles=[SEALED]).df()
    rows = rows[rows["headline"] & rows["label"].notna()]
    studies = rows["study_key"].tolist()
    clips = run(connection, "reads/risk/risk_clips.sql", studies=studies).df()
    return SealedSet(rows, clips, run(connection, "reads/risk/risk_features.sql", studies=studies).df())
