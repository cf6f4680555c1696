"""The same patients in five shapes (canonical, OMOP, MIMIC-IV, FHIR, MEDS) give the same outcomes and features."""

from dataclasses import replace
from datetime import date

import duckdb
import pytest
from extracts import KEYRING, empty_warehouse, fetch, write_extract
from layouts.fhir import ICD, ZONE, to_fhir, write_resources
from layouts.fhir_resources import SNOMED
from layouts.meds import to_meds, write_meds
from layouts.mimic import HYPHENS, UNDERSCORES, to_mimic
from layouts.omop import to_omop
from layouts.shapes import tables_of, write_shape
from postgresql_peer import postgresql, why_not

from echomort.ehr.variables import model_inputs, names
from echomort.settings import Outcome, Postgresql
from echomort.synth.cohort import Dirt, draw_patient
from echomort.synth.records import ehr_rows
from warehouse.adapters.extract import ExtractLocation
from warehouse.checks.assertions import check
from warehouse.staging.staging import stage
from warehouse.tables.feature.features import build
from warehouse.tables.outcome.outcomes import link

SEED, PATIENTS = 11, 150
DIRT = Dirt(death_before_study=0.03, lost=0.1, contact_after_death=0.08, two_death_sources=0.1, never_seen_again=0.03)
# MIMIC has no end of the data that all patients share.
OPEN_ENDED = Outcome(require_full_window=False)


@pytest.fixture(scope="module")
def rows():
    """The extract of all patients, dirt included."""
    found = {}
    for number in range(PATIENTS):
        for table, more in ehr_rows(SEED, draw_patient(SEED, number, dirt=DIRT), DIRT).items():
            found.setdefault(table, []).extend(more)
    return found


def made(folder, adapter, outcome=OPEN_ENDED, extracted_on=None):
    """Return the warehouse that ``adapter`` makes of the extract in ``folder`` (or at a place)."""
    connection = empty_warehouse()
    report = stage(connection, folder, adapter, KEYRING, "shifted", extracted_on=extracted_on)
    link(connection, outcome, KEYRING)
    build(connection)
    assert check(connection, "staging_reconciles") == 0
    assert check(connection, "no_feature_after_its_echo") == 0
    assert check(connection, "no_label_without_follow_up") == 0
    return connection, report


def outcomes(connection):
    """Return study -> what became of it."""
    return {key: rest for key, *rest in fetch(connection, "SELECT study_key, days, event, label, reason FROM outcome")}


def features(connection):
    """Return study -> its 158 variables and those of the scores."""
    columns = ", ".join(names())
    return {key: rest for key, *rest in fetch(connection, f"SELECT study_key, {columns} FROM feature")}


def renamed(found, shape):
    """Return ``found`` under the pseudonyms of the shape's own study numbers."""
    keys = {KEYRING.pseudonym("study", one): KEYRING.pseudonym("study", two) for one, two in shape.studies.items()}
    return {keys[key]: value for key, value in found.items()}


@pytest.fixture(scope="module")
def canonical(rows, tmp_path_factory):
    return made(write_extract(tmp_path_factory.mktemp("canonical"), rows), "canonical")[0]


@pytest.fixture(scope="module")
def omop(rows, tmp_path_factory):
    folder, shape = tmp_path_factory.mktemp("omop"), to_omop(rows)
    write_shape(folder, shape)
    return shape, *made(folder, "omop")


@pytest.fixture(scope="module")
def mimic(rows, tmp_path_factory):
    folder, shape = tmp_path_factory.mktemp("mimic"), to_mimic(rows)
    write_shape(folder, shape, HYPHENS)
    return shape, folder, made(folder, "mimic_iv", Outcome())[0]


def test_omop_says_what_the_canonical_extract_says(canonical, omop):
    shape, connection, _ = omop
    assert outcomes(connection) == outcomes(canonical)
    assert len({reason for *_, reason in outcomes(canonical).values()}) >= 5
    assert features(connection) == features(canonical)
    assert set(shape.lost) == {("identity", "second record numbers"), ("medication", "daily doses")}


@pytest.fixture(scope="module")
def fhir(rows):
    return to_fhir(rows)


SPREAD = {
    "Patient": ("Patient.000.ndjson", "Patient.001.ndjson"),
    "Observation": ("Observation/1.Observation.ndjson", "Observation/2.Observation.ndjson"),
    "Encounter": ("Encounter_1.ndjson",),
}
"""Names that servers give to the files of an export."""


def test_fhir_says_what_the_canonical_extract_says(canonical, fhir, tmp_path):
    resources, kept, lost = fhir
    folder = write_resources(tmp_path / "fhir", resources, SPREAD)
    connection, report = made(ExtractLocation(folder, None, ZONE), "fhir")
    same = made(write_extract(tmp_path / "canonical", kept), "canonical")[0]
    assert outcomes(connection) == outcomes(same)
    assert features(connection) == features(same)
    assert features(connection) == features(canonical)
    assert {key for key, found in outcomes(canonical).items() if found != outcomes(connection)[key]} == set()
    assert set(lost) == {("death", "who stated it"), ("death", "further statements")}
    # Every value of an observation is read, or counted as left out.
    values = sum(len(one.get("component", [None])) for one in resources["Observation"])
    left_out = [one for one in report.conflicts if one.table == "measurement" and one.action == "noted"]
    assert report.rows["measurement"][0] + sum(one.count for one in left_out) == values


def test_a_fhir_export_that_codes_in_snomed_alone_has_the_same_features(canonical, fhir, tmp_path):
    resources, _, _ = fhir
    icd = sorted({one["code"]["coding"][0]["code"] for one in resources["Condition"]})
    snomed = {code: str(1000 + place) for place, code in enumerate(icd)}
    conditions = [
        one | {"code": {"coding": [{"system": SNOMED, "code": snomed[one["code"]["coding"][0]["code"]]}]}}
        for one in resources["Condition"]
    ]
    element = [{"code": snomed[code], "target": [{"code": code, "equivalence": "wider"}]} for code in icd]
    group = {"source": SNOMED, "target": ICD, "element": element}
    maps = [{"resourceType": "ConceptMap", "id": "m", "group": [group]}]
    folder = write_resources(tmp_path, resources | {"Condition": conditions, "ConceptMap": maps})
    connection, report = made(ExtractLocation(folder, None, ZONE), "fhir")
    assert features(connection) == features(canonical)
    assert {one.count for one in report.conflicts if one.reason == "CONDITION_BY_ITS_MAP"} == {len(conditions)}


def test_meds_says_what_the_canonical_extract_says(rows, canonical, tmp_path):
    events, shape = to_meds(rows)
    connection, report = made(write_meds(tmp_path / "meds", events, shape), "meds")
    same = made(write_extract(tmp_path / "canonical", shape.kept), "canonical")[0]
    assert outcomes(connection) == outcomes(same)
    assert outcomes(connection) == outcomes(canonical)
    assert features(connection) == features(same)
    assert {what for _, what in shape.lost} == {
        "second record numbers",
        "who stated a death",
        "doses",
    }
    assert {one.reason for one in report.conflicts if one.table == "event"} == set()


def test_mimic_says_the_same_outcomes(canonical, mimic):
    shape, _, connection = mimic
    assert outcomes(connection) == renamed(outcomes(canonical), shape)
    labels = [label for _, _, label, _ in outcomes(connection).values()]
    assert labels.count(0) > 50
    assert labels.count(1) > 20


def test_mimic_says_the_same_features_as_far_as_its_tables_go(mimic, tmp_path):
    shape, _, connection = mimic
    kept = made(write_extract(tmp_path, shape.kept), "canonical")[0]
    assert features(connection) == features(kept)
    assert outcomes(connection) == outcomes(kept)


def test_what_mimic_can_t_say_is_counted_and_nothing_else_differs(canonical, mimic):
    shape, _, connection = mimic
    assert {what for _, what in shape.lost} == {
        "second record numbers",
        "days of birth",
        "times of vital signs",
        "heart_rate outside an echo",
        "smoking outside an echo",
        "nyha outside an echo",
        "later than the last discharge may be",
        "doses",
    }
    blurred = {"age", "height", "weight", "sbp", "dbp", "heart_rate", "smoking", "nyha"}
    exact = [name for name in model_inputs() if name not in blurred and not name.startswith("dx_")]
    columns = ", ".join(exact)
    whole, ours = (
        {key: rest for key, *rest in fetch(one, f"SELECT study_key, {columns} FROM feature")}
        for one in (canonical, connection)
    )
    assert ours == renamed(whole, shape)


def test_both_namings_of_the_structured_measurements_are_read(mimic, tmp_path):
    shape, _, connection = mimic
    write_shape(tmp_path, shape, UNDERSCORES)
    again = made(tmp_path, "mimic_iv", Outcome())[0]
    assert features(again) == features(connection)


def test_a_database_with_typed_columns_says_what_the_text_files_say(omop, mimic, tmp_path):
    shapes = {"omop": (omop[0], omop[1], OPEN_ENDED), "mimic_iv": (mimic[0], mimic[2], Outcome())}
    for adapter, (shape, from_text, outcome) in shapes.items():
        write_shape(tmp_path / f"{adapter}-csv", shape)
        (tmp_path / adapter).mkdir()
        with duckdb.connect(str(tmp_path / adapter / "hospital.duckdb")) as database:
            for file in (tmp_path / f"{adapter}-csv").glob("*.csv"):
                database.execute(f"CREATE TABLE {file.stem} AS FROM read_csv('{file}', header = true)")
        again, _ = made(tmp_path / adapter, adapter, outcome)
        assert outcomes(again) == outcomes(from_text)
        assert features(again) == features(from_text)


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.parametrize("typed", [True, False])
def test_postgresql_says_what_the_files_say(rows, canonical, omop, mimic, tmp_path, monkeypatch, typed):
    write_extract(tmp_path / "canonical", rows)
    write_shape(tmp_path / "omop", omop[0])
    write_shape(tmp_path / "mimic_iv", mimic[0], HYPHENS)
    from_files = {"canonical": canonical, "omop": omop[1], "mimic_iv": mimic[2]}
    with postgresql() as server:
        monkeypatch.setenv("ECHOMORT_POSTGRESQL", server.connection_string())
        for adapter, warehouse in from_files.items():
            server.execute(f"CREATE SCHEMA {adapter}")
            server.load(adapter, as_arrow(tmp_path / adapter, typed))
            outcome = Outcome() if adapter == "mimic_iv" else OPEN_ENDED
            location = ExtractLocation(None, Postgresql(schemas=(adapter,)))
            again, _ = made(location, adapter, outcome, extracted_on=date.today())
            assert outcomes(again) == outcomes(warehouse)
            assert features(again) == features(warehouse)


def as_arrow(folder, typed):
    """Return table name -> Arrow table of each CSV file, with the types that its values suggest, or all text."""
    options = "header = true" if typed else "header = true, all_varchar = true"
    read = "SELECT * FROM read_csv('{}', {})"
    with duckdb.connect() as database:
        return {
            path.stem: database.sql(read.format(path, options)).to_arrow_table()
            for path in sorted(folder.rglob("*.csv"))
        }


def test_a_hospital_that_codes_in_snomed_alone_has_the_same_diagnosis_groups(rows, tmp_path):
    coded = [row for row in rows["diagnosis"] if row[1] == "ICD10CM"]
    assert len(coded) > 100
    shape = to_omop(rows | {"diagnosis": coded})
    write_shape(tmp_path / "icd", shape)
    standard = {number: 1000 + place for place, number in enumerate([row[0] for row in shape.tables["concept"].rows])}
    conditions = shape.tables["condition_occurrence"]
    relations = tables_of({"concept_relationship": "concept_id_1 concept_id_2 relationship_id"})
    for icd, snomed in standard.items():
        relations["concept_relationship"].add(concept_id_1=icd, concept_id_2=snomed, relationship_id="Maps to")
    translated = tables_of({"condition_occurrence": " ".join(conditions.columns)})["condition_occurrence"]
    for row in conditions.rows:
        said = dict(zip(conditions.columns, row, strict=True))
        snomed = standard[said["condition_source_concept_id"]]
        blank = {"condition_source_value": "", "condition_source_concept_id": 0}
        translated.add(**(said | blank | {"condition_concept_id": snomed}))
    tables = dict(shape.tables) | relations | {"condition_occurrence": translated}
    write_shape(tmp_path / "snomed", replace(shape, tables=tables))
    by_icd, _ = made(tmp_path / "icd", "omop")
    by_snomed, report = made(tmp_path / "snomed", "omop")
    assert features(by_snomed) == features(by_icd)
    assert {one.reason for one in report.conflicts if one.table == "diagnosis"} >= {"CONDITION_BY_ITS_MAP"}
    assert fetch(by_snomed, "SELECT max(length(code)) FROM diagnosis") == [(3,)]


def test_the_year_of_a_mimic_study_is_true_to_within_its_group_of_three(mimic, rows):
    shape, _, connection = mimic
    true = {KEYRING.pseudonym("study", shape.studies[row[0]]): int(row[2][:4]) for row in rows["study"]}
    said = dict(fetch(connection, "SELECT study_key, study_year FROM study"))
    assert max(abs(said[key] - true[key]) for key in said) <= 2
    assert fetch(connection, "SELECT min(year(study_at)) > 2100, max(year(study_at)) < 2230 FROM study") == [
        (True, True)
    ]
