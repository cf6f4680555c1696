"""What is said about rows that were set aside: table, column, how many, of whom, and what to do."""

import re
from datetime import date

import pytest
from extracts import KEYRING, empty_warehouse, patient_key, person, staged, write_extract

from assets.records.warnings import lost_rows, records_warnings
from docs.generators.contracts_table import lines
from echomort.core.errors import UserError
from echomort.settings import validate
from warehouse.adapters.extract import CANONICAL, contract, origins
from warehouse.queries import ROOT
from warehouse.staging.advice import DATE_COLUMNS, FORMS, advice, column
from warehouse.staging.staging import stage

STUDY = ("S", "P", "2018-05-01 09:30:00", "")
BAD = {
    ("contact", "FUTURE_DATE", "contact_at"): {"contact": [("P", "2090-01-01", "visit")]},
    ("measurement", "NOT_A_NUMBER", "value"): {"measurement": [("P", "", "sbp", "high", "kPa", "2018-01-01")]},
    ("diagnosis", "UNKNOWN_VOCABULARY", "vocabulary"): {"diagnosis": [("P", "SNOMED", "84114007", "2018-01-01")]},
    ("patient", "TWO_BIRTH_DATES", "birth_date"): {"patient": [person("P"), person("P", "1951-01-01")]},
    ("death", "SENTINEL_DATE", "death_date"): {"death": [("P", "9999-12-31", "registry")]},
}


@pytest.mark.parametrize(("table", "reason", "about"), BAD)
def test_a_row_set_aside_is_told_with_column_count_patient_and_remedy(tmp_path, table, reason, about):
    _, report = staged(tmp_path, {"patient": [person("P")], "study": [STUDY]} | BAD[table, reason, about])
    said = next(str(one) for one in report.conflicts if one.reason == reason)
    assert said.startswith(f"table {table}, column {about}: {reason} in 1 row (")
    assert patient_key("P")[:12] in said
    assert said.endswith(advice()[reason]["remedy"])
    assert not re.search(r"\b(P|high|2090|9999-12-31)\b", said)


def test_a_table_that_fails_as_a_whole_names_column_count_patient_and_remedy(tmp_path):
    rows = {"patient": [person("P")], "contact": [("P", "05/01/2018", "visit")] * 12}
    with pytest.raises(UserError) as caught:
        staged(tmp_path, rows)
    said = str(caught.value)
    for word in ("table contact", "column contact_at", "in all 12", patient_key("P")[:12], "YYYY-MM-DD"):
        assert word in said


EUROPEAN = "European and US forms in docs/adapters.md"


@pytest.mark.parametrize(
    ("table", "rows", "said"),
    [
        ("contact", [("P", "31.12.2017 08:30", "visit")], "day_first(...)"),
        ("contact", [("P", "12/31/2017 8:30 AM", "visit")], "month_first(...)"),
        ("measurement", [("P", "", "sbp", "120,5", "mmHg", "2018-01-01")], "decimal_comma(...)"),
    ],
)
def test_a_form_that_an_adapter_reads_is_named_with_the_way_to_it(tmp_path, table, rows, said):
    good = {"contact": ("P", "2018-01-01", "visit"), "measurement": ("P", "", "sbp", "120", "mmHg", "2018-01-01")}
    extract = {"patient": [person("P")], "study": [STUDY]}
    connection, report = staged(tmp_path / "most", extract | {table: [good[table], *rows * 11]})
    lost = lost_rows(connection, table).line(0.5)
    assert lost.startswith(f"11 of 12 rows of table {table}") and said in lost and EUROPEAN in lost
    noted = [one for one in report.conflicts if one.reason in FORMS.values()]
    assert [(one.table, one.count, one.action, one.lost) for one in noted] == [(table, 11, "noted", 0)]
    with pytest.raises(UserError, match="adapter new") as caught:
        staged(tmp_path / "all", extract | {table: rows * 12})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("contact", ("P", "12/31/17", "visit")),
        ("contact", ("P", "", "visit")),
        ("measurement", ("P", "", "sbp", "high", "mmHg", "2018-01-01")),
    ],
)
def test_no_adapter_is_named_for_what_none_can_read(tmp_path, table, row):
    good = {"contact": ("P", "2018-01-01", "visit"), "measurement": ("P", "", "sbp", "120", "mmHg", "2018-01-01")}
    connection, report = staged(
        tmp_path, {"patient": [person("P")], "study": [STUDY], table: [good[table], *[row] * 11]}
    )
    lost = lost_rows(connection, table).line(0.5)
    assert lost and EUROPEAN not in lost
    assert not any(one.reason in FORMS.values() for one in report.conflicts)


def test_an_extract_newer_than_the_day_that_is_set_is_said_first(tmp_path):
    rows = {"patient": [person("P")], "study": [STUDY], "contact": [("P", "2019-05-01", "visit")]}
    connection = empty_warehouse()
    location = write_extract(tmp_path / "ehr", rows)
    stage(connection, location, "canonical", KEYRING, "kept", extracted_on=date(2019, 1, 1))
    sources = {"dicom": "/", "ehr": str(location)}

    def warned(day: str | None) -> str:
        settings = validate({"sources": sources | {"extracted_on": day}})
        return next(line for _, line in records_warnings(connection, settings) if "FUTURE_DATE" in line)

    assert "(dropped); renew sources.extracted_on, or leave it out" in warned("2019-01-01")
    assert "(dropped); correct the date" in warned(None)
    assert "(dropped); correct the date" in warned(date.today().isoformat())


def test_every_reason_of_staging_has_advice_about_a_column_that_exists():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "staging").glob("*.sql")]
    reasons = set(
        re.findall(r"(?:THEN|ELSE|SELECT(?: patient_key,| 'death',)?) '([A-Z]+(?:_[A-Z0-9]+)+)'", " ".join(texts))
    )
    assert len(reasons) > 25
    assert reasons <= set(advice())
    known = {name for columns in CANONICAL.values() for name in columns} | {"status"}
    for reason in advice():
        for table in DATE_COLUMNS:
            assert set(filter(None, column(table, reason).split("/"))) <= known


def test_an_empty_table_of_persons_or_studies_is_told(tmp_path):
    _, report = staged(tmp_path, {})
    said = [str(one) for one in report.conflicts]
    assert [line.partition(" (")[0] for line in said] == [
        "table patient: EMPTY_TABLE in 0 rows",
        "table study: EMPTY_TABLE in 0 rows",
    ]
    assert all("add its rows" in line for line in said)


@pytest.mark.parametrize("adapter", ["omop", "mimic_iv", "fhir", "meds"])
def test_a_shipped_adapter_says_where_each_column_comes_from(adapter):
    raw = {(one.table, one.name) for one in contract(adapter)}
    tables = {table for table, _ in raw}
    for (table, name), origin in origins(adapter).items():
        assert name in CANONICAL[table]
        named = re.findall(r"([a-z_]+)\.([a-z_]+)", origin)
        assert named or any(table in origin for table in tables)
        assert set(named) <= raw
    dated = {(table, part) for table, names in DATE_COLUMNS.items() for part in names.split("/")}
    assert dated <= set(origins(adapter))


@pytest.mark.parametrize("adapter", ["omop", "mimic_iv", "fhir", "meds"])
def test_whatever_a_shipped_adapter_leaves_out_has_its_remedy(adapter):
    # FHIR and OMOP decide reasons in the SELECTs that left_out.sql counts.
    files = (ROOT / "adapters" / adapter).glob("*.sql" if adapter in ("fhir", "omop") else "left_out.sql")
    text = " ".join(path.read_text(encoding="utf-8") for path in files)
    reasons = set(re.findall(r"'([A-Z]+(?:_[A-Z0-9]+)+)'", text))
    assert reasons
    assert reasons <= set(advice())


def test_the_column_of_the_source_is_named_beside_ours(tmp_path):
    for table in {one.table for one in contract("omop")}:
        names = [one.name for one in contract("omop") if one.table == table]
        (tmp_path / f"{table}.csv").write_text(",".join(names) + "\n", encoding="utf-8")
    with (tmp_path / "person.csv").open("a") as file:
        file.write("7,P,nineteen,,,,,,,\n")
    with (tmp_path / "measurement.csv").open("a") as file:
        file.writelines(f"8,3016723,,,2018-01-{day},,,1.2,,,8840,,,,\n" for day in range(10, 22))
    with pytest.raises(UserError, match=r"table measurement, column patient_id \(from measurement.person_id") as caught:
        stage(empty_warehouse(), tmp_path, "omop", KEYRING, "kept")
    assert "UNKNOWN_PATIENT in all 12" in str(caught.value)


def test_the_page_of_contracts_is_what_the_adapters_read():
    page = (ROOT.parent / "docs" / "contracts.md").read_text(encoding="utf-8")
    assert page == "\n".join(lines()) + "\n", "run `python -m docs.generators.contracts_table > docs/contracts.md`"
