"""Files as European programs export them: separators, encodings, names of columns, dates and decimal commas."""

from datetime import datetime

import duckdb
import pytest
from extracts import KEYRING, clean_records, empty_warehouse, fetch, write_extract
from hypothesis import given
from hypothesis import strategies as st

from warehouse.adapters.extract import ExtractLocation, define_macros
from warehouse.adapters.headers import csv_header, plain_name
from warehouse.adapters.raw import Column, Extract
from warehouse.connection import connect_in_memory
from warehouse.queries import run
from warehouse.staging.staging import stage


@pytest.fixture(scope="module")
def macros():
    """A connection with the macros that an adapter's SQL may use."""
    with connect_in_memory() as connection:
        define_macros(connection, ExtractLocation(None))
        run(connection, "definitions/number.sql")
        yield connection


def said(macros: duckdb.DuckDBPyConnection, expression: str, cell: object) -> object:
    return macros.execute(f"SELECT {expression}", {"cell": cell}).fetchall()[0][0]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("31.12.2019", "2019-12-31"),
        ("1.2.2019", "2019-02-01"),
        (" 31.12.2019 ", "2019-12-31"),
        ("31/12/2019 08:30", "2019-12-31 08:30"),
        ("01.02.2019 08:30:15", "2019-02-01 08:30:15"),
        ("2019-12-31", "2019-12-31"),
        ("2019-12-31 08:30:00", "2019-12-31 08:30:00"),
        ("31.12.19", "31.12.19"),
        ("31.12/2019", "31.12/2019"),
        ("31-12-2019", "31-12-2019"),
        ("unbekannt", "unbekannt"),
        ("", None),
        (None, None),
    ],
)
def test_day_first_writes_only_dates_whose_day_comes_first(macros, cell, written):
    assert said(macros, "day_first($cell)", cell) == written


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("12/31/2019", "2019-12-31"),
        ("1/2/2019", "2019-01-02"),
        ("12-31-2019 08:30", "2019-12-31 08:30"),
        ("12/31/2019 8:36 PM", "2019-12-31 20:36"),
        ("12/31/2019 12:05:09 am", "2019-12-31 00:05:09"),
        ("12/31/2019 12:05PM", "2019-12-31 12:05"),
        ("12/31/2019  1:05:09.125 PM", "2019-12-31 13:05:09.125"),
        ("12/31/2019 8:36", "2019-12-31 08:36"),
        ("2019-12-31 08:30:00", "2019-12-31 08:30:00"),
        ("12.31.2019", "12.31.2019"),
        ("12/31/19", "12/31/19"),
        ("12/31-2019", "12/31-2019"),
        ("", None),
        (None, None),
    ],
)
def test_month_first_writes_only_dates_whose_month_comes_first(macros, cell, written):
    assert said(macros, "month_first($cell)", cell) == written


@pytest.mark.parametrize("time", ["13:05 PM", "00:05 AM", "8:36 P", "8:60 PM", "8 PM", "20:36 UTC", "08:00:00 PM EST"])
def test_a_time_of_no_clock_stays_unread(macros, time):
    for macro, day in (("month_first", "12/31/2019"), ("day_first", "31/12/2019")):
        assert said(macros, f"as_moment({macro}($cell))", f"{day} {time}") is None


@given(st.datetimes(min_value=datetime(1000, 1, 1)), st.sampled_from(["%m/%d/%Y %I:%M:%S %p", "%m-%d-%Y %H:%M:%S"]))
def test_a_time_is_the_same_in_both_forms(macros, moment, form):
    moment = moment.replace(microsecond=0)
    assert said(macros, "as_moment(month_first($cell))", moment.strftime(form)) == moment


@pytest.mark.parametrize("cell", ["31.02.2019", "12.31.2019", "00.01.2019", "01.01.2019 8 Uhr", "01.01.2019 25:00"])
def test_a_day_that_is_none_stays_unread(macros, cell):
    """Never another day: staging counts it."""
    assert said(macros, "as_moment(day_first($cell))", cell) is None


@given(st.dates(), st.booleans(), st.sampled_from(["", " 07:05", " 23:59:59"]))
def test_a_date_is_the_same_day_in_both_forms(macros, day, is_padded, time):
    form = f"{day.day:02}.{day.month:02}.{day.year:04}" if is_padded else f"{day.day}.{day.month}.{day.year:04}"
    assert said(macros, "as_moment(day_first($cell))", form + time) == said(
        macros, "as_moment($cell)", day.isoformat() + time
    )


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("4,1", 4.1),
        ("-0,5", -0.5),
        ("1.234,5", 1234.5),
        ("1.234.567,25", 1234567.25),
        ("55", 55.0),
        ("4.1", 4.1),
        ("0.500", 0.5),
        ("12.5", 12.5),
        ("1.234", None),  # 1.234 or 1234: nobody can tell
        ("1.234.567", None),
        ("1,234,567", None),
        ("1.23,4", None),
        ("<5,0", None),
        ("negativ", None),
    ],
)
def test_decimal_comma_reads_what_has_one_meaning(macros, cell, number):
    assert said(macros, "as_number(decimal_comma($cell))", cell) == number


@given(st.decimals(min_value=-99999, max_value=99999, places=2, allow_nan=False))
def test_a_number_is_the_same_in_both_forms(macros, number):
    plain = str(number)
    grouped = f"{number:,.2f}".translate(str.maketrans(",.", ".,"))
    for form in (plain.replace(".", ","), grouped):
        assert said(macros, "as_number(decimal_comma($cell))", form) == float(plain)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Geb.-Datum", "geb_datum"),
        ("Größe (cm)", "groesse_cm"),
        ("prénom", "prenom"),
        ("fødselsdato", "foedselsdato"),
        ("  PatientID ", "patientid"),
        ("patient_id", "patient_id"),
        ("EF %", "ef"),
        ("姓名", "姓名"),
        ("", ""),
    ],
)
def test_a_column_has_a_plain_name(written, name):
    assert plain_name(written) == name


def test_columns_that_only_signs_tell_apart_keep_them(tmp_path):
    """Two columns that nobody needs must not make a table unreadable."""
    path = tmp_path / "values.csv"
    path.write_text("mrn,EF,EF %\n1,2,3\n")
    assert csv_header(path)[2] == ["mrn", "ef", "ef %"]
    path.write_text("mrn,EF,ef\n1,2,3\n")
    assert csv_header(path)[2] == ["mrn", "ef (column 2)", "ef (column 3)"]


@pytest.mark.parametrize(
    ("text", "separator", "names"),
    [
        ("a,b;c\n", ",", ["a", "b_c"]),
        ("a;b;c\n", ";", ["a", "b", "c"]),
        ('"a;b";c\n', ";", ["a_b", "c"]),
        ("a\tb;c\n", "\t", ["a", "b_c"]),
        ("a\n", ",", ["a"]),
    ],
)
def test_the_separator_is_the_first_that_the_header_has(tmp_path, text, separator, names):
    path = tmp_path / "table.csv"
    path.write_text(text)
    assert csv_header(path)[1:] == (separator, names)


def cells(folder, table, column, encoding="utf-8"):
    """The cells of one column, as an adapter's SQL reads them."""
    with connect_in_memory() as connection:
        Extract(connection, folder, encoding=encoding).open([Column(table, column, "yes", "", "")])
        return [cell for (cell,) in connection.execute(f"SELECT {column} FROM raw_{table}").fetchall()]


@pytest.mark.parametrize("sign", [";", "|"])
def test_cells_between_semicolons_or_bars_may_be_quoted(tmp_path, sign):
    text = 'mrn;"note"\n"1";"a; ""b""\nc"\n2;d\n'
    (tmp_path / "patient.csv").write_text(text.replace(";", sign))
    assert cells(tmp_path, "patient", "note") == [f'a{sign} "b"\nc', "d"]


def test_every_byte_of_latin_1_is_a_letter_of_its_own(tmp_path):
    write_extract(tmp_path, clean_records(1, patients=6))
    letters = bytes(range(0xA1, 0x100)).decode("latin-1")
    path = tmp_path / "patient.csv"
    path.write_bytes(path.read_text().replace("1-0", letters).encode("latin-1"))
    assert letters in cells(tmp_path, "patient", "patient_id", "latin-1")


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
def test_a_mark_in_the_file_goes_before_the_setting(tmp_path, mark):
    write_extract(tmp_path, clean_records(1, patients=6))
    path = tmp_path / "patient.csv"
    path.write_text(path.read_text().replace("White", "Süd"), encoding=mark)
    connection = empty_warehouse()
    stage(connection, ExtractLocation(tmp_path, encoding="latin-1"), "canonical", KEYRING, "kept")
    assert fetch(connection, "SELECT count(*) FROM patient") == [(6,)]
