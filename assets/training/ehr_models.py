"""Trees on the health-record features."""

from assets.incremental import Build, Result, Stage, rebuild_after, whole_asset
from assets.project import Project
from assets.records.own_variables import variable_files
from assets.training.samples import commit_scores, none_trained, tabular_samples
from echomort.vocabulary.model_names import EHR

EHR_MODEL = "models/ehr"
"""Path of the model below the home."""

IMPORTANCE = "models/ehr_importance.json"
"""Path of the permutation importance below the home."""

SHOWN_VARIABLES = 10
"""Variables of the permutation importance in the asset's metadata at most. Our choice."""

TREES = {"variables", "depth", "min_child_weight", "rounds", "learning_rate", "early_stopping", "outliers", "seed"}
"""Settings of section ``tabular`` that decide the trees on all variables."""

EHR_MODELS = Stage(
    "ehr_models",
    ("clinical_features", "cohort"),
    lambda settings: {"tabular": settings.tabular.model_dump(mode="json", include={*TREES, "importance_repeats"})},
    files=variable_files,
)


@whole_asset(EHR_MODELS, "training", "xgboost")
def ehr_models(project: Project) -> Result:
    """XGBoost on the health-record features, in nested cross-validation."""
    from echomort.core.files import write_text
    from echomort.ehr.catalogue import site_catalogue
    from echomort.models.rows import TooFewRowsError
    from echomort.models.tabular import encode, fit_nested, permutation_importance

    def work() -> Build:
        try:
            keys, rows, features = tabular_samples(project)
        except TooFewRowsError as error:
            write_text(project.root / IMPORTANCE, "[]\n")
            return none_trained([EHR], str(error))
        tabular = project.settings.tabular
        own = site_catalogue(project.settings.sources.variables).own
        result = fit_nested(encode(features), tuple(features.columns), rows, tabular, own)
        result.model.save(project.root / EHR_MODEL)
        importance = permutation_importance(result.model, features, rows, tabular.importance_repeats, tabular.seed)
        write_text(project.root / IMPORTANCE, importance.to_json(orient="records", indent=1) + "\n")
        first = importance.head(SHOWN_VARIABLES)
        shown = {
            f"importance of {name}": float(drop) for name, drop in zip(first["feature"], first["drop"], strict=True)
        }
        return lambda connection: commit_scores(connection, {EHR: result.scores}, keys, EHR_MODEL, shown)

    return rebuild_after(project, EHR_MODELS, work)
