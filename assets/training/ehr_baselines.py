"""Baselines on the health record: other learners and subsets of the variables, trained like the trees."""

import duckdb
import pandas as pd

from assets.incremental import Build, Built, Result, Stage, rebuild_after, whole_asset
from assets.project import Project
from assets.records.own_variables import variable_files
from assets.training.samples import commit_scores, none_trained, tabular_samples
from warehouse.tables.score.scores import replace_scores

BASELINES = "models/ehr_baselines"
"""Path of the baselines below the home."""

EHR_BASELINES = Stage(
    "ehr_baselines",
    ("clinical_features", "cohort"),
    lambda settings: {"tabular": settings.tabular.model_dump(mode="json", exclude={"importance_repeats"})},
    files=variable_files,
)


@whole_asset(EHR_BASELINES, "training", "sklearn")
def ehr_baselines(project: Project) -> Result:
    """Logistic regression, random forest and XGBoost on the clinical, the echo and all variables, as the trees are."""
    from echomort.ehr.catalogue import site_catalogue
    from echomort.models.baselines import baseline_names, fit_baselines
    from echomort.models.rows import TooFewRowsError

    def work() -> Build:
        try:
            keys, rows, features = tabular_samples(project)
        except TooFewRowsError as error:
            return none_trained(baseline_names(), str(error))
        own = site_catalogue(project.settings.sources.variables).own
        fitted = fit_baselines(features, rows, project.settings.tabular, own)
        fitted.save(project.root / BASELINES)

        def commit(connection: duckdb.DuckDBPyConnection) -> Built:
            replace_scores(connection, baseline_names(), pd.DataFrame())
            return commit_scores(connection, fitted.scores, keys, BASELINES)

        return commit

    return rebuild_after(project, EHR_BASELINES, work)
