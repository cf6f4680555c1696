"""From files to canonical tables: what is read, what is set aside and counted, what stops with a message."""

import gzip
import re
from datetime import date, datetime

import pandas as pd
import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch, patient_key, person, staged, study_key, write_extract
from hypothesis import given
from hypothesis import strategies as st

from echomort.core.errors import UserError
from echomort.core.keys import Keyring
from echomort.settings import Outcome
from warehouse.adapters.extract import contract
from warehouse.checks.assertions import check
from warehouse.connection import connect, migrate
from warehouse.queries import ROOT, query, run
from warehouse.staging.staging import merge_record_numbers, stage
from warehouse.staging.vocabulary import vocabulary, words
from warehouse.tables.outcome.outcomes import link

STUDY = ("S", "P", "2018-05-01 09:30:00", "Outpatient")
TABLES = ("patient", "death", "contact", "study", "measurement", "diagnosis", "medication")


def full_extract():
    """Return one patient with a row in every table."""
    return {
        "patient": [person("P")],
        "death": [("P", "2019-05-01", "registry")],
        "contact": [("P", "2018-06-01 10:00:00", "visit")],
        "study": [STUDY],
        "measurement": [("P", "S", "lvef", 55, "%", "2018-05-01 09:30:00")],
        "diagnosis": [("P", "ICD-10-CM", "I50.9", "2018-01-01")],
        "medication": [("P", "Statin", 20, "mg", "2017-01-01", "")],
    }


# --- files --------------------------------------------------------------------------------------------------------


def read(folder):
    """Stage the extract in ``folder`` into an empty warehouse."""
    connection = empty_warehouse()
    stage(connection, folder, "canonical", KEYRING, "shifted")
    return connection


def test_every_table_arrives(tmp_path):
    connection, report = staged(tmp_path, full_extract(), "kept")
    assert report.rows == {table: (1, 1, 0) for table in TABLES}
    assert report.conflicts == ()
    assert fetch(connection, "SELECT * FROM study") == [
        (study_key("S"), patient_key("P"), datetime(2018, 5, 1, 9, 30), 2018, "outpatient", "US")
    ]
    assert fetch(connection, "SELECT vocabulary, code FROM diagnosis") == [("ICD10CM", "I509")]
    assert fetch(connection, "SELECT drug_class, dose, ended_at FROM medication") == [("statin", 20.0, None)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path, encoding):
    write_extract(tmp_path, full_extract())
    path = tmp_path / "patient.csv"
    path.write_text(path.read_text(encoding="utf-8"), encoding=encoding)
    assert fetch(read(tmp_path), "SELECT race FROM patient") == [("white",)]


def test_columns_are_found_by_name_in_any_order_and_others_are_ignored(tmp_path):
    write_extract(tmp_path, full_extract())
    (tmp_path / "patient.csv").write_text('Ward, SEX ,"patient_id",birth_date\n"4, north",F,P,1950-03-04\n')
    assert fetch(read(tmp_path), "SELECT sex, race FROM patient") == [("F", None)]


def test_parquet_and_compressed_csv_give_what_csv_gives(tmp_path):
    write_extract(tmp_path, full_extract())
    plain = [fetch(read(tmp_path), f"SELECT * FROM {table}") for table in TABLES]
    for table in ("study", "measurement"):
        pd.read_csv(tmp_path / f"{table}.csv").to_parquet(tmp_path / f"{table}.parquet")
        (tmp_path / f"{table}.csv").unlink()
    (tmp_path / "contact.csv.gz").write_bytes(gzip.compress((tmp_path / "contact.csv").read_bytes()))
    (tmp_path / "contact.csv").unlink()
    connection = read(tmp_path)
    assert [fetch(connection, f"SELECT * FROM {table}") for table in TABLES] == plain


def test_typed_parquet_columns_are_read_as_they_are(tmp_path):
    write_extract(tmp_path, full_extract())
    (tmp_path / "study.csv").unlink()
    moment = datetime(2018, 5, 1, 9, 30)
    frame = pd.DataFrame({"study_id": [77], "patient_id": ["P"], "study_at": [moment], "setting": ["x"]})
    frame.to_parquet(tmp_path / "study.parquet")
    assert fetch(read(tmp_path), "SELECT study_key FROM study") == [(study_key("77"),)]


def expect_error(folder, *words):
    """Assert that staging stops with one line that holds ``words``."""
    with pytest.raises(UserError) as caught:
        read(folder)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_missing_folder(tmp_path):
    expect_error(tmp_path / "nowhere", "does not exist", "sources.ehr")


@pytest.mark.parametrize("table", TABLES)
def test_a_missing_table_is_named(tmp_path, table):
    write_extract(tmp_path, full_extract())
    (tmp_path / f"{table}.csv").unlink()
    expect_error(tmp_path, f"no table {table}", f"{table}.csv")


def test_the_table_of_merged_numbers_may_be_missing(tmp_path):
    write_extract(tmp_path, full_extract())
    (tmp_path / "identity.csv").unlink()
    assert fetch(read(tmp_path), "SELECT count(*) FROM patient") == [(1,)]


def test_a_missing_column_is_named(tmp_path):
    write_extract(tmp_path, full_extract())
    (tmp_path / "death.csv").write_text("patient_id,date_of_death\nP,2019-05-01\n")
    expect_error(tmp_path, "table death", "no column death_date", "patient_id, death_date, source")


def test_another_separator_is_a_missing_column(tmp_path):
    write_extract(tmp_path, full_extract())
    (tmp_path / "death.csv").write_text("patient_id~death_date~source\nP~2019-05-01~x\n")
    expect_error(tmp_path, "table death", "commas")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("P,2019-05-01,registry\nsecret-7\n", ("line 3", "1 columns instead of 3")),
        ("P,2019-05-01,registry,secret-7\n", ("line 2", "4 columns instead of 3")),
        ('P,"secret-7,registry\nP,2019-05-01,x\n', ("line 2", "quotation mark")),
        (f"P,{'7' * 17_000_000},registry\n", ("line 2",)),
    ],
)
def test_a_malformed_line_is_named_and_not_quoted(tmp_path, content, words):
    write_extract(tmp_path, full_extract())
    (tmp_path / "death.csv").write_text("patient_id,death_date,source\n" + content)
    with pytest.raises(UserError) as caught:
        read(tmp_path)
    assert "death.csv" in str(caught.value)
    assert all(word in str(caught.value) for word in words)
    assert "secret" not in str(caught.value)
    assert "777" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_that_is_not_utf_8(tmp_path):
    write_extract(tmp_path, full_extract())
    (tmp_path / "contact.csv").write_bytes(
        "patient_id,contact_at,kind\nP,2018-06-01,Besuch für Müller\n".encode("latin-1")
    )
    expect_error(tmp_path, "contact.csv", "UTF-8")


def test_big_endian_utf_16_and_a_broken_parquet_file_are_refused(tmp_path):
    write_extract(tmp_path, full_extract())
    (tmp_path / "contact.csv").write_bytes(b"\xfe\xff" + "patient_id,contact_at,kind\n".encode("utf-16-be"))
    expect_error(tmp_path, "contact.csv", "UTF-16")
    (tmp_path / "contact.csv").unlink()
    (tmp_path / "contact.parquet").write_bytes(b"PAR1 and nothing else")
    expect_error(tmp_path, "contact.parquet", "not a readable Parquet file")


def cut(content):
    """Compress and lose the second half."""
    whole = gzip.compress(content)
    return whole[: len(whole) // 2]


def flip(content):
    """Compress and change one byte."""
    whole = bytearray(gzip.compress(content))
    whole[len(whole) // 2] ^= 255
    return bytes(whole)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("contact.csv.gz", cut),
        ("contact.csv.gz", flip),
        ("contact.csv", lambda content: content.replace(b"\r\n", b"\n", 40)),
        ("contact.csv", lambda content: content[:90] + b"\xff" + content[90:]),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, damage):
    write_extract(tmp_path, full_extract() | {"contact": [("P", "2018-05-01", f"{i * i}") for i in range(3000)]})
    content = (tmp_path / "contact.csv").read_bytes().replace(b",status", b"").replace(b",\r\n", b"\r\n")
    (tmp_path / "contact.csv").unlink()
    (tmp_path / name).write_bytes(damage(content))
    expect_error(tmp_path, name, "export" if name == "contact.csv.gz" or b"\xff" not in damage(content) else "UTF-8")


def test_a_compressed_file_that_is_not_one(tmp_path):
    write_extract(tmp_path, full_extract())
    (tmp_path / "contact.csv").rename(tmp_path / "contact.csv.gz")
    expect_error(tmp_path, "contact.csv.gz", "can't be read")


def test_a_table_given_twice_and_a_link_out_of_the_folder_are_refused(tmp_path):
    write_extract(tmp_path / "extract", full_extract())
    (tmp_path / "extract/contact.parquet").write_bytes(b"")
    expect_error(tmp_path / "extract", "table contact exists twice")
    (tmp_path / "extract/contact.parquet").unlink()
    (tmp_path / "extract/contact.csv").rename(tmp_path / "contact.csv")
    (tmp_path / "extract/contact.csv").symlink_to(tmp_path / "contact.csv")
    expect_error(tmp_path / "extract", "contact.csv", "leaves the folder")


def test_a_header_with_a_repeated_name(tmp_path):
    write_extract(tmp_path, full_extract())
    (tmp_path / "contact.csv").write_text("patient_id,kind,contact_at,kind\n")
    expect_error(tmp_path, "contact.csv", "repeated")


def test_an_unknown_adapter(tmp_path):
    with pytest.raises(UserError, match="known: canonical"):
        stage(empty_warehouse(), write_extract(tmp_path, {}), "../canonical", KEYRING, "shifted")


def test_tables_that_hold_only_their_header_give_empty_tables(tmp_path):
    connection, report = staged(tmp_path, {})
    assert report.rows == {table: (0, 0, 0) for table in TABLES}
    assert fetch(connection, "SELECT count(*) FROM study") == [(0,)]


@pytest.mark.parametrize(
    ("table", "rows", "words"),
    [
        ("study", [(f"S{i}", "P", "05/01/2018", "") for i in range(12)], ("UNREADABLE_DATE in all 12", "YYYY-MM-DD")),
        (
            "study",
            [(f"S{i}", "P", "2018-05-01T10:00:00+02:00", "") for i in range(12)],
            ("TIME_WITH_OFFSET in all 12", "sources.time_zone"),
        ),
        ("contact", [(f"{i}", "2018-05-01", "visit") for i in range(12)], ("UNKNOWN_PATIENT in all 12", "patient_id")),
        ("measurement", [("P", "", "sbp", "1,5", "kPa", "2018-05-01")] * 12, ("NOT_A_NUMBER", "decimal point")),
    ],
)
def test_a_table_of_which_no_row_can_be_used_stops_with_the_reason(tmp_path, table, rows, words):
    expect_error(write_extract(tmp_path, full_extract() | {table: rows}), f"table {table}", *words)


def test_a_failed_staging_leaves_what_was_there(tmp_path):
    write_extract(tmp_path / "good", full_extract())
    write_extract(tmp_path / "bad", full_extract())
    (tmp_path / "bad/medication.csv").write_text("patient_id,drug_class,started_at\nP,statin\n")
    with connect(tmp_path / "warehouse.duckdb") as connection:
        stage(connection, tmp_path / "good", "canonical", KEYRING, "shifted")
    with pytest.raises(UserError, match="medication"), connect(tmp_path / "warehouse.duckdb") as connection:
        stage(connection, tmp_path / "bad", "canonical", KEYRING, "shifted")
    with connect(tmp_path / "warehouse.duckdb", read_only=True) as connection:
        assert [fetch(connection, f"SELECT count(*) FROM {table}") for table in TABLES] == [[(1,)]] * len(TABLES)


# --- rows that are set aside, each with its count ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "row", "reason"),
    [
        ("death", ("nobody", "2019-05-01", "registry"), "UNKNOWN_PATIENT"),
        ("death", ("", "2019-05-01", "registry"), "MISSING_IDENTIFIER"),
        ("death", ("P", "1949-05-01", "registry"), "DEATH_BEFORE_BIRTH"),
        ("contact", ("nobody", "2018-05-01", "visit"), "UNKNOWN_PATIENT"),
        ("contact", ("P", "2090-01-01", "visit"), "FUTURE_DATE"),
        ("contact", ("P", "9999-12-31", "visit"), "SENTINEL_DATE"),
        ("contact", ("P", "1900-01-01", "visit"), "SENTINEL_DATE"),
        ("contact", ("P", "1066-10-14", "visit"), "IMPLAUSIBLE_DATE"),
        ("contact", ("P", "2018-02-30", "visit"), "UNREADABLE_DATE"),
        ("contact", ("P", "2018-05-01T10:00Z", "visit"), "TIME_WITH_OFFSET"),
        ("contact", ("P", "", "visit"), "MISSING_DATE"),
        ("contact", ("P", "2018-08-01", "Billing"), "NOT_EVIDENCE_OF_LIFE"),
        ("contact", ("P", "2019-07-02", "visit"), "CONTACT_AFTER_DEATH"),
        ("study", ("S2", "nobody", "2018-05-01", ""), "UNKNOWN_PATIENT"),
        ("study", ("", "P", "2018-05-01", ""), "MISSING_IDENTIFIER"),
        ("measurement", ("P", "", "sbp", "high", "mm[Hg]", "2018-05-01"), "NOT_A_NUMBER"),
        ("measurement", ("P", "", "sbp", "inf", "mm[Hg]", "2018-05-01"), "NOT_A_NUMBER"),
        ("measurement", ("P", "", "sbp", "1_20", "mm[Hg]", "2018-05-01"), "NOT_A_NUMBER"),
        ("measurement", ("P", "", "sbp", "", "mm[Hg]", "2018-05-01"), "MISSING_VALUE"),
        ("measurement", ("P", "", "", "120", "mm[Hg]", "2018-05-01"), "MISSING_VARIABLE"),
        ("measurement", ("P", "", "sbp", "120", "mm[Hg]", ""), "MISSING_DATE"),
        ("measurement", ("Q", "S", "lvef", "50", "%", "2018-05-01"), "STUDY_OF_ANOTHER_PATIENT"),
        ("diagnosis", ("P", "SNOMED", "84114007", "2018-05-01"), "UNKNOWN_VOCABULARY"),
        ("diagnosis", ("P", "ICD-10-PCS", "B245ZZ4", "2018-05-01"), "UNKNOWN_VOCABULARY"),
        ("diagnosis", ("P", "ICD10CM", " . ", "2018-05-01"), "MISSING_CODE"),
        ("medication", ("P", "", "", "", "2018-05-01", ""), "MISSING_DRUG_CLASS"),
    ],
)
def test_a_row_that_can_t_be_used_is_dropped_and_counted(tmp_path, table, row, reason):
    rows = full_extract() | {"patient": [person("P"), person("Q")]}
    rows[table] = [*rows[table], row]
    connection, report = staged(tmp_path, rows)
    assert counted(report)[table, reason] == 1
    assert report.rows[table] == (2, 1, 1)
    assert check(connection, "staging_reconciles") == 0


def test_a_value_that_can_t_be_used_is_nulled_and_its_row_kept(tmp_path):
    rows = full_extract() | {
        "patient": [person("P"), person("Q", "1900-01-01", "X"), person("R", "2090-01-01", "male")],
        "study": [STUDY, ("S2", "P", "2090-01-01", "")],
        "measurement": [("P", "elsewhere", "lvef", 55, "%", "2018-05-01")],
        "medication": [("P", "statin", "much", "mg", "2017-01-01", "2016-01-01")],
    }
    connection, report = staged(tmp_path, rows)
    assert counted(report) == {
        ("patient", "SENTINEL_DATE"): 1,
        ("patient", "FUTURE_DATE"): 1,
        ("patient", "UNKNOWN_SEX"): 1,
        ("study", "FUTURE_DATE"): 1,
        ("measurement", "UNKNOWN_STUDY"): 1,
        ("medication", "END_BEFORE_START"): 1,
        ("medication", "NOT_A_NUMBER"): 1,
    }
    assert fetch(connection, "SELECT sex FROM patient WHERE birth_date IS NULL ORDER BY sex") == [("M",), (None,)]
    assert fetch(connection, "SELECT count(*), count(study_at) FROM study") == [(2, 1)]
    assert fetch(connection, "SELECT study_key FROM measurement") == [(None,)]
    assert fetch(connection, "SELECT dose, ended_at FROM medication") == [(None, None)]


# --- words: no text that may be prose ever reaches a table --------------------------------------------------------

PROSE = "seen by Dr Smith"


def test_prose_in_a_column_of_codes_never_reaches_a_table(tmp_path):
    at = "2018-05-01 09:30:00"
    rows = {
        "patient": [("P", "1950-03-04", PROSE, PROSE), ("Q", PROSE, "F", "White")],
        "death": [("Q", PROSE, PROSE)],
        "contact": [("P", "2018-06-01", PROSE), ("P", PROSE, "visit")],
        "study": [("S", "P", at, PROSE)],
        "measurement": [
            ("P", "S", PROSE, 55, "%", at),
            ("P", "S", "lvef", 55, PROSE, at),
            ("P", "", "sbp", PROSE, "", at),
        ],
        "diagnosis": [
            ("P", PROSE, "I10", at),
            *(("P", "ICD10CM", text, at) for text in (PROSE, "SMITHJ", "I10 Smith")),
            ("P", "ICD9CM", "SMITH", at),
        ],
        "medication": [("P", PROSE, 20, "mg/d", at, ""), ("P", "statin", PROSE, PROSE, at, PROSE)],
    }
    connection, report = staged(tmp_path, rows)
    tables = [name for (name,) in fetch(connection, "SELECT table_name FROM duckdb_tables()")]
    stored = " ".join(str(fetch(connection, f"SELECT * FROM {table}")) for table in tables)
    assert "smith" not in stored.lower()
    assert "smith" not in " ".join(map(str, report.conflicts)).lower()
    assert fetch(connection, "SELECT race FROM patient WHERE sex IS NULL") == [("other",)]
    assert fetch(connection, "SELECT setting FROM study") == [("other",)]
    assert fetch(connection, "SELECT * FROM contact") == []
    assert fetch(connection, "SELECT variable, unit FROM measurement") == [("lvef", "other")]
    assert fetch(connection, "SELECT drug_class, dose, unit FROM medication") == [("statin", None, "other")]
    assert fetch(connection, "SELECT * FROM diagnosis") == []
    expected = {
        ("patient", "UNKNOWN_SEX"): 1,
        ("patient", "UNKNOWN_RACE"): 1,
        ("contact", "UNKNOWN_KIND"): 1,
        ("study", "UNKNOWN_SETTING"): 1,
        ("measurement", "UNKNOWN_VARIABLE"): 1,
        ("measurement", "UNKNOWN_UNIT"): 1,
        ("diagnosis", "NOT_A_CODE"): 4,
        ("diagnosis", "UNKNOWN_VOCABULARY"): 1,
        ("medication", "UNKNOWN_DRUG_CLASS"): 1,
        ("medication", "UNKNOWN_UNIT"): 1,
    }
    assert counted(report).items() >= expected.items()


def test_each_word_of_the_vocabulary_has_one_meaning_and_each_meaning_is_a_word():
    said = [(field, word) for field, word, _ in vocabulary()]
    assert len(set(said)) == len(said)
    assert all(word and word == word.strip().lower() and " " not in word for _, word in said)
    assert {(field, term.lower()) for field, _, term in vocabulary()} <= set(said)
    asked = set(re.findall(r"\('(\w+)', '\w+', (?:NULL|\d|CAST)", query("tables/clinical_score/clinical_input.sql")))
    assert asked == set(words("drug")) - {"other"}


RACES = [
    ("WHITE - RUSSIAN", "white"),
    ("Caucasian", "white"),
    ("Non-Hispanic White", "white"),
    ("white, not Hispanic or Latino", "white"),
    ("BLACK/AFRICAN AMERICAN", "black"),
    ("HISPANIC/LATINO - PUERTO RICAN", "hispanic"),
    ("ASIAN - SOUTH EAST ASIAN", "asian"),
    ("White; Not Hispanic or Latino", "white"),
    ("Not of Hispanic, Latino/a, or Spanish origin, Black", "black"),
    ("non-hispanic", None),
    ("White, ethnicity unknown", "white"),
    ("Other, declined", None),
    ("Filipino", "asian"),
    ("Asian Indian", "asian"),
    ("American Indian/Alaska Native", "native"),
    ("Native Hawaiian or Other Pacific Islander", "pacific"),
    ("Middle Eastern or North African", "other"),
    ("Blackfeet", "native"),
    ("Black African", "black"),
    ("Other", "other"),
    ("MULTIPLE RACE/ETHNICITY", "other"),
    ("Patient declined to answer", None),
    ("UNKNOWN", None),
    ("", None),
]


@pytest.fixture(scope="module")
def of_each_race(tmp_path_factory):
    """A warehouse with a patient for each of ``RACES``, and the report of its staging."""
    rows = {"patient": [(f"P{place}", "1950-03-04", "F", said) for place, (said, _) in enumerate(RACES)]}
    return staged(tmp_path_factory.mktemp("races"), rows)


@pytest.mark.parametrize(("said", "kept"), RACES)
def test_a_site_s_words_for_race_become_ours(of_each_race, said, kept):
    connection, _ = of_each_race
    key = patient_key(f"P{RACES.index((said, kept))}")
    assert fetch(connection, f"SELECT race FROM patient WHERE patient_key = '{key}'") == [(kept,)]


def test_no_word_for_race_is_set_aside(of_each_race):
    _, report = of_each_race
    assert counted(report) == {("study", "EMPTY_TABLE"): 0}


def test_words_are_known_by_their_beginning_and_in_any_case(tmp_path):
    rows = full_extract() | {
        "study": [("S", "P", "2018-05-01 09:30:00", "Emergency Department")],
        "contact": [("P", "2018-06-01", "Laboratory draw"), ("P", "2018-06-02", "Office visit")],
        "medication": [
            ("P", "Beta Blockers", 20, "mg / day", "2017-01-01", ""),
            ("P", "ACE-inhibitor", "", "", "2017-01-01", ""),
        ],
        "measurement": [("P", "S", "TAPSE", 18, " MM ", "2018-05-01 09:30:00")],
    }
    connection, report = staged(tmp_path, rows)
    assert report.conflicts == ()
    assert fetch(connection, "SELECT setting FROM study") == [("emergency",)]
    assert fetch(connection, "SELECT kind FROM contact ORDER BY kind") == [("laboratory",), ("visit",)]
    assert fetch(connection, "SELECT drug_class, unit FROM medication ORDER BY ALL") == [
        ("ace_inhibitor", None),
        ("beta_blocker", "mg/d"),
    ]
    assert fetch(connection, "SELECT variable, unit FROM measurement") == [("tapse", "mm")]


@pytest.mark.parametrize(
    "kind", ["no show", "No-show visit", "cancelled appointment", "visit missed", "deceased notice"]
)
def test_a_visit_that_did_not_happen_proves_no_life(tmp_path, kind):
    connection, report = staged(tmp_path, full_extract() | {"contact": [("P", "2018-06-01", kind)]})
    assert counted(report) == {("contact", "NOT_EVIDENCE_OF_LIFE"): 1}
    assert fetch(connection, "SELECT * FROM contact") == []


CODES = [
    ("ICD10CM", " i50.9 ", "I509"),
    ("icd-10-cm", "I50.", "I50"),
    ("ICD10", "e11.65", "E1165"),
    ("ICD-10-GM", "I50.14", "I5014"),
    ("ICD10GM2023", "E11.72+", "E1172"),
    ("ICD-10-GM 2019", "H36.0*", "H360"),
    ("ICD-10-AM", "I50.-", "I50"),
    ("ICD-10-CA", "I21.4", "I214"),
    ("ICD-10-WHO", "U07.1!", "U071"),
    ("ICD-10-GM", "I63.9 G", "I639"),
    ("ICD-10-GM", "I63.9GL", "I639"),
    ("ICD10GM2023", "I48.1- Z R", "I481"),
    ("ICD-10", "I63.9 G", "I639"),
    ("ICD-10-CM", "I63.9 A", None),
    ("ICD-10-GM", "I63.9 V", None),
    ("ICD-10-GM", "I63.9A", None),
    ("ICD-10-GM", "-I50", None),
    ("ICD10CM", "I1A.0", "I1A0"),
    ("ICD9CM", "4280   ", "4280"),
    ("ICD-9", "V45.02", "V4502"),
    ("ICD9", "E932.0", "E9320"),
    ("ICD10CM", "I5", None),
    ("ICD10CM", "428.0", None),
    ("ICD10CM", "I5.09", None),
    ("ICD10CM", "HF", None),
    ("ICD9CM", "I50.9", None),
    ("ICD9CM", "38.9", None),
    ("ICD9CM", "428.0.1", None),
]


@pytest.fixture(scope="module")
def of_each_code(tmp_path_factory):
    """A warehouse with a patient for each of ``CODES``, who has that diagnosis, and the report of its staging."""
    extract, names = full_extract(), [f"P{place}" for place in range(len(CODES))]
    rows = {
        "patient": [*extract["patient"], *map(person, names)],
        "diagnosis": [(name, *code[:2], "2018-01-01") for name, code in zip(names, CODES, strict=True)],
    }
    return staged(tmp_path_factory.mktemp("codes"), extract | rows)


@pytest.mark.parametrize(("vocabulary", "said", "kept"), CODES)
def test_a_diagnosis_has_the_form_of_a_code_of_its_vocabulary(of_each_code, vocabulary, said, kept):
    connection, _ = of_each_code
    key = patient_key(f"P{CODES.index((vocabulary, said, kept))}")
    found = fetch(connection, f"SELECT code FROM diagnosis WHERE patient_key = '{key}'")
    assert found == ([(kept,)] if kept else [])


def test_what_has_not_the_form_of_a_code_is_counted_and_nothing_else(of_each_code):
    _, report = of_each_code
    assert counted(report) == {
        ("diagnosis", "CONDITION_NOT_CONFIRMED"): 1,
        ("diagnosis", "CONDITION_REFUTED"): 1,
        ("diagnosis", "NOT_A_CODE"): sum(kept is None for *_, kept in CODES) - 2,
    }


def test_exact_duplicates_are_kept_once(tmp_path):
    once, (connection, report) = full_extract(), staged(tmp_path, {k: [*v, *v] for k, v in full_extract().items()})
    assert report.rows == {table: (2, 1, 1) for table in TABLES}
    assert {reason for _, reason in counted(report)} == {"EXACT_DUPLICATE"}
    assert fetch(connection, "SELECT count(*) FROM measurement") == [(len(once["measurement"]),)]


def test_one_study_number_with_two_times_or_two_patients(tmp_path):
    rows = {
        "patient": [person("P"), person("Q")],
        "study": [
            ("again", "P", "2018-05-02", ""),
            ("again", "P", "2018-05-01", ""),
            ("again", "P", "2018-05-01", ""),
            ("again", "nobody", "2018-04-01", ""),
            ("shared", "P", "2018-05-01", ""),
            ("shared", "Q", "2018-05-01", ""),
        ],
    }
    connection, report = staged(tmp_path, rows, "kept")
    assert fetch(connection, "SELECT study_key, study_at FROM study") == [(study_key("again"), datetime(2018, 5, 1))]
    expected = {"REPEATED_STUDY": 1, "EXACT_DUPLICATE": 1, "UNKNOWN_PATIENT": 1, "STUDY_OF_TWO_PATIENTS": 2}
    assert counted(report) == {("study", reason): count for reason, count in expected.items()}


def test_a_measurement_without_a_time_takes_that_of_its_study(tmp_path):
    rows = full_extract() | {"measurement": [("P", "S", "lvef", 55, "%", "")]}
    connection, _ = staged(tmp_path, rows, "kept")
    assert fetch(connection, "SELECT measured_at FROM measurement") == [(datetime(2018, 5, 1, 9, 30),)]


def test_what_contradicts_itself_quarantines_the_patient(tmp_path):
    rows = {
        "patient": [
            person("two births"),
            person("two births", "1980-01-01"),
            person("two sexes"),
            person("two sexes", sex="M"),
            person("unborn", "2019-01-01"),
            person("fine"),
            person("fine", None, ""),
        ],
        "study": [("S", "unborn", "2018-05-01", "")],
    }
    connection, report = staged(tmp_path, rows)
    expected = {("two births", "TWO_BIRTH_DATES"), ("two sexes", "TWO_SEXES"), ("unborn", "STUDY_BEFORE_BIRTH")}
    assert set(fetch(connection, "SELECT * FROM quarantine")) == {(patient_key(who), why) for who, why in expected}
    assert all(counted(report)["patient", reason] == 1 for _, reason in expected)
    assert fetch(connection, "SELECT count(*) FROM patient WHERE birth_date IS NULL OR sex IS NULL") == [(2,)]


def test_partial_dates_of_death_are_intervals(tmp_path):
    rows = {
        "patient": [person("P"), person("Q"), person("R")],
        "death": [("P", "2016-02", "state"), ("Q", "2017-00-00", "EHR"), ("R", "2016-02-29", "discharge")],
    }
    connection, report = staged(tmp_path, rows, "kept")
    assert set(fetch(connection, "SELECT precision, death_date, latest_date, source FROM death")) == {
        ("month", date(2016, 2, 1), date(2016, 2, 29), "registry"),
        ("year", date(2017, 1, 1), date(2017, 12, 31), "record"),
        ("day", date(2016, 2, 29), date(2016, 2, 29), "hospital"),
    }
    assert counted(report) == {("death", "PARTIAL_DATE"): 2, ("study", "EMPTY_TABLE"): 0}


def test_deaths_that_disagree_are_noted(tmp_path):
    rows = {
        "patient": [person("P"), person("Q")],
        "death": [
            ("P", "2019-05-01", "registry"),
            ("P", "2019-05-08", "ehr"),
            ("Q", "2019-05-01", "registry"),
            ("Q", "2019-05-09", "ehr"),
        ],
    }
    _, report = staged(tmp_path, rows)
    assert counted(report) == {
        ("death", "DEATH_DATES_WITHIN_7_DAYS"): 1,
        ("death", "DEATH_DATES_FURTHER_APART"): 1,
        ("study", "EMPTY_TABLE"): 0,
    }


# --- one person, several numbers ----------------------------------------------------------------------------------


def test_record_numbers_of_one_person_become_one_patient(tmp_path):
    rows = {
        "patient": [person("C"), person("C"), person("B"), person("A"), person("A"), person("Z")],
        "identity": [("C", "B"), ("B", "A"), ("A", "C"), ("Z", "Z"), ("", "A")],
        "study": [("S1", "C", "2018-05-01", ""), ("S2", "B", "2018-06-01", ""), ("S1", "A", "2018-05-01", "")],
        "contact": [("A", "2018-07-01", "visit"), ("B", "2018-07-01", "visit")],
    }
    connection, report = staged(tmp_path, rows)
    assert fetch(connection, "SELECT DISTINCT patient_key FROM study") == [(patient_key("A"),)]
    assert report.rows["study"] == (3, 2, 1)
    assert report.rows["contact"] == (2, 1, 1)
    assert counted(report)["identity", "MERGED_RECORD_NUMBER"] == 2
    assert (counted(report)["patient", "EXACT_DUPLICATE"], report.rows["patient"]) == (2, (6, 2, 4))
    assert check(connection, "staging_reconciles") == 0
    assert dict(fetch(connection, "SELECT * FROM patient_alias")) == {
        patient_key(number): patient_key("A" if number in "ABC" else number) for number in "ABCZ"
    }
    assert report.identifiers["patient"][patient_key("C")] == "C"


NUMBERS = st.sampled_from([f"{n}" for n in range(12)])


@given(pairs=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=20), data=st.data())
def test_merging_does_not_depend_on_order_or_direction_and_leaves_nobody_in_two_persons(pairs, data):
    merged = merge_record_numbers(pairs)
    assert all(merged[one] == merged[other] for one, other in pairs)
    assert all(merged[person] == person <= number for number, person in merged.items())
    turned = [pair[::-1] if data.draw(st.booleans()) else pair for pair in data.draw(st.permutations(pairs))]
    assert merge_record_numbers(turned) == merged


def test_a_number_that_is_only_merged_is_known_and_one_never_seen_is_not(tmp_path):
    rows = {
        "patient": [person("new")],
        "identity": [("old", "new"), ("x", "y")],
        "study": [("S1", "old", "2018-05-01", ""), ("S2", "x", "2018-05-01", "")],
    }
    connection, report = staged(tmp_path, rows)
    assert fetch(connection, "SELECT study_key FROM study") == [(study_key("S1"),)]
    assert counted(report)["study", "UNKNOWN_PATIENT"] == 1


# --- pseudonyms and dates -----------------------------------------------------------------------------------------


def test_every_date_of_a_patient_moves_by_one_offset_and_the_year_stays_true(tmp_path):
    kept, _ = staged(tmp_path / "kept", full_extract(), "kept")
    shifted, _ = staged(tmp_path / "shifted", full_extract(), "shifted")
    days = KEYRING.shift_days(patient_key("P"))
    dated = {
        "patient": "birth_date",
        "death": "death_date",
        "contact": "contact_at",
        "study": "study_at",
        "measurement": "measured_at",
        "diagnosis": "recorded_at",
        "medication": "started_at",
    }
    for table, column in dated.items():
        ((true,),) = fetch(kept, f"SELECT {column} FROM {table}")
        ((moved,),) = fetch(shifted, f"SELECT {column} FROM {table}")
        assert (true - moved).days == days
    assert fetch(shifted, "SELECT study_year FROM study") == [(2018,)]


def test_no_identifier_and_no_true_date_reaches_the_file(tmp_path):
    number, study = "MRN-4711-canary", "1.2.840.99.canary.7"
    rows = {
        "patient": [person(number, "1947-11-23")],
        "study": [(study, number, "2016-09-19 07:41:00", "")],
        "contact": [(number, "2018-07-01", "visit")],
        "measurement": [(number, study, "lvef", 55, "%", "")],
    }
    path = tmp_path / "warehouse.duckdb"
    with connect(path) as connection:
        stage(connection, write_extract(tmp_path / "extract", rows), "canonical", KEYRING, "shifted")
    content = b"".join(file.read_bytes() for file in tmp_path.glob("warehouse.duckdb*") if file.is_file())
    assert b"canary" not in content
    assert b"4711" not in content
    with connect(path, read_only=True) as connection:
        texts = str([fetch(connection, f"SELECT * FROM {table}") for table in (*TABLES, "patient_alias", "staging")])
    assert "datetime.date(1947, 11, 23)" not in texts
    assert number not in texts


def test_another_key_gives_other_pseudonyms(tmp_path):
    other = Keyring(b"another key, as long as it has to be")
    connection, _ = staged(tmp_path, full_extract(), keyring=other)
    assert fetch(connection, "SELECT patient_key FROM patient") == [(other.pseudonym("patient", "P"),)]
    assert fetch(connection, "SELECT key_id FROM staging") == [(other.key_id,)]


def test_staging_again_gives_the_same_tables(tmp_path):
    connection, first = staged(tmp_path, full_extract())
    before = [fetch(connection, f"SELECT * FROM {table}") for table in (*TABLES, "conflict")]
    assert stage(connection, tmp_path, "canonical", KEYRING, "shifted") == first
    assert [fetch(connection, f"SELECT * FROM {table}") for table in (*TABLES, "conflict")] == before


# --- SQL files ----------------------------------------------------------------------------------------------------


def test_a_patient_s_rows_lie_together_in_time(tmp_path):
    days = [f"20{year}-0{month}-11 08:00:00" for month in (3, 1, 2) for year in (19, 17, 18)]
    names = [f"P{number}" for number in range(9)]
    rows = {
        "patient": [person(name) for name in names],
        "study": [(f"{name} {day}", name, day, "") for day in days for name in names],
        "contact": [(name, day, "visit") for day in days for name in names],
        "measurement": [(name, "", "sbp", 120, "mm[Hg]", day) for day in days for name in names],
    }
    connection, _ = staged(tmp_path, rows)
    for table, moment in (("study", "study_at"), ("contact", "contact_at")):
        found = fetch(connection, f"SELECT patient_key, {moment} FROM {table}")
        assert len(found) == 81 and found == sorted(found)
    keys = [key for (key,) in fetch(connection, "SELECT patient_key FROM measurement")]
    assert len(keys) == 81 and keys == sorted(keys)


def test_a_warehouse_of_before_keeps_its_studies_and_outcomes(tmp_path):
    connection, _ = staged(tmp_path, full_extract())
    link(connection, Outcome(), KEYRING)
    tables = ("study", "outcome")
    before = {table: (fetch(connection, f"FROM {table}"), fetch(connection, f"DESCRIBE {table}")) for table in tables}
    assert all(rows for rows, _ in before.values())
    connection.execute("DELETE FROM migration WHERE name = '0007_plain_keys'")
    migrate(connection)
    assert {t: (fetch(connection, f"FROM {t}"), fetch(connection, f"DESCRIBE {t}")) for t in tables} == before


def test_only_sql_files_of_the_warehouse_can_be_run():
    with pytest.raises(ValueError, match="not an SQL file"):
        query("../pyproject.toml")


def test_a_parameter_that_no_statement_names_is_an_error():
    with pytest.raises(ValueError, match="no parameter tabel"):
        run(empty_warehouse(), "staging/unusable.sql", table="study", tabel="study")


# --- documents and dirt that nobody thought of ----------------------------------------------------------------------

WEIRD = (
    *("infinity", "-infinity", "0044-03-15 (BC)", "294247-01-10", "9999-12-31 23:59:59", "0000-00-00", "epoch"),
    *(
        "-4713-01-01",
        "2018-05-01 25:00",
        "12:30",
        "now",
        "2018-13",
        "5000-00",
        "99999",
        "2018-05-01T10:00:00.123456789",
    ),
)


@pytest.mark.parametrize("dates", ["shifted", "kept"])
def test_no_text_in_a_date_or_a_value_stops_staging(tmp_path, dates):
    rows = {
        "patient": [person("P\t"), *(person(f"P{place}", text) for place, text in enumerate(WEIRD))],
        "death": [(f"P{place}", text, "x") for place, text in enumerate(WEIRD)],
        "study": [(f"S{place}", "P", text, "") for place, text in enumerate(WEIRD)],
        "contact": [("P", text, "visit") for text in WEIRD],
        "measurement": [("P", "S1", "sbp", text, "kPa", text) for text in (*WEIRD, "1e400", "0x10", "nan", "=cmd()")],
        "diagnosis": [("P", "ICD10CM", "I10", text) for text in (*WEIRD, "2018-05-01")],
        "medication": [("P", "statin", text, "mg", "2018-05-01", text) for text in WEIRD],
    }
    connection, report = staged(tmp_path, rows, dates)
    assert all(read == kept + dropped for read, kept, dropped in report.rows.values())
    assert check(connection, "staging_reconciles") == 0


def test_the_contract_is_documented_column_by_column_and_reason_by_reason():
    text = (ROOT.parent / "docs/data_contract.md").read_text(encoding="utf-8")
    for column in contract("canonical"):
        assert f"`{column.name}`" in text
        assert f"`{column.table}`" in text
    sources = [path.read_text() for folder in ("staging", "tables", "reads") for path in (ROOT / folder).rglob("*.sql")]
    both = text + (ROOT.parent / "docs/outcome.md").read_text(encoding="utf-8")
    reasons = set(re.findall(r"(?:THEN|ELSE|SELECT) '([A-Z]+(?:_[A-Z0-9]+)+)'", " ".join(sources)))
    assert len(reasons) > 30
    assert {reason for reason in reasons if f"`{reason}`" not in both} <= {"ROLE_READER", "ROLE_HEART_FAILURE"}
