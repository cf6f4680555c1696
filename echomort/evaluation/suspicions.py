"""Variables and models that are too good to be true: they probably know the outcome.

The best model of the preprint predicts one-year mortality with an AUC of 0.858 (table 1). An AUC of 0.98
(``evaluation.suspicious_auc``) by a model or by one variable alone is a leak of the outcome until shown otherwise: a
code or a value that was written after the event. From 20 deaths and 20 survivors on
(``evaluation.suspicious_deaths``) a true 0.85 reaches it by chance in 3 of 1000 draws (20,000 draws of two normal
distributions), with 20 and 100 in fewer than 1 of 10,000. A leak that touches few patients stays below it.
"""

from typing import Any

import pandas as pd

from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import ONE_VARIABLE

REMEDY = (
    "it probably knows the outcome: look for records that were written after the echo and dated before it; "
    "features.same_day: exclude leaves out what is dated by day only"
)
"""What to do about a suspicion, for every message."""


def suspicious_variables(variables: pd.DataFrame, settings: Evaluation) -> pd.DataFrame:
    """Return the rows of ``variables`` that are too good to be true, the better predictor of each variable, with
    ``auc`` above 0.5: a variable may fall with the risk. ``variables`` is as
    :func:`echomort.evaluation.too_good.suspicious_rows` takes it."""
    area = variables["auc"].where(variables["auc"] >= 0.5, 1 - variables["auc"])
    found = variables.assign(auc=area)[_too_good(area, variables["n"], variables["events"], settings)]
    best = found.sort_values(["auc", "variable", "predictor"], ascending=[False, True, False])
    return best.drop_duplicates("variable").reset_index(drop=True)


def suspicion_words(suspicion: Any) -> str:
    """Return a suspicion (a row with model, variable, predictor, auc) in a phrase."""
    what = f"model {suspicion.model}"
    if suspicion.model == ONE_VARIABLE:
        known = "whether it is known" if suspicion.predictor == "presence" else "its value alone"
        what = f"variable {suspicion.variable} ({known})"
    return f"{what} has an AUC of {suspicion.auc:.3f}, too good to be true"


def _too_good(area: pd.Series, n: pd.Series, events: pd.Series, settings: Evaluation) -> pd.Series:
    fewest = settings.suspicious_deaths
    return (area >= settings.suspicious_auc) & (events >= fewest) & (n - events >= fewest)
