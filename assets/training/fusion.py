"""The scores of the views and of the health record, stacked."""

import duckdb
import pandas as pd

from assets.incremental import Build, Built, Result, Stage, rebuild_after, whole_asset
from assets.project import Project
from assets.training.samples import commit_scores, none_trained, read
from warehouse.tables.score.scores import replace_scores

STACKS = "models/stacks"
"""Path of the stacked models below the home."""

FUSION = Stage(
    "fusion",
    ("view_models", "ehr_models", "cohort"),
    lambda settings: {"fusion": settings.fusion},
)


@whole_asset(FUSION, "training", "xgboost")
def fusion(project: Project) -> Result:
    """All views together, and with the health record, stacked in nested cross-validation."""
    from echomort.models.rows import LabelledRows, TooFewRowsError
    from echomort.models.stacks import StudyScores, fit_stacks
    from echomort.vocabulary.model_names import ALL_VIEWS, EHR, VIDEO_EHR

    def work() -> Build:
        long = read(project, "reads/training/stack_samples.sql", ehr_model=EHR)
        try:
            LabelledRows.of(*(long[name].tolist() for name in ("label", "fold", "patient_key")))
        except TooFewRowsError as error:
            return none_trained([ALL_VIEWS, VIDEO_EHR], str(error))
        studies = StudyScores.of(long)
        stacked = fit_stacks(studies, project.settings.fusion)
        stacked.save(project.root / STACKS)
        if not studies.views:
            return none_trained([ALL_VIEWS, VIDEO_EHR], "no view has models")

        def commit(connection: duckdb.DuckDBPyConnection) -> Built:
            replace_scores(connection, [ALL_VIEWS, VIDEO_EHR], pd.DataFrame())
            return commit_scores(connection, stacked.scores, studies.keys, STACKS)

        return commit

    return rebuild_after(project, FUSION, work)
