"""docs/extending/clinical_score.md does what it says."""

import json
import math
from pathlib import Path

import pytest
from extending.pages import Site, install

INPUTS = """
import json, sys
import pandas as pd
from echomort.clinical_scores.scores import CLINICAL_SCORES, clinical_scores
from echomort.clinical_scores.studies import score_studies
from echomort.settings import ClinicalScores
columns = {name for score in clinical_scores().values() for name in score.columns}
inputs = pd.DataFrame({name: [None, None] for name in sorted(columns)}).assign(
    study_key=["a", "b"], heart_failure=False, age=[70.0, 70.0], creat_umol=[90.0, None])
found = score_studies(inputs, ClinicalScores())
own = found[found["score"] == "age_kidney"]
rows = own.drop(columns="study_key").to_dict("records")
print(json.dumps([list(clinical_scores()), rows, CLINICAL_SCORES.problems()]))
"""
KNOWN = """
from echomort.report.words import MODELS
from warehouse.checks.suites import suite
print(MODELS["age_kidney"].label, [one.name for one in suite("clinical_score") if "age_kidney" in one.name])
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return install("clinical_score.md", tmp_path)


def test_a_score_of_another_package_is_computed_for_every_study_or_has_a_reason(site: Site) -> None:
    names, (first, second), problems = json.loads(site.python(INPUTS))
    assert names == ["pce", "prevent", "shfm", "maggic", "age_kidney"] and problems == []
    assert (first["value"], first["applicable"]) == (2.0, True)
    assert first["logit"] == pytest.approx(-1.0)
    assert math.isnan(second["value"]) and second["reason"] == "missing:creat_umol"


def test_the_report_and_the_checks_know_it(site: Site) -> None:
    assert site.python(KNOWN).strip() == "Age and kidney ['clinical_score.age_kidney_within_limits']"


def test_the_command_line_computes_it_for_a_table(site: Site) -> None:
    (site.folder / "patients.csv").write_text("Age,Creat_umol\n70,90\n17,90\n")
    run = "from orchestration.cli.__main__ import main\nmain()"
    lines = site.python(run, "risk", "age_kidney", "patients.csv").splitlines()
    assert lines[0] == "Age,Creat_umol,points,died,reason"
    assert lines[1].startswith("70,90,2.0,0.268") and lines[2] == "17,90,,,out_of_range:age"


def test_a_score_that_can_not_be_imported_is_one_line_and_the_others_are_computed(site: Site) -> None:
    (site.folder / "acme_scores.py").write_text("from echomort.clinical_scores.scores import NoSuchThing\n")
    code = INPUTS.replace("own = found", "assert len(found) == 8\nown = found")
    names, _, (problem,) = json.loads(site.python(code))
    assert names == ["pce", "prevent", "shfm", "maggic"]
    assert problem.startswith("clinical score age_kidney, entry point acme_scores:CLINICAL_SCORE of the package acme-")


def test_a_score_with_a_wrong_field_is_left_out_in_one_line(site: Site) -> None:
    file = site.folder / "acme_scores.py"
    file.write_text(file.read_text().replace("place=140", 'place="late"'))
    names, _, (problem,) = json.loads(site.python(INPUTS.replace("own = found", "assert len(found) == 8\nown = found")))
    assert names == ["pce", "prevent", "shfm", "maggic"] and "acme-scores, has a wrong field (place: " in problem


@pytest.mark.parametrize(
    ("old", "new"),
    [('points, "died"', 'points, "deceased"'), ("np.log(", "np.logarithm("), ("return rows.to", "return rows.no")],
)
def test_a_score_that_fails_has_a_reason_for_every_study_and_the_others_are_computed(
    site: Site, old: str, new: str
) -> None:
    file = site.folder / "acme_scores.py"
    file.write_text(file.read_text().replace(old, new))
    names, own, (problem,) = json.loads(site.python(INPUTS))
    assert names == ["pce", "prevent", "shfm", "maggic", "age_kidney"]
    assert [row["reason"] for row in own] == ["failed:package"] * 2
    assert all(math.isnan(row["value"]) and math.isnan(row["logit"]) for row in own)
    assert "package acme-scores, failed with" in problem
