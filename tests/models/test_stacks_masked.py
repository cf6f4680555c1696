"""Scores to learn from that DuckDB returns with nulls."""

import duckdb
import numpy as np

from echomort.models.cross_fit import without_of
from echomort.models.stacks import cross_fit_of


def test_a_null_that_duckdb_masks_is_missing_and_not_what_lies_under_the_mask() -> None:
    scores = duckdb.sql(
        "SELECT * FROM (VALUES ('a', 0.5::DOUBLE, [NULL, 2.0, 3.0]::DOUBLE[]), ('b', 0.7, [1.0, NULL, 3.0]), "
        "('c', 0.9, [1.0, 2.0, NULL])) AS t(study_key, logit, without)"
    ).df()
    assert all(isinstance(cell, np.ma.MaskedArray) for cell in scores["without"])
    found = cross_fit_of(scores[["study_key"]].assign(fold=[0, 1, 2]), scores)
    filled = [cell.filled(np.nan) for cell in scores["without"]]
    plain = cross_fit_of(scores[["study_key"]].assign(fold=[0, 1, 2]), scores.assign(without=filled))
    np.testing.assert_array_equal(found.without, plain.without)
    assert np.isnan(without_of(scores["without"])[0][0])
