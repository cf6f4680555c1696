"""One grammar of time for every source: a local date or time in a stated form, or a count; nothing is cut."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch, person, write_extract
from hypothesis import given
from hypothesis import strategies as st

from echomort.core.errors import UserError
from echomort.settings import Outcome, Postgresql, Sources
from warehouse.adapters.extract import ExtractLocation
from warehouse.queries import run
from warehouse.staging.staging import stage
from warehouse.tables.outcome.outcomes import link

NEW_YORK = "America/New_York"


def reader(time_zone=None):
    """Return a connection that reads times, in a session of yet another zone."""
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    connection.execute("SET TimeZone = 'Asia/Kolkata'")
    run(connection, "definitions/local_time.sql", time_zone=time_zone)
    return connection


PLAIN, ZONED = reader(), reader(NEW_YORK)


def moment(text, connection=PLAIN):
    """Return the local time that ``text`` is read as."""
    return connection.execute("SELECT as_moment($text)", {"text": text}).fetchone()[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2018-06-15", datetime(2018, 6, 15)),
        (" 2018-06-15\t", datetime(2018, 6, 15)),
        ("2018-06-15 08:30", datetime(2018, 6, 15, 8, 30)),
        ("2018-06-15T08:30:05", datetime(2018, 6, 15, 8, 30, 5)),
        ("2018-06-15 08:30:05.123456", datetime(2018, 6, 15, 8, 30, 5, 123456)),
        ("2018-06-15T23:59:59.5", datetime(2018, 6, 15, 23, 59, 59, 500000)),
        ("2016-12-31 23:59:60", datetime(2016, 12, 31, 23, 59, 59)),
    ],
)
def test_the_stated_forms_are_read_with_or_without_a_zone(text, expected):
    assert moment(text) == moment(text, ZONED) == expected


REFUSED = [
    *("2018-06-15 08:00:00 PM", "2018-06-15 08:00 AM", "2018-06-15 08:00pm", "2018-06-15 09:00:00 approx"),
    *("2019-06-16 02:00:00 UTC", "2019-06-16 02:00:00 America/New_York", "2019-06-16 02:00:00 EST", "2019-06-16 ca."),
    *("2019-06-16T02:00:00[Europe/Berlin]", "2019-06-16T02:00:00+01:00[Europe/Berlin]", "2019-06-16 02:00:00 GMT+1"),
    *(
        "2018/06/15",
        "2018-6-5",
        "20180615",
        "06/15/2018",
        "15.06.2018",
        "15-JUN-2018",
        "June 15 2018",
        "43266",
        "18-06-15",
    ),
    *(
        "2018-06-15 8:30",
        "2018-06-15 24:00",
        "2018-06-15 08:60",
        "2018-06-15 08",
        "2018-06-15 083000",
        "2018-06-15  08:30",
    ),
    *(
        "2018-06-15 08:30:05,5",
        "2018-02-30",
        "2018-13-01",
        "2018-06-15Z",
        "2018-06-15+02:00",
        "2018-W24-5",
        "2018-166",
        "?",
    ),
    *("2018-06-15 08:30:00z", "2018-06-15 08:30:00+25:00", "2018-06-15 08:30:00 +1", "2018-06-15 08:30:00x", "now"),
]


@pytest.mark.parametrize("text", REFUSED)
def test_any_other_text_is_refused_and_never_cut(text):
    assert moment(text) is None
    assert moment(text, ZONED) is None


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_NS", "TIMESTAMPTZ", "VARCHAR"])
def test_infinity_is_no_time_in_a_column_of_any_type(kind):
    """Databases write it for an end that is not known."""
    said = f"SELECT as_moment(x), has_offset(x) FROM (SELECT CAST('infinity' AS {kind}) AS x)"
    assert [fetch(connection, said) for connection in (PLAIN, ZONED)] == [[(None, False)]] * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-06-16T02:00:00Z", datetime(2019, 6, 15, 22)),
        ("2019-06-16 02:00:00 Z", datetime(2019, 6, 15, 22)),
        ("2019-01-16 02:00Z", datetime(2019, 1, 15, 21)),
        ("2019-06-16 02:00:00+00", datetime(2019, 6, 15, 22)),
        ("2019-06-16 02:00:00.25 +0200", datetime(2019, 6, 15, 20, 0, 0, 250000)),
        ("2019-06-16T02:00:00-04:00", datetime(2019, 6, 16, 2)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 18, 59, 59)),
        ("2017-01-01T00:59:60.5+01:00", datetime(2016, 12, 31, 18, 59, 59, 500000)),
    ],
)
def test_an_offset_is_converted_where_the_zone_is_known_and_refused_elsewhere(text, expected):
    assert moment(text, ZONED) == expected
    assert moment(text) is None


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from([NEW_YORK, "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_conversion_equals_that_of_python(at, offset, zone):
    connection = ZONED if zone == NEW_YORK else reader(zone)
    written = at + timedelta(minutes=offset)
    sign, minutes = "-" if offset < 0 else "+", abs(offset)
    text = f"{written.replace(tzinfo=None).isoformat(' ')}{sign}{minutes // 60:02}:{minutes % 60:02}"
    assert moment(text, connection) == at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@given(st.datetimes(datetime(1000, 1, 1), datetime(9999, 1, 1)))
def test_every_local_time_comes_back_as_it_was(at):
    assert moment(at.isoformat()) == moment(at.isoformat(" "), ZONED) == at


# --- through staging ------------------------------------------------------------------------------------------------


def outcome(folder, tables, zone=None, adapter="canonical"):
    """Return ((label, reason) of the study, what was counted, the warehouse)."""
    rows = {"patient": [person("P")], "study": [("S", "P", "2018-06-15 09:00:00", "")]} | tables
    connection = empty_warehouse()
    location = ExtractLocation(write_extract(folder, rows), None, zone)
    report = stage(connection, location, adapter, KEYRING, "kept")
    link(connection, Outcome(require_full_window=False), KEYRING)
    return fetch(connection, "SELECT label, reason FROM outcome")[0], counted(report), connection


@pytest.mark.parametrize("suffix", [" UTC", " America/New_York", " approx", " PM"])
def test_a_death_with_a_word_after_its_time_is_of_unknown_date(tmp_path, suffix):
    tables = {"death": [("P", f"2019-06-16 02:00:00{suffix}", "registry")], "contact": [("P", "2020-01-01", "visit")]}
    found, counts, _ = outcome(tmp_path, tables, NEW_YORK)
    assert found == (None, "EXCL_DEATH_DATE_UNKNOWN")
    assert counts["death", "UNREADABLE_DATE"] == 1


def test_a_death_in_utc_is_of_the_local_day(tmp_path):
    tables = {"death": [("P", "2019-06-16T02:00:00Z", "registry")]}
    assert outcome(tmp_path / "a", tables, NEW_YORK)[0] == (1, None)
    assert outcome(tmp_path / "b", tables, "Europe/Berlin")[0] == (0, None)
    found, counts, _ = outcome(tmp_path / "c", tables)
    assert found == (None, "EXCL_DEATH_DATE_UNKNOWN")
    assert counts["death", "TIME_WITH_OFFSET"] == 1


def test_a_value_of_the_evening_is_no_value_of_the_morning(tmp_path):
    tables = {"measurement": [("P", "", "potassium", 6.9, "mmol/L", "2018-06-15 08:00:00 PM")]}
    _, counts, connection = outcome(tmp_path, tables)
    assert counts["measurement", "UNREADABLE_DATE"] == 1
    assert fetch(connection, "SELECT * FROM measurement") == []


def test_parquet_in_utc_is_read_with_a_zone_and_refused_without_one(tmp_path):
    rows = {"patient": [person(f"P{i}") for i in range(12)]}
    write_extract(tmp_path, rows)
    (tmp_path / "study.csv").unlink()
    at = pd.to_datetime(["2018-06-15 02:00:00"] * 12).tz_localize("UTC")
    frame = pd.DataFrame({"study_id": [f"S{i}" for i in range(12)], "patient_id": [f"P{i}" for i in range(12)]})
    frame.assign(study_at=at, setting="x").to_parquet(tmp_path / "study.parquet")
    connection = empty_warehouse()
    with pytest.raises(UserError, match=r"TIME_WITH_OFFSET in all 12.*sources\.time_zone"):
        stage(connection, ExtractLocation(tmp_path), "canonical", KEYRING, "kept")
    stage(empty := empty_warehouse(), ExtractLocation(tmp_path, None, NEW_YORK), "canonical", KEYRING, "kept")
    assert fetch(empty, "SELECT DISTINCT study_at FROM study") == [(datetime(2018, 6, 14, 22),)]


def test_days_and_times_without_a_zone_are_not_moved_by_one(tmp_path):
    tables = {"contact": [("P", date(2019, 6, 15), "visit"), ("P", "2019-06-15 00:30:00", "visit")]}
    _, _, connection = outcome(tmp_path, tables, NEW_YORK)
    assert fetch(connection, "SELECT contact_at FROM contact ORDER BY 1") == [
        (datetime(2019, 6, 15),),
        (datetime(2019, 6, 15, 0, 30),),
    ]


def test_a_zone_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"sources\.time_zone"):
        outcome(tmp_path, {}, "Middle/Earth")


def test_a_database_has_the_zone_of_the_sources_unless_it_has_its_own():
    def zone(**sources):
        return Sources(**sources).database.time_zone

    assert zone(time_zone=NEW_YORK, postgresql=Postgresql()) == NEW_YORK
    assert zone(time_zone=NEW_YORK, postgresql=Postgresql(time_zone="Europe/Berlin")) == "Europe/Berlin"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_last_moment_of_a_day_stays_in_it_whatever_the_unit(tmp_path, unit):
    import pyarrow as pa
    import pyarrow.parquet as pq

    last = {"s": "23:59:59", "ms": "23:59:59.999", "us": "23:59:59.999999", "ns": "23:59:59.999999999"}[unit]
    moments = pa.array(np.array([f"2019-06-15T{last}"], f"datetime64[{unit}]"))
    write_extract(tmp_path, {"patient": [person("p")]})
    (tmp_path / "contact.csv").unlink()
    table = pa.table({"patient_id": ["p"], "contact_at": moments, "kind": ["visit"]})
    pq.write_table(table, tmp_path / "contact.parquet", version="2.6")
    connection = empty_warehouse()
    stage(connection, tmp_path, "canonical", KEYRING, "kept")
    assert fetch(connection, "SELECT contact_at::DATE FROM contact") == [(date(2019, 6, 15),)]
