"""What the benchmark of a year delivers: nothing of the future, deaths late, and each scenario its own change."""

import sys
from pathlib import Path

import pandas as pd
import pydicom
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import year

from echomort.settings.sections import Synthetic
from echomort.synth.archive import write_archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("year") / "archive"
    write_archive(folder, Synthetic(patients=30, views=("apical_4",)))
    return folder


def extract(to: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(to / f"ehr/{name}.csv", dtype=str)


def test_a_month_holds_nothing_of_the_future_and_the_next_one_more(archive: Path, tmp_path: Path) -> None:
    sizes = []
    for month in (0, 12):
        sizes.append(year.deliver(archive, tmp_path, "same", month))
        for name, column in {**year.DATED, "contact": "contact_at"}.items():
            assert (pd.to_datetime(extract(tmp_path, name)[column]) < pd.Timestamp(year.cut(month))).all(), name
        folders = list((tmp_path / "dicom").glob("*/*"))
        assert all(folder.name[:8] < f"{year.cut(month):%Y%m%d}" for folder in folders) and folders
    assert sizes[1] > sizes[0]


def test_a_death_is_known_ten_days_after_it_at_the_earliest(archive: Path, tmp_path: Path) -> None:
    year.deliver(archive, tmp_path, "same", 12)
    died = pd.to_datetime(extract(tmp_path, "death")["death_date"])
    assert len(died) and (died < pd.Timestamp(year.cut(12)) - pd.Timedelta(days=year.LATE_DAYS[0])).all()


def test_a_bad_drop_loses_half_of_every_table_for_one_month(archive: Path, tmp_path: Path) -> None:
    sizes = {}
    for scenario in ("same", "bad drop"):
        year.deliver(archive, tmp_path / scenario, scenario, year.BAD_MONTH)
        sizes[scenario] = len(extract(tmp_path / scenario, "measurement"))
    assert sizes["bad drop"] == pytest.approx(sizes["same"] / 2, rel=0.1)
    year.deliver(archive, tmp_path / "bad drop", "bad drop", year.BAD_MONTH + 1)
    assert len(extract(tmp_path / "bad drop", "measurement")) >= sizes["same"]


def test_a_drift_brings_a_scanner_and_codes_of_no_list(archive: Path, tmp_path: Path) -> None:
    year.deliver(archive, tmp_path, "drift", 23)
    vendors = {
        pydicom.dcmread(file, stop_before_pixels=True, force=True).get("Manufacturer")
        for file in (tmp_path / "dicom").rglob("*.dcm")
    }
    assert "GE Vingmed Ultrasound" in vendors
    coded = extract(tmp_path, "diagnosis")
    late = pd.to_datetime(coded["recorded_at"]) >= pd.Timestamp(year.cut(year.CODING_MONTH - 1))
    assert late.any() and (coded["vocabulary"] == "LOCAL").tolist() == late.tolist()


def test_the_table_says_each_month_in_a_line() -> None:
    row = {
        "scenario": "same",
        "month": 1,
        "studies": 9,
        "sealed": (8, None),
        "decisions": [],
        "stopped": "",
        "watch": [],
    }
    assert "the same candidate" in year.table([row | {"cpu": 3.2, "auc": 0.71, "mean_risk": 0.2, "mean_truth": 0.25}])
    refused = {"promoted": False, "reasons": ["5 deaths", "AUC may be lower"]}
    assert "refused: 5 deaths; AUC may be lower" in year.table([row | {"decisions": [refused], "cpu": 3.2}])
