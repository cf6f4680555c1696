"""What a network gets of the record: fitted on the training rows, coded, standardised, stored and read again."""

import numpy as np
import pytest

from echomort.core.errors import UserError
from echomort.models.coding import coded_columns
from echomort.models.record_columns import RecordColumns

NAMES = ("age", "sex", "heart_rate", "lvef", "mr_grade", "diastolic_function", "dx_i50")
TRAINING = np.arange(200) < 150


@pytest.fixture
def matrix():
    """Values of 200 studies, a fifth of them missing; everyone has dx_i50."""
    generator = np.random.default_rng(0)
    values = np.column_stack(
        [
            generator.normal(60, 10, 200),
            generator.integers(0, 2, 200),
            generator.normal(75, 10, 200),
            generator.normal(55, 8, 200),
            generator.integers(0, 4, 200),
            generator.choice([-1, 0, 1, 2, 3], 200),
            np.ones(200),
        ]
    )
    values[generator.random(values.shape) < 0.2] = np.nan
    return values


def test_columns_have_mean_0_and_deviation_1_over_the_training_rows_and_a_constant_one_is_0(matrix):
    records = RecordColumns.fit(matrix, NAMES, TRAINING, {})
    columns = records.columns(matrix)
    assert columns.shape == (200, records.width) == (200, len(coded_columns(NAMES)))
    assert columns.dtype == np.float32
    assert np.isfinite(columns).all()
    inside = columns[TRAINING].astype(float)
    assert np.abs(inside.mean(axis=0)).max() < 1e-6
    assert np.allclose(inside[:, :-1].std(axis=0), 1, atol=1e-6)
    other = matrix.copy()
    other[:, -1] = 0
    assert not records.columns(other)[:, -1].any()


@pytest.mark.parametrize(("scope", "same"), [("fold", True), ("global", False)])
def test_other_rows_decide_no_column_unless_the_imputation_is_global_as_in_the_method(matrix, scope, same):
    changed = matrix.copy()
    changed[~TRAINING, 2] += 50  # faster hearts outside
    settings = {"imputation_scope": scope}
    one, other = (RecordColumns.fit(values, NAMES, TRAINING, settings) for values in (matrix, changed))
    assert np.array_equal(one.columns(matrix), other.columns(matrix)) == same


def test_what_is_stored_gives_the_same_columns_again(matrix):
    records = RecordColumns.fit(matrix, NAMES, TRAINING, {})
    again = RecordColumns.of_bytes(records.to_bytes())
    assert np.array_equal(again.columns(matrix), records.columns(matrix))
    assert again.to_bytes() == records.to_bytes()


def test_without_quantities_and_grades_there_is_less_to_store(matrix):
    records = RecordColumns.fit(matrix[:, 1:2], NAMES[1:2], TRAINING, {})
    assert records.imputer.chained is None and records.imputer.grades is None
    again = RecordColumns.of_bytes(records.to_bytes())
    assert np.array_equal(again.columns(matrix[:, 1:2]), records.columns(matrix[:, 1:2]))


def test_variables_of_which_nothing_is_known_are_refused(matrix):
    with pytest.raises(UserError, match="enough values"):
        RecordColumns.fit(np.full((200, 2), np.nan), NAMES[:2], TRAINING, {})


@pytest.mark.parametrize("grades", [(-1.0, 1.0, 2.0, 3.0), (1.0, 3.0)])
def test_grades_are_predicted_as_by_scikit_learns_one_against_the_rest(grades):
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from echomort.models.imputation import Grades

    generator = np.random.default_rng(1)
    others = generator.normal(size=(300, 5)) * [1, 10, 0.1, 1, 1] + 3
    grade = np.array(grades)[(others[:, 0] + generator.normal(size=300) > 3).astype(int) * (len(grades) - 1)]
    grade[:4] = np.resize(grades, 4)
    peer = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression())).fit(others, grade)
    assert np.array_equal(Grades.fit(others, grade).predict(others), peer.predict(others))
