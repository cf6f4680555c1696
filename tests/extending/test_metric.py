"""docs/extending/metric.md does what it says."""

import json
from pathlib import Path

import pytest
from extending.pages import Site, install

EVALUATE = """
import json, logging, sys
logging.basicConfig(stream=sys.stderr, format="%(message)s")
import numpy as np
import pandas as pd
from echomort.evaluation.resampling import Resampling
from echomort.evaluation.summary import evaluate
from echomort.report.numbers import Numbers
from echomort.report.sections.calibration import calibration
from echomort.settings import Evaluation
random = np.random.default_rng(3)
logit = random.normal(-1, 1.2, 200)
died = random.random(200) < 1 / (1 + np.exp(-logit))
keys = [f"s{number}" for number in range(200)]
frame = pd.DataFrame({"study_key": keys, "patient_key": keys, "fold": np.arange(200) % 4, "label": died.astype(int),
                      "days": np.where(died, 100, 500), "event": died})
scores = frame[["study_key", "fold"]].assign(model="ehr", logit=logit)
table = evaluate(frame, scores, None, Evaluation(bootstrap=100))
columns = list(calibration(Numbers(table), {}, Resampling(100)).tables[0].columns)
print(json.dumps([table[["evaluation", "metric", "subset", "value"]].fillna(-99).values.tolist(), columns]))
"""
FAMILIES = """
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
from echomort.evaluation.metrics import metric_families
print(sorted(metric.name for family in metric_families().values() for metric in family.metrics).count("brier"))
"""
RECIPES = """
from assets.graph import STAGES
from echomort.settings import load_settings
settings = load_settings(None, {}, {})
print(*(stage.name for stage in STAGES if "package acme-metrics" in stage.recipe(settings)))
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return install("metric.md", tmp_path)


def rows(site: Site) -> tuple[list[list[object]], list[str]]:
    table, columns = json.loads(site.python(EVALUATE))
    return table, columns


def test_a_metric_of_another_package_is_a_row_of_the_table_and_a_column_of_the_report(site: Site) -> None:
    with_it, columns = rows(site)
    found = {evaluation: value for evaluation, metric, _, value in with_it if metric == "scaled_brier"}
    assert set(found) == {"out_of_fold", "recalibrated"} and all(0 < value < 1 for value in found.values())
    assert columns[-1] == "#Scaled Brier"


def test_all_other_figures_are_as_they_are_without_it_also_where_it_can_not_be_imported(site: Site) -> None:
    with_it, _ = rows(site)
    (site.folder / "acme_metrics.py").write_text("import no_such_library\n")
    without, columns = rows(site)
    assert [row for row in with_it if row[1] != "scaled_brier"] == without
    assert columns[-1] == "#ECE"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("import numpy as np", "import no_such_library", "metric family scaled_brier, entry point acme_metrics:"),
        (
            '"scaled_brier", "Scaled',
            '"brier", "Scaled',
            "metric family scaled_brier, entry point acme_metrics:METRIC_FAMILY of the package acme-metrics, de",
        ),
        ("(SCALED_BRIER,)", "(SCALED_BRIER)", "metric family scaled_brier, entry point acme_metrics:"),
        ("order=35", 'order="late"', "metric family scaled_brier, entry point acme_metrics:"),
    ],
)
def test_what_can_not_be_used_is_one_line_and_stops_nothing(site: Site, old: str, new: str, said: str) -> None:
    file = site.folder / "acme_metrics.py"
    file.write_text(file.read_text().replace(old, new))
    *warned, count = site.python(FAMILIES).splitlines()
    assert len(warned) == 1 and warned[0].startswith(said)
    assert count == "1"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("if not model.has_decisions", "if not model.has_dicisions"),
        ("yield model.scored.row(SCALED_BRIER, interval, evaluation=evaluation)", "yield value"),
        ("for evaluation, risk in", "import sys; sys.exit(3)\n    for evaluation, risk in"),
    ],
)
def test_a_family_that_fails_is_left_out_and_all_other_figures_are_as_before(site: Site, old: str, new: str) -> None:
    with_it, _ = rows(site)
    file = site.folder / "acme_metrics.py"
    file.write_text(file.read_text().replace(old, new))
    without, _ = rows(site)
    assert [row for row in with_it if row[1] != "scaled_brier"] == without


def test_its_code_decides_the_evaluation_and_the_report_and_no_training(site: Site) -> None:
    assert set(site.python(RECIPES).split()) == {"evaluation", "report", "model_card"}
