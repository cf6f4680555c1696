"""Files as data lakes write them: parts, Zstandard, TSV, NDJSON, float identifiers, words for missing ones, views."""

import csv
import json

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch, patient_key, person, write_extract

from echomort.core.errors import UserError
from warehouse.adapters.table_files import files_behind_views
from warehouse.staging.staging import stage

PEOPLE = 12
ROWS = {
    "patient": [person(str(i)) for i in range(PEOPLE)],
    "study": [(f"S{i}", str(i), "2018-05-01 09:30:00", "outpatient") for i in range(PEOPLE)],
    "contact": [(str(i), "2019-06-01", "visit") for i in range(PEOPLE)],
}


def read(folder):
    """Stage the extract; return the connection and the report. The connection is closed if the extract is refused."""
    connection = empty_warehouse()
    try:
        return connection, stage(connection, folder, "canonical", KEYRING, "kept")
    except UserError:
        connection.close()
        raise


def frame(folder, table):
    """Return the rows of ``table`` as text, and remove its file."""
    path = folder / f"{table}.csv"
    rows = pd.read_csv(path, dtype=str)
    path.unlink()
    return rows


def as_ndjson(rows):
    """Return the rows as JSON objects, one a line, without missing values."""
    return "".join(json.dumps(row.dropna().to_dict()) + "\n" for _, row in rows.iterrows()).encode()


def _zstd(content):
    """Return ``content`` as Zstandard writes it."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


FORMS = {
    "study.csv.zst": lambda rows: _zstd(rows.to_csv(index=False).encode()),
    "study.tsv": lambda rows: rows.to_csv(index=False, sep="\t").encode(),
    "study.tsv.zst": lambda rows: _zstd(rows.to_csv(index=False, sep="\t").encode()),
    "study.txt": lambda rows: rows.to_csv(index=False, sep="\t").encode(),
    "STUDY.tsv": lambda rows: rows.to_csv(index=False, sep="\t", quoting=csv.QUOTE_ALL).encode(),
    "Study.csv": lambda rows: rows.assign(note="x").rename(columns={"note": ""}).to_csv(na_rep="NULL").encode(),
    "study.ndjson": as_ndjson,
    "STUDY.jsonl": as_ndjson,
    "study.ndjson.zst": lambda rows: _zstd(as_ndjson(rows)),
    "study.parquet": lambda rows: rows.to_parquet(),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_table_is_read_in_every_form(tmp_path, name):
    write_extract(tmp_path, ROWS)
    expected = fetch(read(tmp_path)[0], "SELECT * FROM study ORDER BY ALL")
    (tmp_path / name).write_bytes(FORMS[name](frame(tmp_path, "study")))
    assert fetch(read(tmp_path)[0], "SELECT * FROM study ORDER BY ALL") == expected
    assert len(expected) == PEOPLE


@pytest.mark.parametrize(
    ("folder", "parts"),
    [
        ("study.parquet", ("part-00000.snappy.parquet", "part-00001.snappy.parquet")),
        ("study", ("part.0.parquet", "part.1.parquet")),
        ("study", ("year=2018/000000000000.parquet", "year=2019/000000000001.parquet")),
        ("Study", ("part-00000-c000.csv", "part-00001-c000.csv")),
        ("study.csv", ("part-00000.csv.zst", "part-00001.csv.zst")),
        ("study", ("part-0.ndjson", "part-1.ndjson")),
    ],
)
def test_a_folder_of_parts_is_one_table(tmp_path, folder, parts):
    write_extract(tmp_path, ROWS)
    expected = fetch(read(tmp_path)[0], "SELECT * FROM study ORDER BY ALL")
    rows = frame(tmp_path, "study")
    for number, part in enumerate(parts):
        path = tmp_path / folder / part
        path.parent.mkdir(parents=True, exist_ok=True)
        half = rows.iloc[number::2]
        suffix = part.split(".", 1)[1] if ".zst" in part else part.rsplit(".", 1)[1]
        form = {"parquet": "study.parquet", "csv": None, "csv.zst": "study.csv.zst", "ndjson": "study.ndjson"}[suffix]
        path.write_bytes(FORMS[form](half) if form else half.to_csv(index=False).encode())
    for mark in ("_SUCCESS", ".part-00000.crc", "_committed_1.csv"):
        (tmp_path / folder / mark).write_text("")
    assert fetch(read(tmp_path)[0], "SELECT * FROM study ORDER BY ALL") == expected


def test_parts_with_other_headers_are_refused(tmp_path):
    write_extract(tmp_path, ROWS)
    rows = frame(tmp_path, "study")
    (tmp_path / "study").mkdir()
    rows.to_csv(tmp_path / "study" / "part-0.csv", index=False)
    rows[rows.columns[::-1]].to_csv(tmp_path / "study" / "part-1.csv", index=False)
    with pytest.raises(UserError, match=r"part-1\.csv differs"):
        read(tmp_path)


def test_cut_and_wrong_files_are_named(tmp_path):
    write_extract(tmp_path, ROWS)
    rows = frame(tmp_path, "study")
    for name, content in (
        ("study.csv.zst", _zstd(rows.to_csv(index=False).encode())[:-20]),
        ("study.csv.zst", b"study_id,patient_id"),
        ("study.ndjson", as_ndjson(rows) + b'{"study_id": \n'),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=name):
            read(tmp_path)
        (tmp_path / name).unlink()


@pytest.mark.parametrize("line", [1, 2, 9])
def test_a_letter_in_latin_1_is_named_with_its_line(tmp_path, line):
    write_extract(tmp_path, ROWS)
    lines = (tmp_path / "patient.csv").read_bytes().split(b"\r\n")
    lines[line - 1] = lines[line - 1].replace(b"ite", b"\xefte").replace(b"race", b"ra\xe7e")
    (tmp_path / "patient.csv").write_bytes(b"\r\n".join(lines))
    where = "" if line == 1 else ", column race"
    with pytest.raises(UserError, match=rf"patient\.csv is not UTF-8 \(line {line}{where}\)"):
        read(tmp_path)


@pytest.mark.parametrize("place", [2, 1000, 60_000])
def test_a_letter_in_latin_1_is_found_in_a_column_that_nobody_reads(tmp_path, place):
    write_extract(tmp_path, ROWS)
    rows = [f"{i % PEOPLE},2019-06-01,visit,caf\u00e9 {i}".encode() for i in range(place + 5)]
    rows[place - 2] = rows[place - 2].replace("\u00e9".encode(), b"\xe9")
    (tmp_path / "contact.csv").write_bytes(b"\n".join([b"patient_id,contact_at,kind,ward", *rows]))
    with pytest.raises(UserError, match=rf"contact\.csv is not UTF-8 \(line {place}, column ward\)"):
        read(tmp_path)


@pytest.mark.parametrize("written", [lambda rows: rows, lambda rows: rows.astype(str)])
def test_whole_numbers_that_became_floats_are_the_same_identifiers(tmp_path, written):
    write_extract(tmp_path, ROWS)
    rows = frame(tmp_path, "contact")
    rows["patient_id"] = written(rows["patient_id"].astype(float))
    rows.to_parquet(tmp_path / "contact.parquet")
    connection, report = read(tmp_path)
    assert counted(report) == {}
    assert fetch(connection, "SELECT count(*) FROM contact JOIN patient USING (patient_key)") == [(PEOPLE,)]


@pytest.mark.parametrize(
    ("written", "known"),
    [("7.0", True), ("7.00", True), ("7.5", False), ("007.0", False), ("07", False)],
)
def test_no_zero_is_invented_and_no_number_is_rounded(tmp_path, written, known):
    rows = {"patient": [person("7"), person("8")], "study": [], "contact": [(written, "2019-06-01", "visit")]}
    write_extract(tmp_path, rows)
    _, report = read(tmp_path)
    assert (("contact", "UNKNOWN_PATIENT") not in counted(report)) == known


@pytest.mark.parametrize(("before", "beside"), [(10, "A1"), (12_000, "A1"), (12_000, "12"), (0, "A1")])
def test_floats_are_whole_numbers_wherever_they_begin_and_whatever_is_beside_them(tmp_path, before, beside):
    contacts = [(beside, "2019-06-01", "visit")] * before + [("7.0", "2019-06-01", "visit")]
    rows = {"patient": [person("7"), person(beside)], "contact": contacts}
    write_extract(tmp_path, rows)
    connection, report = read(tmp_path)
    assert ("contact", "UNKNOWN_PATIENT") not in counted(report)
    assert (patient_key("7"),) in fetch(connection, "SELECT patient_key FROM contact")


@pytest.mark.parametrize("place", ["patient", "contact"])
def test_every_table_of_mixed_identifiers_is_repaired(tmp_path, place):
    names = {"patient": "7", "contact": "7"} | {place: "7.0"}
    rows = {
        "patient": [person(names["patient"]), person("A1")],
        "contact": [(names["contact"], "2019-06-01", "visit"), ("A1", "2019-06-01", "visit")],
    }
    write_extract(tmp_path, rows)
    connection, _ = read(tmp_path)
    assert fetch(connection, "SELECT patient_key FROM contact").count((patient_key("7"),)) == 1


def test_identifiers_with_a_fraction_are_no_floats(tmp_path):
    rows = {"patient": [person("7.0"), person("7.1")], "contact": [("7.0", "2019-06-01", "visit")]}
    write_extract(tmp_path, rows)
    connection, _ = read(tmp_path)
    assert fetch(connection, "SELECT patient_key FROM contact") == [(patient_key("7.0"),)]


@pytest.mark.parametrize("written", ["9007199254740993.0", "9.007199254740992e+15", "1E+16"])
def test_floats_in_text_that_lost_their_last_digits_are_refused_or_match_nobody(tmp_path, written):
    write_extract(tmp_path, {"patient": [person(written), person("A1")]})
    with pytest.raises(UserError, match=r"patient_id of table patient.*last digits"):
        read(tmp_path)
    rows = {"patient": [person("9007199254740993"), person("A1")], "contact": [(written, "2019-06-01", "visit")]}
    write_extract(tmp_path, rows)
    assert counted(read(tmp_path)[1])["contact", "UNKNOWN_PATIENT"] == 1


@pytest.mark.parametrize(
    ("one", "other", "kinds"),
    [
        ("part-0.csv", "part-1.parquet", "Parquet and text in columns"),
        ("part-0.parquet", "part-1.csv", "Parquet and text in columns"),
        ("part-0.ndjson", "part-1.csv.zst", "NDJSON and text in columns"),
        ("part-0.ndjson", "part-1.parquet", "NDJSON and Parquet"),
    ],
)
def test_parts_of_several_kinds_are_told(tmp_path, one, other, kinds):
    write_extract(tmp_path, ROWS)
    rows = frame(tmp_path, "study")
    (tmp_path / "study").mkdir()
    for part in (one, other):
        form = "study." + part.split(".", 1)[1]
        content = FORMS[form](rows) if form in FORMS else rows.to_csv(index=False).encode()
        (tmp_path / "study" / part).write_bytes(content)
    with pytest.raises(UserError, match=rf"parts of table study \(study\) are of several kinds: {kinds}"):
        read(tmp_path)


@pytest.mark.parametrize("word", ["NULL", "null", "UNKNOWN", "N/A", "None", "NaN", "#N/A", "<NA>", r"\N"])
def test_a_word_for_a_missing_identifier_joins_no_strangers(tmp_path, word):
    rows = {
        "patient": [person("1"), person("2", "1960-01-01", "M"), person(word)],
        "identity": [("1", word), ("2", word)],
        "contact": [(word, "2019-06-01", "visit")],
    }
    write_extract(tmp_path, rows)
    connection, report = read(tmp_path)
    assert fetch(connection, "SELECT count(*) FROM patient") == [(2,)]
    assert fetch(connection, "SELECT * FROM quarantine") == []
    assert counted(report)["patient", "MISSING_IDENTIFIER"] == 1
    assert counted(report)["contact", "MISSING_IDENTIFIER"] == 1


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
@pytest.mark.parametrize("word", ["NULL", r"\N", "NaT", "<NA>"])
def test_a_word_for_a_missing_value_is_missing_in_every_column(tmp_path, form, word):
    rows = {
        "patient": [person("1")],
        "study": [("S", "1", "2018-05-01 09:30:00", word)],
        "death": [("1", "2019-01-01", word)],
        "measurement": [("1", "S", "lvef", "35", "%", word)],
        "medication": [("1", "statin", word, word, "2018-01-01", word)],
    }
    write_extract(tmp_path, rows)
    for table in rows if form != "csv" else ():
        kept = pd.read_csv(tmp_path / f"{table}.csv", dtype=str, keep_default_na=False)
        (tmp_path / f"{table}.csv").unlink()
        if form == "parquet":
            kept.to_parquet(tmp_path / f"{table}.parquet")
        else:
            (tmp_path / f"{table}.ndjson").write_bytes(as_ndjson(kept))
    connection, report = read(tmp_path)
    assert counted(report) == {}
    assert fetch(connection, "SELECT measured_at::VARCHAR FROM measurement") == [("2018-05-01 09:30:00",)]
    assert fetch(connection, "SELECT dose, unit, ended_at FROM medication") == [(None, None, None)]


def test_a_missing_value_may_be_a_float_or_of_a_closed_list(tmp_path):
    write_extract(tmp_path, ROWS | {"medication": []})
    (tmp_path / "medication.csv").unlink()
    with duckdb.connect(str(tmp_path / "ehr.duckdb")) as database:
        database.execute(
            "CREATE TABLE medication AS SELECT '1' AS patient_id, 'statin' AS drug_class, 'NaN'::FLOAT AS dose, "
            "'NULL'::ENUM ('mg/d', 'NULL') AS unit, DATE '2018-01-01' AS started_at, NULL::DATE AS ended_at"
        )
    connection, report = read(tmp_path)
    assert fetch(connection, "SELECT dose, unit FROM medication") == [(None, None)]
    assert not [one for one in report.conflicts if one.table == "medication"]


def test_a_text_in_a_column_that_nobody_reads_may_be_long(tmp_path):
    write_extract(tmp_path, ROWS)
    rows = frame(tmp_path, "contact")
    rows.assign(note="x" * 3_000_000)[:1].to_csv(tmp_path / "contact.csv", index=False)
    assert read(tmp_path)[1].rows["contact"] == (1, 1, 0)


@pytest.mark.parametrize("ending", [".csv.bz2", ".csv.zip", ".xlsx", ".json"])
@pytest.mark.parametrize("table", ["contact", "identity"])
def test_a_table_in_a_file_that_is_not_read_is_refused_and_not_overlooked(tmp_path, table, ending):
    write_extract(tmp_path, ROWS)
    (tmp_path / f"{table}.csv").unlink()
    (tmp_path / f"{table}{ending}").write_bytes(b"x")
    with pytest.raises(UserError, match=f"table {table} is in a file of a kind that is not read \\({table}{ending}"):
        read(tmp_path)


def test_only_a_column_that_is_needed_may_not_be_there_twice(tmp_path):
    write_extract(tmp_path, ROWS)
    rows = frame(tmp_path, "study")
    rows.to_csv(tmp_path / "study.csv", index=False, header=["note", "note", *rows.columns[2:]])
    with pytest.raises(UserError, match="no column study_id"):
        read(tmp_path)
    rows.to_csv(tmp_path / "study.csv", index=False, header=["study_id", "patient_id", "study_at", "study_id"])
    with pytest.raises(UserError, match="a repeated column, study_id"):
        read(tmp_path)


def test_a_json_file_without_an_object_is_a_table_without_rows(tmp_path):
    write_extract(tmp_path, ROWS | {"death": [], "medication": []})
    for table, content in (("death", b""), ("medication", b"\n")):
        (tmp_path / f"{table}.csv").unlink()
        (tmp_path / f"{table}.ndjson").write_bytes(content)
    assert read(tmp_path)[1].rows["death"] == (0, 0, 0)


@pytest.mark.parametrize("kind", ["float64", "Int32", "boolean", "datetime64[ns]"])
def test_a_column_without_a_value_may_have_any_type(tmp_path, kind):
    write_extract(tmp_path, ROWS | {"patient": [(str(number), "1950-01-01", "", "") for number in range(PEOPLE)]})
    expected = fetch(read(tmp_path)[0], "SELECT * FROM patient ORDER BY ALL")
    rows = frame(tmp_path, "patient")
    empty = {name: pd.Series([None] * len(rows), dtype=kind) for name in ("sex", "race")}
    rows.assign(**empty).to_parquet(tmp_path / "patient.parquet")
    assert fetch(read(tmp_path)[0], "SELECT * FROM patient ORDER BY ALL") == expected


def test_a_number_in_32_bits_is_the_decimal_that_was_written(tmp_path):
    write_extract(tmp_path, ROWS | {"measurement": [("1", "", "creatinine", "1.2", "mg/dL", "2018-01-01")]})
    rows = frame(tmp_path, "measurement").astype({"value": "float32"})
    rows.to_parquet(tmp_path / "measurement.parquet")
    assert fetch(read(tmp_path)[0], "SELECT value FROM measurement") == [(1.2,)]


def views(folder, base):
    """Write a DuckDB file in ``folder`` whose tables are views of the CSV files in ``base``."""
    folder.mkdir(exist_ok=True)
    with duckdb.connect(str(folder / "ehr.duckdb")) as database:
        for path in sorted(base.glob("*.csv")):
            database.execute(f"CREATE VIEW {path.stem} AS FROM read_csv('{path}', all_varchar = true, header = true)")


def test_a_view_whose_base_is_gone_is_named(tmp_path):
    views(tmp_path / "ehr", write_extract(tmp_path / "base", ROWS))
    read(tmp_path / "ehr")[0].close()
    (tmp_path / "base" / "contact.csv").unlink()
    with pytest.raises(UserError, match=r"contact of ehr\.duckdb can't be read"):
        read(tmp_path / "ehr")
    with duckdb.connect(str(tmp_path / "ehr" / "ehr.duckdb")) as database:
        database.execute("CREATE TABLE gone (patient_id VARCHAR, birth_date VARCHAR, sex VARCHAR)")
        database.execute("CREATE OR REPLACE VIEW patient AS FROM gone")
        database.execute("DROP TABLE gone")
    with pytest.raises(UserError, match=r"patient of ehr\.duckdb can't be read"):
        read(tmp_path / "ehr")


def test_the_files_behind_views_are_found(tmp_path):
    views(tmp_path / "ehr", write_extract(tmp_path / "base", ROWS))
    assert files_behind_views(tmp_path / "ehr") == sorted((tmp_path / "base").glob("*.csv"))
    assert files_behind_views(tmp_path / "base") == []


def test_long_identifiers_that_a_float_has_rounded_are_refused(tmp_path):
    write_extract(tmp_path, ROWS)
    (tmp_path / "contact.csv").unlink()
    (tmp_path / "contact").mkdir()
    whole = {"patient_id": [9007199254740993], "contact_at": ["2019-06-01"], "kind": ["visit"]}
    pd.DataFrame(whole).to_parquet(tmp_path / "contact" / "part-0.parquet")
    pd.DataFrame(whole | {"patient_id": [None]}).astype({"patient_id": float}).to_parquet(
        tmp_path / "contact" / "part-1.parquet"
    )
    with pytest.raises(UserError, match=r"patient_id of table contact.*last digits: write identifiers"):
        read(tmp_path)


@pytest.mark.parametrize("form", ["parquet", "duckdb"])
def test_columns_are_found_whatever_their_case_signs_and_type(tmp_path, form):
    write_extract(tmp_path, {})
    (tmp_path / "patient.csv").unlink()
    select = """SELECT 7 AS "PATIENT ID", DATE '1950-03-04' AS " Birth-Date", 'F' AS "Sex ", '' AS RACE"""
    with duckdb.connect(str(tmp_path / "x.duckdb") if form == "duckdb" else ":memory:") as other:
        if form == "duckdb":
            other.execute(f"CREATE TABLE Patient AS {select}")
        else:
            other.execute(f"COPY ({select}) TO '{tmp_path}/patient.parquet'")
    connection = empty_warehouse()
    stage(connection, tmp_path, "canonical", KEYRING, "kept")
    assert fetch(connection, "SELECT patient_key, birth_date::VARCHAR, sex, race FROM patient") == [
        (patient_key("7"), "1950-03-04", "F", None)
    ]
