"""Views that have no model are in the report, with the reason."""

import pandas as pd

from echomort.report.data import ReportData
from echomort.report.sections.archive import archive

NONE = pd.DataFrame()


def section(untrained: pd.DataFrame):
    instances = pd.DataFrame([{"status": "accepted", "view": "apical_4", "instances": 3}])
    return archive(ReportData("t", "s", True, NONE, NONE, NONE, (), {}, instances=instances, untrained=untrained))


def test_a_view_without_a_model_is_listed_with_its_reason() -> None:
    rows = pd.DataFrame({"view": ["apical_2"], "reason": ["12 clips, training.min_clips is 1000"]})
    (table,) = [block for block in section(rows).blocks if getattr(block, "name", "") == "untrained"]
    assert [[cell.text for cell in row] for row in table.cells] == [
        ["Apical two-chamber", "12 clips, training.min_clips is 1000"]
    ]


def test_nothing_is_listed_where_every_view_has_one() -> None:
    none = pd.DataFrame(columns=["view", "reason"])
    assert all(getattr(block, "name", "") != "untrained" for block in section(none).blocks)
