"""What so many patients and deaths can show is a check on the cohort, which training waits for."""

from pathlib import Path

import pytest
from archives import small_archive

from assets.quality import BY_ASSET
from echomort.settings import load_settings


@pytest.mark.parametrize(
    ("patients", "words"), [(12, "no figure is a result"), (60, "below 100 a validation is uncertain")]
)
def test_a_small_cohort_is_told_so_before_training(tmp_path: Path, patients: int, words: str) -> None:
    archive = small_archive(tmp_path / "home", patients)
    (check,) = [one for one in BY_ASSET["cohort"] if one.spec.name == "enough_deaths_for_a_result"]
    with archive.project.reader() as connection:
        found = check.read(connection)(load_settings(environment={}))
    assert found["passed"] and words in found["warned"]
    assert f"{-(-patients // 3)} deaths among {patients} patients" in found["warned"]


@pytest.mark.parametrize(
    ("sealed", "words"),
    [
        (12, "4 deaths and 8 survivors are sealed, and the gate promotes no model below 5; about 15 sealed patients"),
        (0, "no patient is sealed, and the gate promotes no model below 5 deaths and 5 survivors; "),
        (60, ""),
    ],
)
def test_a_sealed_set_that_is_too_small_for_the_gate_is_told_so_before_training(
    tmp_path: Path, sealed: int, words: str
) -> None:
    archive = small_archive(tmp_path / "home", 120)
    (check,) = [one for one in BY_ASSET["cohort"] if one.spec.name == "enough_sealed_deaths_for_the_gate"]
    with archive.project.writer() as connection:
        query = "UPDATE cohort SET role = 'sealed' WHERE patient_key < ?"
        connection.execute(query, [f"{sealed:08x}"])
    with archive.project.reader() as connection:
        judge = check.read(connection)
    found = judge(load_settings(environment={}))
    assert found["passed"] and (words in found["warned"] if words else found["warned"] == "")
    assert judge(load_settings(flags={"promotion.first_auc": None}, environment={}))["warned"] == ""
