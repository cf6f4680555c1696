"""Permutation importance of the variables of the health-record trees."""

import pandas as pd

from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import MetricFamily
from echomort.evaluation.too_few import has_too_few
from echomort.vocabulary.metric_table import COLUMNS, IMPORTANCE, MetricRow
from echomort.vocabulary.model_names import EHR

AUC_DROP = Metric("auc_drop", "Fall of the AUC", 3)

METRIC_FAMILY = MetricFamily((AUC_DROP,), 100)


def importance_rows(importance: pd.DataFrame, n: int, events: int, least: int) -> pd.DataFrame:
    """Return the permutation importance of the health-record trees as metric rows: the fall of the AUC for each
    variable whose shuffling changed it, with limits one standard deviation of the shuffles away; none with fewer than
    ``least`` deaths or survivors among the ``n`` studies.

    ``importance``: feature, drop, spread, as :func:`echomort.models.tabular.permutation_importance` returns.
    """
    if has_too_few(n, events, least):
        return pd.DataFrame(columns=list(COLUMNS))
    changed = importance[(importance["drop"] != 0) | (importance["spread"] != 0)]
    drop, spread = changed["drop"], changed["spread"]
    limits = zip(changed["feature"], drop, drop - spread, drop + spread, strict=True)
    method = "fall of the mean fold AUC when shuffled within folds, one standard deviation"
    rows = [
        MetricRow(IMPORTANCE, EHR, feature, AUC_DROP.name, value, low, high, n, events, method)
        for feature, value, low, high in limits
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
