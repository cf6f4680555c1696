"""Chained equations against scikit-learn's, and what they must never do."""

import warnings

import numpy as np
import pytest

from echomort.models.chained_equations import RIDGE, ChainedEquations


def table(rows: int, columns: int, seed: int, missing: float = 0.4) -> np.ndarray:
    """Return correlated columns in different units, with gaps."""
    generator = np.random.default_rng(seed)
    mixed = generator.normal(size=(rows, columns)) @ generator.normal(size=(columns, columns))
    matrix = mixed * generator.uniform(0.1, 100, columns) + generator.uniform(-5, 300, columns)
    matrix[generator.random(matrix.shape) < missing * generator.random(columns)] = np.nan
    return matrix


@pytest.mark.parametrize(("rows", "columns", "rounds"), [(200, 6, 5), (80, 12, 1), (50, 2, 3), (300, 25, 4)])
def test_the_values_are_those_of_scikit_learn(rows, columns, rounds):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer
    from sklearn.linear_model import Ridge

    training, other = table(rows, columns, 1), table(60, columns, 2, 0.8)
    low, high = np.nanmin(training, axis=0), np.nanmax(training, axis=0)
    peer = IterativeImputer(Ridge(alpha=RIDGE), max_iter=rounds, tol=0, min_value=low, max_value=high)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer.fit(training)
    ours = ChainedEquations.fit(training, rounds)
    for matrix in (training, other):
        assert np.allclose(ours.impute(matrix), peer.transform(matrix), rtol=1e-6, atol=1e-6)


def test_known_values_stay_and_filled_ones_are_within_those_of_the_training_rows():
    training, other = table(100, 8, 3), 10 * table(40, 8, 4, 0.9)
    filled = ChainedEquations.fit(training, 3).impute(other)
    known = ~np.isnan(other)
    assert np.array_equal(filled[known], other[known])
    low, high = np.nanmin(training, axis=0), np.nanmax(training, axis=0)
    assert ((filled >= low) & (filled <= high))[~known].all()


def test_one_column_alone_is_filled_with_its_mean():
    filled = ChainedEquations.fit(np.array([[1.0], [3.0], [np.nan]]), 5).impute(np.array([[np.nan], [7.0]]))
    assert filled.tolist() == [[2.0], [7.0]]
