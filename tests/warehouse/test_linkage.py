"""The linkage at a size, row by row against pandas."""

import sys
from pathlib import Path

import pytest
from extracts import empty_warehouse, fetch
from outcome_oracle import differences

from echomort.settings import Outcome
from warehouse.tables.outcome.outcomes import link

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from linkage import fill

SIZES = {"patients": 3000, "studies": 10_000, "contacts": 40_000}


@pytest.fixture(params=[True, False], ids=["together", "in no order"])
def linked(request):
    """A filled warehouse with its outcomes."""
    connection = empty_warehouse()
    fill(connection, SIZES, request.param)
    link(connection, Outcome())
    return connection


def test_every_row_is_what_pandas_says(linked):
    assert differences(linked) == 0
    labels = dict(fetch(linked, "SELECT label, count(*) FROM outcome GROUP BY label"))
    assert min(labels[0], labels[1], labels[None]) > 500


def test_a_row_that_were_wrong_would_be_found(linked):
    linked.execute("UPDATE outcome SET label = 1 - label WHERE label = 0 AND days = (SELECT max(days) FROM outcome)")
    assert differences(linked) >= 1
