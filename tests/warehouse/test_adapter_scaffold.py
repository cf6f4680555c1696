"""An adapter that is begun from a look at an extract, and all that is wrong with one, said at once."""

import re
from datetime import date

import pytest
from extracts import HEADERS, KEYRING, clean_records, empty_warehouse, fetch, write_extract

from echomort.core.errors import UserError
from warehouse.adapters.checking import check_adapter
from warehouse.adapters.extract import CANONICAL, ExtractLocation, contract, define_macros, open_extract
from warehouse.adapters.headers import plain_name
from warehouse.adapters.raw import Extract
from warehouse.adapters.scaffold import Forms, column_words, look, write_adapter
from warehouse.connection import connect_to_nothing
from warehouse.staging.staging import stage

GERMAN = {
    "patient": (
        "Patienten",
        {"patient_id": "Patientennummer", "birth_date": "Geb.-Datum", "sex": "Geschlecht", "race": "race"},
    ),
    "death": ("Sterbefälle", {"patient_id": "Patientennummer", "death_date": "Verstorben am", "source": "source"}),
    "contact": ("Aufenthalte", {"patient_id": "Patientennummer", "contact_at": "Aufnahme am", "kind": "Fallart"}),
    "study": (
        "Echo-Befunde",
        {
            "study_id": "Auftragsnummer", "patient_id": "Patientennummer", "study_at": "Untersucht am",
            "setting": "setting",
        },
    ),
    "measurement": (
        "Messwerte",
        {
            "patient_id": "Patientennummer", "study_id": "Auftragsnummer", "variable": "Parameter", "value": "Wert",
            "unit": "Einheit", "measured_at": "Gemessen am",
        },
    ),
    "diagnosis": (
        "Diagnosen",
        {"patient_id": "Patientennummer", "vocabulary": "Katalog", "code": "ICD10", "recorded_at": "Dokumentiert am"},
    ),
    "medication": (
        "Medikation",
        {
            "patient_id": "Patientennummer", "drug_class": "Wirkstoffklasse", "dose": "Dosis", "unit": "Dosiseinheit",
            "started_at": "Beginn", "ended_at": "Ende",
        },
    ),
}  # fmt: skip
"""Canonical table -> the name of a German one, and of its columns."""


def european(cell):
    """A cell as a German program writes it."""
    text = "" if cell is None else str(cell)
    text = re.sub(r"^(\d{4})-(\d\d)-(\d\d)(?= |$)", r"\3.\2.\1", text)
    return re.sub(r"^(\d+)\.(\d+)$", r"\1,\2", text)


def write_german(folder, rows):
    """Write canonical ``rows`` as a German hospital's program exports them: semicolons, Latin-1, its own names."""
    folder.mkdir()
    for table, (name, columns) in GERMAN.items():
        places = [HEADERS[table].index(column) for column in columns]
        lines = [";".join(columns.values())]
        for row in rows.get(table, ()):
            whole = [*row, *[None] * (len(HEADERS[table]) - len(row))]
            lines.append(";".join(european(whole[place]) for place in places))
        (folder / f"{name}.csv").write_bytes(("\n".join(lines) + "\n").encode("latin-1"))
    return ExtractLocation(folder, encoding="latin-1")


def begun(folder, location):
    """An adapter, and the one line that a person corrects: that all studies of the table are echocardiographies."""
    taken = write_adapter(folder, look(location))
    path = folder / "study.sql"
    path.write_text(re.sub("NULL AS modality,.*", "'US' AS modality,", path.read_text()))
    return taken


def tables_of(location, adapter):
    stage(connection := empty_warehouse(), location, str(adapter), KEYRING, "kept")
    return {table: fetch(connection, f"SELECT * FROM {table} ORDER BY ALL") for table in GERMAN}


@pytest.fixture
def rows():
    found = clean_records(3, patients=12)
    found["medication"] = [(*row[:2], 12.5, *row[3:]) for row in found["medication"]]
    found["contact"] = [(patient, at, "ambulatory") for patient, at, _ in found["contact"]]
    return found


def test_what_is_begun_reads_a_german_export_as_the_canonical_one(tmp_path, rows):
    """Nothing is lost by other names, separators, letters, dates and decimal commas."""
    location = write_german(tmp_path / "export", rows)
    taken = begun(tmp_path / "own", location)
    assert taken == {table: plain_name(GERMAN[table][0]) if table in GERMAN else None for table in CANONICAL}
    assert check_adapter(location, str(tmp_path / "own")).problems == []
    plain = write_extract(tmp_path / "plain", rows)
    found, expected = tables_of(location, tmp_path / "own"), tables_of(plain, "canonical")
    assert all(expected.values())
    assert found == expected


def test_the_canonical_layout_is_recognised_by_its_own_names(tmp_path, rows):
    taken = begun(tmp_path / "own", ExtractLocation(write_extract(tmp_path / "plain", rows)))
    assert taken == {table: table for table in CANONICAL}
    assert tables_of(tmp_path / "plain", tmp_path / "own") == tables_of(tmp_path / "plain", "canonical")


def test_every_canonical_column_has_words_or_a_hint():
    words = column_words()
    assert {table: tuple(columns) for table, columns in words.items()} == CANONICAL | {
        "contact": (*CANONICAL["contact"], "status")
    }
    assert all(column in words[table][column].names for table in CANONICAL for column in CANONICAL[table])


def test_the_living_of_a_table_of_patients_are_no_deaths(tmp_path):
    (tmp_path / "patients.csv").write_text("mrn,dob,deceased_on\n1,1950-01-01,\n2,1940-01-01,2019-01-01\n")
    write_adapter(tmp_path / "own", look(ExtractLocation(tmp_path)))
    assert check_adapter(ExtractLocation(tmp_path), str(tmp_path / "own")).rows["death"] == 1


def test_a_column_may_be_called_as_a_word_of_sql(tmp_path):
    (tmp_path / "drugs.csv").write_text("mrn,atc,von,ende,group,end_date\n1,C07,2019-01-01,,x,2019-02-01\n")
    write_adapter(tmp_path / "own", look(ExtractLocation(tmp_path)))
    (tmp_path / "own" / "patient.sql").write_text(
        'SELECT mrn AS patient_id, "group" AS birth_date, NULL AS sex, NULL AS race FROM raw_drugs'
    )
    assert check_adapter(ExtractLocation(tmp_path), str(tmp_path / "own")).rows["medication"] == 1


def test_nothing_that_is_written_holds_a_cell(tmp_path, rows):
    rows["patient"] = [(patient, birth, sex, "Canary") for patient, birth, sex, _ in rows["patient"]]
    location = write_german(tmp_path / "export", rows)
    write_adapter(tmp_path / "own", look(location))
    written = "".join(path.read_text() for path in (tmp_path / "own").iterdir())
    for row in rows["patient"]:
        assert row[0] not in written and str(row[1]) not in written
    assert "Canary" not in written


def test_an_adapter_that_exists_is_not_overwritten(tmp_path, rows):
    location = ExtractLocation(write_extract(tmp_path / "plain", rows))
    write_adapter(tmp_path / "own", look(location))
    with pytest.raises(UserError, match="exists already"):
        write_adapter(tmp_path / "own", look(location))


def test_a_folder_without_tables_is_named(tmp_path):
    with pytest.raises(UserError, match="holds no table"):
        look(ExtractLocation(tmp_path))


def test_all_that_is_wrong_is_said_at_once(tmp_path, rows):
    """Run by run, each of these would be found after the one before it was mended."""
    location = write_german(tmp_path / "export", rows)
    own = tmp_path / "own"
    write_adapter(own, look(location))
    (tmp_path / "export" / "Medikation.csv").unlink()
    aufenthalte = tmp_path / "export" / "Aufenthalte.csv"
    aufenthalte.write_bytes(aufenthalte.read_bytes().replace(b"Fallart", b"Art"))
    echo = tmp_path / "export" / "Echo-Befunde.csv"
    echo.write_bytes(echo.read_bytes() + b"one;two\n")
    for name in ("patient", "measurement"):
        path = own / f"{name}.sql"
        path.write_text(path.read_text().replace("day_first(", "(").replace("decimal_comma(", "("))
    (own / "diagnosis.sql").write_text("SELECT patientennummer AS patient_id FRM raw_diagnosen")
    (own / "identity.sql").write_text("SELECT NULL AS patient_id WHERE false")
    said = check_adapter(location, str(own)).problems
    expected = (
        "no table medikation",
        r"aufenthalte \(Aufenthalte.csv\) has no column fallart",
        r"Echo-Befunde.csv is malformed at line \d+: 2 columns instead of 4",
        r"patient.birth_date can't be read where it is 99.99.9999 \(12 rows\); write day_first\(...\) around it",
        r"measurement.measured_at can't be read where it is 99.99.9999 99:99:99 \(\d+ rows\); write day_first",
        "diagnosis.sql of the adapter can't be run",
        "identity.sql of the adapter yields no column same_as",
    )
    for pattern in expected:
        assert sum(bool(re.search(pattern, line)) for line in said) == 1, (pattern, said)
    assert len(said) == len(expected), said


def test_forms_are_said_and_never_cells(tmp_path, rows):
    told = "born in Springfield, as her sister Mary said"
    rows["patient"] = [(patient, told, sex) for patient, _, sex, _ in rows["patient"]]
    rows["death"] = [(patient, "Juni 2019", source) for patient, _, source in rows["death"]]
    said = check_adapter(ExtractLocation(write_extract(tmp_path, rows)), "canonical").problems
    assert any("patient.birth_date can't be read where it is text of 44 characters (12 rows)" in one for one in said)
    assert any("death.death_date can't be read where it is aaaa 9999" in one for one in said)
    assert "Springfield" not in str(said) and "Juni" not in str(said)


def test_a_clean_extract_of_a_shipped_layout_has_no_problem(tmp_path, rows):
    findings = check_adapter(ExtractLocation(write_extract(tmp_path, rows)), "canonical")
    assert findings.problems == []
    assert findings.rows == {table: len(rows.get(table, ())) for table in CANONICAL}


def test_partial_dates_of_birth_and_death_are_read(tmp_path, rows):
    rows["patient"] = [(patient, "1950", sex, race) for patient, _, sex, race in rows["patient"]]
    rows["death"] = [(patient, "2019-05", source) for patient, _, source in rows["death"]]
    assert check_adapter(ExtractLocation(write_extract(tmp_path, rows)), "canonical").problems == []


def test_the_contract_that_is_begun_requires_what_is_read(tmp_path, rows):
    write_adapter(tmp_path / "own", look(write_german(tmp_path / "export", rows)))
    required = {(one.table, one.name) for one in contract(str(tmp_path / "own")) if one.required == "yes"}
    assert ("patienten", "geb_datum") in required and ("messwerte", "wert") in required


BIRTHS = "patient_id,birth_date,sex\n1,1950-01-01,F\n2,1951-01-01,M\n3,1952-01-01,F\n"


def dead_of(tmp_path, files):
    """The record numbers of the dead, with their dates, as the SQL of a begun adapter reads them."""
    folder = tmp_path / "ehr"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    location = ExtractLocation(folder)
    write_adapter(tmp_path / "own", look(location))
    with connect_to_nothing() as connection:
        extract = Extract(connection, folder)
        define_macros(connection, location)
        for table in {column.table for column in contract(str(tmp_path / "own"))}:
            extract.open([column for column in contract(str(tmp_path / "own")) if column.table == table])
        rows = connection.execute((tmp_path / "own/death.sql").read_text()).fetchall()
    return {str(patient): None if date is None else str(date)[:10] for patient, date, _ in rows}


@pytest.mark.parametrize("table", ["death", "deaths", "Todesfaelle", "mortality", "deces"])
def test_a_table_of_deaths_loses_no_death_without_a_date(tmp_path, table):
    deaths = "patient_id,death_date\n1,2020-01-01\n2,\n"
    assert dead_of(tmp_path, {"patient": BIRTHS, table: deaths}) == {"1": "2020-01-01", "2": None}


@pytest.mark.parametrize("table", ["vital_status", "person"])
def test_a_table_with_the_living_gives_those_with_a_date_alone(tmp_path, table):
    people = "patient_id,death_date\n1,2020-01-01\n2,\n3,\n"
    assert dead_of(tmp_path, {"demographics": BIRTHS, table: people}) == {"1": "2020-01-01"}


@pytest.mark.parametrize(
    ("flag", "dead", "alive"), [("deceased", "Y", "N"), ("vital_status", "dead", "alive"), ("is_dead", "1", "0")]
)
def test_who_is_called_dead_is_dead_without_a_date_too(tmp_path, flag, dead, alive):
    people = f"patient_id,birth_date,sex,date_of_death,{flag}\n1,1950-01-01,F,2020-01-01,{dead}\n"
    people += f"2,1951-01-01,M,,{dead}\n3,1952-01-01,F,,{alive}\n"
    assert dead_of(tmp_path, {"patients": people}) == {"1": "2020-01-01", "2": None}


PLAIN_EXPORT = {
    "Patienten": "Patienten-Nr;Geb.-Datum;Geschlecht\n1;01.01.1950;w\n",
    "Todesfälle": "Patienten-Nr;Datum;Quelle\n1;01.01.2020;Melderegister\n",
    "Kontakte": "Patienten-Nr;Datum;Art\n1;01.01.2019;ambulant\n",
    "Untersuchungen": "Untersuchungsnummer;Patienten-Nr;Datum;Bereich\n7;1;01.01.2019;ambulant\n",
    "Messwerte": "Patienten-Nr;Untersuchungsnummer;Parameter;Wert;Einheit;Datum\n1;7;EF;55,5;%;01.01.2019\n",
    "Diagnosen": "Patienten-Nr;Katalog;ICD;Datum\n1;ICD10GM;I10;01.01.2019\n",
    "Medikation": "Patienten-Nr;Wirkstoff;Dosis;Einheit;Beginn;Ende\n1;Bisoprolol;2,5;mg/d;01.01.2019;\n",
    "Zusammenführungen": "Patienten-Nr;alte Nr\n1;2\n",
}
"""Tables of an export whose days are called no more than `Datum`: what they are says the table's name."""


def test_a_plain_name_of_a_column_is_read_by_the_name_of_its_table(tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    for name, text in PLAIN_EXPORT.items():
        (folder / f"{name}.csv").write_bytes(text.encode("latin-1"))
    location = ExtractLocation(folder, encoding="latin-1")
    taken = write_adapter(tmp_path / "own", look(location))
    assert taken == dict(zip(
        ("patient", "death", "contact", "study", "measurement", "diagnosis", "medication", "identity"),
        map(plain_name, PLAIN_EXPORT), strict=True,
    ))  # fmt: skip
    findings = check_adapter(location, str(tmp_path / "own"))
    assert (findings.problems, findings.rows) == ([], dict.fromkeys(CANONICAL, 1))
    assert "day_first(datum) AS recorded_at" in (tmp_path / "own" / "diagnosis.sql").read_text()


def test_a_table_of_patients_may_call_their_number_id_and_hold_their_deaths(tmp_path):
    """As the CSV export of Synthea does."""
    lines = "Id,BIRTHDATE,DEATHDATE,GENDER\np1,1950-01-01,2019-01-01,F\np2,1950-01-01,,M\n"
    visits = "Id,START,PATIENT,ENCOUNTERCLASS\ne1,2018-01-01,p1,ambulatory\n"
    conditions = "START,PATIENT,SYSTEM,CODE\n2018-01-01,p1,SNOMED,1\n"
    drugs = "START,STOP,PATIENT,DESCRIPTION\n2018-01-01,2018-02-01,p1,Metoprolol\n"
    files = {"patients": lines, "encounters": visits, "conditions": conditions, "medications": drugs}
    assert dead_of(tmp_path, files) == {"p1": "2019-01-01"}
    findings = check_adapter(ExtractLocation(tmp_path / "ehr"), str(tmp_path / "own"))
    assert findings.rows | {"patient": 2} == findings.rows
    assert "start AS recorded_at" in (tmp_path / "own" / "diagnosis.sql").read_text()


def test_a_drug_s_first_day_proves_no_presence(tmp_path):
    (tmp_path / "patients.csv").write_text("mrn,dob\n1,1950-01-01\n")
    (tmp_path / "drugs.csv").write_text("mrn,atc,start_date\n1,C07,2019-01-01\n")
    taken = write_adapter(tmp_path / "own", look(ExtractLocation(tmp_path)))
    assert (taken["medication"], taken["contact"]) == ("drugs", None)


def test_an_extract_of_another_layout_is_told_of_adapters(tmp_path):
    """Not one of its tables is the adapter's: to add seven of them would be the wrong advice."""
    (tmp_path / "Patienten.csv").write_text("Patienten-Nr\n1\n")
    with (
        connect_to_nothing() as connection,
        pytest.raises(UserError, match=r"no table of adapter canonical \(patient, .*echomort adapter new"),
        open_extract(connection, ExtractLocation(tmp_path), "canonical"),
    ):
        pass


US_EXPORT = {
    "PATIENT": "PAT_ID,PAT_MRN_ID,BIRTH_DATE,SEX_C,PAT_STATUS,DEATH_DATE\nZ1,0001,01/31/1950,1,Alive,\n"
    "Z2,0002,12/24/1950,2,Deceased,03/02/2019\n",
    "PAT_ENC": "PAT_MRN_ID,EFFECTIVE_DATE_DTTM,ENC_TYPE,APPT_STATUS\n0001,05/17/2018 8:36 PM,Office Visit,Completed\n"
    "0001,05/18/2018 8:36 PM,Office Visit,No Show\n",
    "ORDER_PROC_ECHO": "ACCESSION_NUM,PAT_MRN_ID,PROC_START_TIME\nE7,0001,05/04/2018 12:05 AM\n",
    "ECHO_MEASUREMENT": "ACCESSION_NUM,FINDING,VALUE,UNIT\nE7,LVEF,55,%\n",
    "ORDER_RESULTS": "PAT_MRN_ID,COMPONENT_NAME,ORD_VALUE,REFERENCE_UNIT,RESULT_TIME\n"
    "0001,CREATININE,1.1,mg/dL,05/03/2018 1:05 PM\n",
}
"""Tables of an export by the names of Epic's Clarity, months first and with a clock of 12 hours. No study is later than
the 12th of its month."""


def test_a_us_export_is_begun_with_its_dates_and_its_visits_that_did_not_take_place(tmp_path):
    """The order of the few dates that both orders read is that of the extract; else a study would move by a month."""
    folder = tmp_path / "export"
    folder.mkdir()
    for name, text in US_EXPORT.items():
        (folder / f"{name}.csv").write_text(text)
    location, own = ExtractLocation(folder), tmp_path / "own"
    assert look(location)["patient"]["birth_date"].name == "time, month first"
    taken = begun(own, location)
    assert [taken[table] for table in ("patient", "death", "contact", "study", "measurement")] == [
        "patient", "patient", "pat_enc", "order_proc_echo", "order_results",
    ]  # fmt: skip
    findings = check_adapter(location, str(own))
    assert (findings.problems, findings.rows["death"], findings.rows["contact"]) == ([], 1, 2)
    stage(connection := empty_warehouse(), location, str(own), KEYRING, "kept")
    assert fetch(connection, "SELECT CAST(study_at AS VARCHAR) FROM study") == [("2018-05-04 00:05:00",)]
    assert fetch(connection, "SELECT CAST(contact_at AS VARCHAR) FROM contact") == [("2018-05-17 20:36:00",)]


def test_a_column_that_one_order_alone_reads_is_read_by_it():
    of_another_program = Forms(20, times=0, day_first_times=20, month_first_times=0, numbers=0, comma_numbers=0)
    assert of_another_program.expression("birth_date", "born", "month_first") == "day_first(born)"


def test_months_that_come_first_are_told_with_the_macro(tmp_path, rows):
    written = "{:%m/%d/%Y}"
    rows["patient"] = [
        (patient, written.format(date.fromisoformat(str(birth))), sex, race)
        for patient, birth, sex, race in rows["patient"]
    ]
    said = check_adapter(ExtractLocation(write_extract(tmp_path, rows)), "canonical").problems
    assert any("99/99/9999 (12 rows); write month_first(...) around it in patient.sql" in one for one in said)


def test_a_check_reads_drugs_for_as_long_as_a_run_does():
    with connect_to_nothing() as connection:
        define_macros(connection, ExtractLocation(None, drug_days=9))
        assert connection.execute("SELECT getvariable('drug_days')").fetchall() == [(9,)]
