"""The worked example of docs/adapters.md: a hospital with a layout of its own, and what its mistakes say."""

import csv
import io
import re
import shutil
from pathlib import Path

import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch, patient_key

from assets.records.health_records import RECORDS
from assets.status import changed_parts
from echomort.core.errors import UserError
from echomort.settings import Outcome, Settings, Sources
from warehouse.adapters.extract import ExtractLocation, open_extract
from warehouse.staging.staging import stage
from warehouse.tables.feature.features import build
from warehouse.tables.outcome.outcomes import link

EXAMPLE = Path(__file__).parents[2] / "docs/adapter_example"
STAGED = "patient", "death", "contact", "study", "measurement", "diagnosis", "medication"
TABLES = {
    "patients": "mrn,dob,sex_code,deceased,deceased_on\nA1,1950-03-04,2,N,\nA2,1950-03-04,2,N,\nB1,1940-01-02,1,Y,\n",
    "mrn_merge": "old_mrn,new_mrn\nA2,A1\n",
    "encounters": "mrn,started,ended,class\nA1,2019-01-01 10:00:00,2019-06-01 10:00:00,IMP\n"
    "A1,2021-01-01 10:00:00,,TEL\nB1,2018-06-01 10:00:00,,AMB\n",
    "echo_reports": "accession,mrn,performed,ward\nE7,A2,2018-05-01 09:30:00,\nE8,B1,2018-05-02 09:30:00,4 Süd\n",
    "echo_values": "accession,item,result,unit\nE7,EF,55,%\nE7,LVIDd,48,mm\nE7,Mood,good,\n",
    "results": 'mrn,test,result,unit,released\nA1,K,"4,1",mmol/L,2018-04-01 10:00:00\n',
    "problems": "mrn,icd10,entered\nA1,I50.9,2018-01-01 10:00:00\n",
    "prescriptions": "mrn,atc,per_day_mg,from_day,to_day\nA1,C07AB02,100,2017-01-01,\nA1,N02BE01,500,2017-01-01,\n",
}


def european(text):
    """The same table as a European program exports it: semicolons, the day first, Latin-1."""
    with io.StringIO() as written:
        csv.writer(written, delimiter=";").writerows(csv.reader(io.StringIO(text)))
        return re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\3.\2.\1", written.getvalue()).encode("latin-1")


@pytest.fixture
def extract(tmp_path):
    """The hospital's export."""
    folder = tmp_path / "extract"
    folder.mkdir()
    for table, text in TABLES.items():
        (folder / f"{table}.csv").write_bytes(european(text))
    return ExtractLocation(folder, encoding="latin-1")


def test_only_the_maps_that_the_sql_reads_are_opened(extract):
    written = {name for path in EXAMPLE.glob("*.sql") for name in re.findall(r"map_[a-z_]+", path.read_text())}
    connection = empty_warehouse()
    with open_extract(connection, extract, str(EXAMPLE)):
        views = fetch(connection, "SELECT view_name FROM duckdb_views() WHERE view_name LIKE 'map\\_%' ESCAPE '\\'")
    assert {name for (name,) in views} == written


def test_the_same_export_in_iso_form_gives_the_same_tables(extract, tmp_path):
    """Macros for European forms leave others as they are."""
    plain = tmp_path / "plain"
    plain.mkdir()
    for table, text in TABLES.items():
        (plain / f"{table}.csv").write_text(text, encoding="utf-8")
    tables = []
    for place in (extract, plain):
        stage(connection := empty_warehouse(), place, str(EXAMPLE), KEYRING, "kept")
        tables.append([fetch(connection, f"SELECT * FROM {table} ORDER BY ALL") for table in STAGED])
    assert tables[0] == tables[1]
    assert all(tables[0])


def test_without_its_encoding_the_file_and_the_setting_are_named(extract):
    with pytest.raises(UserError, match=r"echo_reports.csv is not UTF-8 \(line 3, column ward\).*sources.encoding"):
        stage(empty_warehouse(), extract.folder, str(EXAMPLE), KEYRING, "kept")


@pytest.fixture
def adapter(tmp_path):
    """A copy of the example that a test may spoil."""
    return shutil.copytree(EXAMPLE, tmp_path / "adapter")


def test_it_is_under_a_hundred_lines_of_sql():
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in EXAMPLE.glob("*.sql")) < 100


def test_from_its_own_layout_to_outcomes_and_features(extract):
    connection = empty_warehouse()
    report = stage(connection, extract, str(EXAMPLE), KEYRING, "kept")
    link(connection, Outcome(require_full_window=False), KEYRING)
    build(connection)
    key = patient_key("A1")
    assert fetch(connection, f"SELECT days, label FROM outcome WHERE patient_key = '{key}'") == [(396, 0)]
    assert fetch(connection, f"SELECT reason FROM outcome WHERE patient_key <> '{key}'") == [
        ("EXCL_DEATH_DATE_UNKNOWN",)
    ]
    features = "SELECT lvef, lvidd, potassium, sex, dx_i50 FROM feature JOIN study USING (study_key)"
    assert fetch(connection, f"{features} WHERE patient_key = '{key}'") == [pytest.approx((55, 4.8, 4.1, 0, 1))]
    assert fetch(connection, "SELECT drug_class, dose FROM medication") == [("beta_blocker", 100)]
    assert counted(report)["contact", "NOT_FACE_TO_FACE"] == 1
    assert counted(report)["measurement", "NOT_A_NUMBER"] == 1
    assert fetch(connection, "SELECT adapter FROM staging") == [("adapter_example",)]


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("death.sql", None, ("no death.sql",)),
        ("death.sql", "SELECT mrn AS patient_id FROM raw_patient", ("death.sql", "can't be run", "raw_patient")),
        ("death.sql", "SELECT mrn AS patient_id, dob AS death_date FROM raw_patients", ("yields no column source",)),
        ("death.sql", "SELEC", ("death.sql", "can't be run")),
        ("contract.csv", "table,column\npatients,mrn\n", ("contract.csv", "no column required")),
        ("contract.csv", "table,column,required,type,meaning\nPatients,mrn,yes,,\n", ("plain identifier",)),
        ("calendar.sql", "SELECT 'lunar' AS calendar", ("calendar.sql", "'true' or 'own'")),
        ("contract.csv", "", ("contract.csv", "no column table")),
        ("contract.csv", "table,column,required,type,meaning\n", ("contract.csv", "no row below its header")),
        ("contract.csv", "table,column,required,type,type,meaning\n", ("contract.csv", "column type is there twice")),
        ("contract.csv", "table;column;required;type;meaning\n", ("contract.csv", "semicolons", "by commas")),
        ("names.csv", "name,variable,name\nLVEF,lvef,EF\n", ("names.csv", "column name is there twice")),
        ("death.sql", b"SELECT '\xe9'", ("death.sql", "can't be read", "UTF-8")),
        ("more.sql", b"SELECT '\xe9'", ("more.sql", "can't be read", "UTF-8")),
    ],
)
def test_a_mistake_in_an_adapter_names_the_file(extract, adapter, file, content, words):
    (adapter / file).unlink(missing_ok=True)
    if content is not None:
        (adapter / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as caught:
        stage(empty_warehouse(), extract, str(adapter), KEYRING, "kept")
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_files_that_a_spreadsheet_or_an_editor_marked_as_utf_8_are_read(extract, adapter):
    for path in adapter.iterdir():
        path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    connection = empty_warehouse()
    stage(connection, extract, str(adapter), KEYRING, "kept")
    assert fetch(connection, "SELECT drug_class, dose FROM medication") == [("beta_blocker", 100)]


def test_selects_of_its_own_are_computed_once_and_in_the_order_that_they_need(extract, adapter):
    """The first reads the second; both leave with the identifiers in them."""
    (adapter / "a_person.sql").write_text("SELECT mrn, sex FROM made_b_sex JOIN raw_patients USING (sex_code)")
    (adapter / "b_sex.sql").write_text("SELECT '1' AS sex_code, 'M' AS sex UNION ALL SELECT '2', 'F'")
    persons = "FROM raw_patients JOIN made_a_person USING (mrn)"
    (adapter / "patient.sql").write_text(f"SELECT mrn AS patient_id, dob AS birth_date, sex, NULL AS race {persons}")
    connection = empty_warehouse()
    stage(connection, extract, str(adapter), KEYRING, "kept")
    assert fetch(connection, "SELECT sex FROM patient ORDER BY sex") == [("F",), ("M",)]
    assert fetch(connection, "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'made_%'") == [(0,)]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.sql": "FROM made_b", "b.sql": "FROM made_a"}, ("a.sql", "b.sql", "read each other")),
        ({"Odd Name.sql": "SELECT 1"}, ("Odd Name.sql", "not a plain identifier")),
        ({"a.sql": "SELECT nothing FROM raw_patients"}, ("a.sql", "can't be run")),
    ],
)
def test_a_mistake_in_a_select_of_its_own_names_the_file(extract, adapter, files, words):
    for name, text in files.items():
        (adapter / name).write_text(text)
    with pytest.raises(UserError) as caught:
        stage(empty_warehouse(), extract, str(adapter), KEYRING, "kept")
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("file", ["measurement.sql", "a_value.sql"])
def test_a_cast_that_fails_is_told_without_the_value(extract, adapter, file):
    text = (
        (adapter / "measurement.sql").read_text() if file == "measurement.sql" else "SELECT result FROM raw_echo_values"
    )
    (adapter / file).write_text(text.replace("result", "CAST(result AS INTEGER)", 1))
    with pytest.raises(UserError, match="TRY_CAST") as caught:
        stage(empty_warehouse(), extract, str(adapter), KEYRING, "kept")
    assert "good" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_an_adapter_may_say_where_its_columns_come_from(extract, adapter):
    (adapter / "origins.csv").write_text("table,column,origin\nmeasurement,value,results.result\n")
    report = stage(empty_warehouse(), extract, str(adapter), KEYRING, "kept")
    said = next(str(one) for one in report.conflicts if one.reason == "NOT_A_NUMBER")
    assert said.startswith("table measurement, column value (from results.result): NOT_A_NUMBER in 1 row")


def recipe(adapter):
    return RECORDS.recipe(Settings(sources=Sources(adapter=str(adapter))))


def test_a_changed_file_of_an_adapter_is_named(adapter):
    before = recipe(adapter)
    (adapter / "names.csv").write_text("local,variable\nEF,lvef\n", encoding="utf-8")
    assert changed_parts(before, recipe(adapter)) == [f"{adapter.name}/names.csv"]


def test_a_comment_or_an_empty_line_in_an_adapter_changes_nothing(adapter):
    before = recipe(adapter)
    (adapter / "death.sql").write_text("-- a comment\n" + (adapter / "death.sql").read_text())
    (adapter / "names.csv").write_text((adapter / "names.csv").read_text() + "\n")
    assert recipe(adapter) == before


def test_another_adapter_is_another_setting():
    changed = changed_parts(recipe("canonical"), recipe("omop"))
    assert "setting sources.adapter" in changed
    assert "warehouse/adapters/omop/death.sql (new)" in changed
