"""The scores of models that were made elsewhere."""

from dataclasses import replace
from pathlib import Path

import duckdb

from assets.incremental import Built, Result, Stage, built_tables, rebuild, whole_asset
from assets.project import Project
from echomort.settings import Settings
from echomort.vocabulary.model_names import external_model


def score_files(settings: Settings) -> dict[str, Path]:
    """Return model -> file of its scores."""
    return {external_model(path.stem): path for path in settings.sources.external_scores}


def score_digests(settings: Settings) -> dict[str, str]:
    """Return model -> digest of the file of its scores. Raises :class:`UserError` for a file that can't be read."""
    from echomort.evaluation.external_scores import file_digest

    return {model: file_digest(path) for model, path in score_files(settings).items()}


EXTERNAL_SCORES = Stage("external_scores", ("study", "cohort"), files=score_digests)


@whole_asset(EXTERNAL_SCORES, "evaluation", "duckdb", pool="warehouse")
def external_scores(project: Project) -> Result:
    """Scores of other models, from the files that the site names: judged beside echomort's, never trained on or
    served."""
    from echomort.evaluation.external_scores import shown_counts
    from warehouse.tables.external_score.external_scores import replace_scores

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        found = replace_scores(connection, score_files(project.settings), project.keyring)
        built = built_tables(connection, "external_score", "external_score_count")
        counts = {f"{model} {what}": rows for model, one in found.items() for what, rows in shown_counts(one.counts)}
        return replace(built, details={**built.details, **counts})

    return rebuild(project, EXTERNAL_SCORES, build)
