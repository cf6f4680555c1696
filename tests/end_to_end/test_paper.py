"""Preset paper from the synthetic archive to a report: its own recipe, on few patients and small clips."""

import pytest
from projects import SETTINGS, Home, assignments

pytestmark = pytest.mark.slow

SMALL = SETTINGS | {
    "preset": "paper",
    "sources.synthetic.views": "[parasternal_long]",
    "imaging.clip.source": "annotated",
    "imaging.clip.frames": 30,
    "imaging.clip.height": 27,
    "imaging.clip.width": 37,
    "training.views": "[parasternal_long]",
    "cohort.sealed_fraction": 0.05,
    "execution.executor": "in_process",
}
"""As docs/method.md says, but for the size of the clips and fewer patients."""


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("paper") / "home")
    home.run(*assignments(SMALL))
    return home


def test_it_ends_with_a_report_that_names_what_leaks_from_the_future(paper: Home) -> None:
    report = (paper.root / "report" / "report.html").read_text()
    assert "the nearest, at most 183 days before or after it" in report
    failed = paper.query("SELECT asset FROM ledger WHERE asset LIKE 'check:%' AND details LIKE '%\"passed\": false%'")
    assert failed == []


def test_one_study_a_patient_takes_part_at_every_horizon(paper: Home) -> None:
    twice = "SELECT horizon_days FROM cohort_at_horizon GROUP BY patient_key, horizon_days HAVING count(*) > 1"
    assert paper.query(twice) == []
    horizons = paper.query("SELECT DISTINCT horizon_days FROM cohort_at_horizon ORDER BY 1")
    assert horizons == [(90,), (180,), (270,), (365,)]


def test_values_from_after_the_echo_are_used_and_the_models_see_the_method_s_view(paper: Home) -> None:
    later = "SELECT count(*) FROM feature_evidence JOIN study USING (study_key) WHERE latest_outside_at > study_at"
    assert paper.query(later) > [(0,)]
    models = {model for (model,) in paper.query("SELECT DISTINCT model FROM score")}
    assert {"view:parasternal_long", "all_views", "ehr", "video_ehr"} <= models
