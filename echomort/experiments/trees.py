"""The trees of a cell: scores of the health record, out of fold or by one model on the studies set aside."""

import numpy as np
import pandas as pd

from echomort.models.rows import HELD_OUT, LabelledRows
from echomort.models.tabular import encode, fit_models
from echomort.settings import Tabular


def tree_scores(features: pd.DataFrame, rows: LabelledRows, settings: Tabular, is_survey: bool) -> np.ndarray:
    """Return the logits, float64 (n,), of ``rows``, whose variables are the columns of ``features``.

    Each row by the trees that leave out its fold; with ``is_survey`` the rows of no fold, by trees on all others, and
    NaN for these.
    """
    matrix, columns = encode(features), tuple(features.columns)
    left_outs = [()] if is_survey else [(fold,) for fold in rows.trained_folds]
    scores = np.full(len(features), np.nan)
    for left_out, model in fit_models(matrix, columns, rows, settings, left_outs).items():
        scored = np.isin(rows.folds, left_out or HELD_OUT)
        scores[scored] = model.logits(matrix[scored], columns)
    return scores
