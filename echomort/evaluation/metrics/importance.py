"""What the health-record trees lose where a variable is shuffled."""

import pandas as pd

from echomort.evaluation.metric import Metric, MetricFamily
from echomort.vocabulary.metric_table import COLUMNS, IMPORTANCE, MetricRow
from echomort.vocabulary.model_names import EHR

AUC_DROP = Metric("auc_drop", "Fall of the AUC", 3)

METRIC_FAMILY = MetricFamily((AUC_DROP,), 100)


def importance_rows(importance: pd.DataFrame, n: int, events: int) -> pd.DataFrame:
    """Return the permutation importance of the health-record trees as metric rows: the fall of the AUC for each
    variable whose shuffling changed anything, with one standard deviation of the shuffles on either side.

    ``importance``: feature, drop, spread, as :func:`echomort.models.tabular.permutation_importance` returns.
    """
    moved = importance[(importance["drop"] != 0) | (importance["spread"] != 0)]
    limits = zip(
        moved["feature"], moved["drop"], moved["drop"] - moved["spread"], moved["drop"] + moved["spread"], strict=True
    )
    method = "fall of the mean fold AUC when shuffled within folds, one standard deviation"
    rows = [
        MetricRow(IMPORTANCE, EHR, feature, AUC_DROP.name, drop, low, high, n, events, method)
        for feature, drop, low, high in limits
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
