"""Reads the labelled studies that models are trained on, and commits their scores."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from assets.incremental import Build, Built
from assets.project import Project
from echomort.core.fingerprint import digest
from warehouse.queries import run
from warehouse.tables.score.scores import replace_scores

if TYPE_CHECKING:
    from echomort.models.cross_fit import CrossFit

KEYS = ["study_key", "patient_key", "fold", "label"]
"""Columns that identify a labelled study."""


def read(project: Project, query: str, **bind: Any) -> pd.DataFrame:
    """Return the rows of the SQL file ``query``, run with the parameters ``bind``."""
    with project.reader() as connection:
        return run(connection, query, **bind).df()


def tabular_samples(project: Project) -> tuple[pd.DataFrame, Any, pd.DataFrame]:
    """Return the keys of the labelled studies, their :class:`LabelledRows`, and the features for the trees.

    Raises :class:`~echomort.models.rows.TooFewRowsError` where they allow no cross-validation.
    """
    from echomort.ehr.catalogue import site_catalogue
    from echomort.models.rows import LabelledRows
    from echomort.models.tabular import input_variables

    samples = read(project, "reads/training/tabular_samples.sql")
    rows = LabelledRows.of(*(samples[name].tolist() for name in ("label", "fold", "patient_key")))
    settings = project.settings
    return (
        samples[KEYS],
        rows,
        samples[list(input_variables(settings.tabular, site_catalogue(settings.sources.variables)))],
    )


def none_trained(models: Sequence[str], reason: str) -> Build:
    """Return a build that removes the scores of ``models``, which can't be trained, and records the ``reason``."""

    def commit(connection: duckdb.DuckDBPyConnection) -> Built:
        replace_scores(connection, models, pd.DataFrame())
        return Built(digest("no models", reason), {"reason": reason})

    return commit


def commit_scores(
    connection: duckdb.DuckDBPyConnection,
    scores: Mapping[str, "CrossFit"],
    keys: pd.DataFrame,
    artifact: str,
    shown: Mapping[str, Any] | None = None,
) -> Built:
    """Replace the scores of some models (model -> scores in the order of ``keys``); return what was built."""
    rows = [
        keys[["study_key", "fold"]].assign(model=model, view=None, logit=one.logits, without=list(one.without))
        for model, one in scores.items()
    ]
    table = pd.concat(rows) if rows else pd.DataFrame()
    replace_scores(connection, list(scores), table)
    counts = {f"{model} scores": len(keys) for model in scores}
    content = digest({model: [one.logits.tobytes(), one.without.tobytes()] for model, one in scores.items()})
    return Built(content, counts | dict(shown or {}), artifact)
