"""The extract has a day, and the end of the data does not follow a stray row."""

import random
from datetime import date, timedelta

import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch, person, study_key, write_extract

from assets.checks.records import late_records_check
from echomort.core.errors import UserError
from echomort.settings import Outcome, Postgresql, Settings
from warehouse.adapters.extract import ExtractLocation
from warehouse.staging.staging import stage
from warehouse.tables.outcome.outcomes import link


def outcome(folder, rows, extracted_on=None, dates="shifted"):
    """Return (study key -> label or reason of the only study, counted reasons, late records)."""
    connection = empty_warehouse()
    write_extract(folder, rows)
    report = stage(connection, folder, "canonical", KEYRING, dates, extracted_on=extracted_on)
    link(connection, Outcome(), KEYRING)
    found = fetch(connection, "SELECT label, reason FROM outcome JOIN study USING (study_key) ORDER BY study_key")
    return (
        [reason or label for label, reason in found],
        counted(report),
        fetch(connection, "SELECT records, days FROM late_record"),
    )


# Case B09 of foreign data: a death in the last year before the true end does not count, with or without the stray row.
@pytest.mark.parametrize("stray", [None, "2023-02-01", "2026-10-01", "2026-11-20"])
@pytest.mark.parametrize("dates", ["shifted", "kept"])
def test_one_stray_row_does_not_move_the_end(tmp_path, stray, dates):
    rows = {
        "patient": [person("p1"), person("p2")],
        "death": [("p1", "2019-12-20", "registry")],
        "study": [("s1", "p1", "2019-12-01 10:00:00", "")],
        "contact": [("p2", "2020-01-01", "visit"), *([("p2", stray, "visit")] if stray else [])],
    }
    found, _, late = outcome(tmp_path, rows, date(2026, 11, 25), dates)
    assert found == ["EXCL_INCOMPLETE_WINDOW"]
    assert [records for records, _ in late] == [1 if stray else 0]


def test_a_stray_visit_with_a_start_and_an_end_is_one(tmp_path):
    rows = {
        "patient": [person("p1"), person("p2")],
        "death": [("p1", "2019-12-20", "registry")],
        "study": [("s1", "p1", "2019-12-01 10:00:00", "")],
        "contact": [("p2", day, "visit") for day in ("2020-01-01", "2025-03-01 08:00:00", "2025-03-01 10:00:00")],
    }
    found, _, late = outcome(tmp_path, rows)
    assert found == ["EXCL_INCOMPLETE_WINDOW"] and [records for records, _ in late] == [1]


@pytest.mark.parametrize("days_after", [40, 200, 900])
@pytest.mark.parametrize("strays", [1, 2])
def test_a_few_rows_after_a_busy_extract_do_not_move_the_end(tmp_path, days_after, strays):
    first, last = date(2017, 1, 1), date(2019, 12, 31)
    days = [first + timedelta(days=day) for day in range((last - first).days + 1)]
    rows = {
        "patient": [person(f"p{i}") for i in range(30)] + [person("q")],
        "study": [("s", "q", last - timedelta(days=365), ""), ("t", "q", last - timedelta(days=364), "")],
        "death": [("q", last - timedelta(days=100), "registry")],
        "contact": [(f"p{place % 30}", day, "visit") for place, day in enumerate(days * 3)]
        + [("p0", last + timedelta(days=days_after + one), "visit") for one in range(strays)],
    }
    found, _, late = outcome(tmp_path, rows)
    assert sorted(map(str, found)) == ["1", "EXCL_INCOMPLETE_WINDOW"]
    assert late == [(strays, days_after + strays - 1)]


def test_the_last_days_of_a_begun_month_are_the_end(tmp_path):
    first, last = date(2018, 1, 1), date(2019, 12, 4)
    days = [first + timedelta(days=day) for day in range((last - first).days + 1)]
    rows = {
        "patient": [person("p"), person("q")],
        "study": [("s", "q", last - timedelta(days=365), ""), ("t", "q", last - timedelta(days=364), "")],
        "death": [("q", last - timedelta(days=100), "registry")],
        "contact": [("p", day, "visit") for day in days],
    }
    found, _, late = outcome(tmp_path, rows)
    assert sorted(map(str, found)) == ["1", "EXCL_INCOMPLETE_WINDOW"]
    assert late == [(0, None)]


# Case B10: an appointment of the future never becomes evidence of life, whenever the extract is staged.
@pytest.mark.parametrize("run_on", [date(2026, 11, 27), date(2027, 4, 1), date(2040, 1, 1)])
def test_the_label_does_not_depend_on_the_day_of_the_run(tmp_path, monkeypatch, run_on):
    class Day(date):
        @classmethod
        def today(cls):
            return run_on

    monkeypatch.setattr("warehouse.staging.staging.date", Day)
    rows = {
        "patient": [person("p1"), person("p2")],
        "death": [("p2", "2026", "registry")],
        "study": [("s1", "p1", "2025-10-01 10:00:00", "outpatient")],
        "contact": [("p1", "2026-09-01", "visit"), ("p1", "2027-03-10", "visit"), ("p2", "2026-11-20", "visit")],
    }
    found, counts, _ = outcome(tmp_path, rows, date(2026, 11, 25))
    assert found == ["EXCL_CENSORED_LT_1Y"]
    assert counts["contact", "FUTURE_DATE"] == 1


def test_a_partial_death_ends_with_the_extract(tmp_path):
    connection = empty_warehouse()
    write_extract(tmp_path, {"patient": [person("p")], "death": [("p", "2026", "x")]})
    stage(connection, tmp_path, "canonical", KEYRING, "kept", extracted_on=date(2026, 5, 3))
    assert fetch(connection, "SELECT latest_date FROM death") == [(date(2026, 5, 3),)]


def test_the_day_of_an_extract_is_the_newest_change_of_its_files(tmp_path):
    import os

    from assets.sources.ehr_extract import extract_day
    from echomort.settings import Settings, Sources

    write_extract(tmp_path / "ehr", {})
    for place, path in enumerate(sorted((tmp_path / "ehr").iterdir())):
        os.utime(path, (1_500_000_000 + place, 1_500_000_000 + place))  # 2017-07-14 02:40 UTC
    sources = Sources(ehr=tmp_path / "ehr", time_zone="UTC")
    assert extract_day(Settings(home=tmp_path, sources=sources)) == date(2017, 7, 14)
    new_york = sources.model_copy(update={"time_zone": "America/New_York"})
    assert extract_day(Settings(home=tmp_path, sources=new_york)) == date(2017, 7, 13)
    stated = sources.model_copy(update={"extracted_on": date(2020, 1, 1)})
    assert extract_day(Settings(home=tmp_path, sources=stated)) == date(2020, 1, 1)


def hospital(patients, last, seed=7):
    """Return the rows of ``patients`` who are seen for eight years, the last time on the day ``last``."""
    generator = random.Random(seed)
    rows = {"patient": [], "study": [], "death": [], "contact": []}
    for number in range(patients):
        name = f"p{number}"
        entered = last - timedelta(days=generator.randint(1100, 2900))
        rows["patient"].append(person(name))
        rows["study"].append((f"s{number}", name, f"{entered} 10:00:00", ""))
        days = [entered + timedelta(days=generator.randint(1, (last - entered).days)) for _ in range(8)]
        rows["contact"] += [(name, f"{day} 09:00:00", "visit") for day in days]
    rows["contact"].append(("p0", f"{last} 09:00:00", "visit"))
    return rows


def late(folder, rows):
    """Return what the check of late records says, the labels by study, and the late records."""
    connection = empty_warehouse()
    write_extract(folder, rows)
    stage(connection, folder, "canonical", KEYRING, "shifted")
    link(connection, Outcome(), KEYRING)
    said = late_records_check().read(connection)(Settings(home=folder))["warned"]
    found = fetch(connection, "SELECT study_key, label, reason FROM outcome")
    told = {key: reason if label is None else label for key, label, reason in found}
    return (
        said,
        {number: told[study_key(number)] for number, *_ in rows["study"]},
        fetch(connection, "FROM late_record"),
    )


# The end of the data at every size: a stray row does not move it where that can be told, and a true end is never cut.
@pytest.mark.parametrize("patients", [1, 2, 5, 50, 500, pytest.param(5000, marks=pytest.mark.slow)])
def test_a_true_end_is_not_cut(tmp_path, patients):
    last = date(2019, 11, 20)
    said, labels, rows = late(tmp_path, hospital(patients, last))
    assert rows[0][:2] == (0, None)
    assert patients < 50 or not said
    # Their last visits are their own proof; all entered three years before the end.
    assert "EXCL_INCOMPLETE_WINDOW" not in labels.values()


@pytest.mark.parametrize("patients", [5, 50, 500, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("days_late", [200, 600, 1000, 2500])
def test_a_stray_row_moves_the_end_at_no_size_at_which_it_can_be_told(tmp_path, patients, days_late):
    last = date(2016, 11, 20)
    rows = hospital(patients, last)
    rows["patient"].append(person("q"))
    rows["study"] += [("t", "q", f"{last - timedelta(days=100)} 10:00:00", "")]
    rows["death"] = [("q", f"{last - timedelta(days=60)}", "registry")]
    rows["contact"].append(("p0", f"{last + timedelta(days=days_late)} 09:00:00", "visit"))
    said, labels, ((records, days, _),) = late(tmp_path, rows)
    told = patients >= 50 or days_late >= 2500
    if told:
        assert labels["t"] == "EXCL_INCOMPLETE_WINDOW"
        assert (records, days) == (1, days_late)
    # Where one row alone carries the end, or lies after it, that is said.
    assert said or days_late < 365


@pytest.mark.parametrize("years", [2, 4, 8])
def test_the_only_patient_s_last_visit_is_the_end(tmp_path, years):
    rows = {
        "patient": [person("p")],
        "study": [("s", "p", "2012-03-01 10:00:00", "")],
        "contact": [("p", f"2012-03-0{day}", "visit") for day in (2, 3, 5)] + [("p", f"{2012 + years}-03-05", "visit")],
    }
    said, labels, _ = late(tmp_path, rows)
    assert labels == {"s": 0}
    assert said


def test_a_pair_of_patients_with_one_late_visit_is_told(tmp_path):
    rows = {
        "patient": [person("p"), person("q")],
        "study": [("s", "p", "2012-03-01 10:00:00", ""), ("t", "q", "2012-05-01 10:00:00", "")],
        "death": [("p", "2012-04-01", "registry")],
        "contact": [("q", "2016-04-01", "visit")],
    }
    said, labels, _ = late(tmp_path, rows)
    assert labels["t"] == 0
    assert labels["s"] in {1, "EXCL_INCOMPLETE_WINDOW"}
    assert "set sources.extracted_on" in said


def test_a_database_needs_the_day_of_the_extract():
    with pytest.raises(UserError, match=r"sources\.extracted_on is not set"):
        stage(empty_warehouse(), ExtractLocation(None, Postgresql()), "canonical", KEYRING, "kept")
