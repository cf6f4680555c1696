"""The area under the ROC curve within folds, as scikit-learn computes it."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from echomort.models.rows import HELD_OUT, UNKNOWN, LabelledRows, mean_fold_auc


def drawn(seed: int, decimals: int | None, dtype: type = float) -> tuple[np.ndarray, LabelledRows]:
    """Return scores, rounded so that some are equal, and rows of four folds, one of them held out."""
    generator = np.random.default_rng(seed)
    count = int(generator.integers(20, 300))
    scores = generator.normal(size=count)
    scores = scores if decimals is None else scores.round(decimals)
    labels = generator.choice([UNKNOWN, 0, 1], count, p=[0.2, 0.6, 0.2])
    folds = generator.integers(HELD_OUT, 3, count)
    return scores.astype(dtype), LabelledRows(labels, folds, np.arange(count).astype(str))


@pytest.mark.parametrize("dtype", [float, np.float32])
@pytest.mark.parametrize("decimals", [None, 1, 0])
def test_it_is_the_mean_over_folds_of_scikit_learns_area_to_the_bit(decimals: int | None, dtype: type) -> None:
    for seed in range(100):
        scores, rows = drawn(seed, decimals, dtype)
        inside = [(rows.folds == fold) & rows.is_labelled for fold in range(3)]
        kinds = [mask for mask in inside if len(set(rows.labels[mask])) == 2]
        expected = [roc_auc_score(rows.labels[mask], scores[mask]) for mask in kinds]
        assert mean_fold_auc(scores, rows) == np.mean(expected)


def test_folds_of_one_label_are_left_out() -> None:
    rows = LabelledRows(np.array([0, 1, 0, 0]), np.array([0, 0, 1, 1]), np.array(list("abcd")))
    assert mean_fold_auc(np.array([0.2, 0.1, 0.5, 0.6]), rows) == 0
    assert np.isnan(mean_fold_auc(np.zeros(2), rows.subset(rows.folds == 1)))


def test_a_missing_score_is_refused() -> None:
    rows = LabelledRows(np.array([0, 1]), np.array([0, 0]), np.array(["a", "b"]))
    with pytest.raises(ValueError, match="missing"):
        mean_fold_auc(np.array([0.5, np.nan]), rows)
