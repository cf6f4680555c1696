"""Reference values as patients of an extract in every shape: scores of the vectors, labels of the evaluation set."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from extracts import KEYRING, empty_warehouse, fetch, write_extract
from layouts.fhir import ZONE, to_fhir, write_resources
from layouts.meds import to_meds, write_meds
from layouts.mimic import HYPHENS, to_mimic
from layouts.omop import to_omop
from layouts.shapes import write_shape

from echomort.clinical_scores import maggic, pooled_cohort, prevent, seattle
from echomort.settings import Outcome
from echomort.synth.records import TABLES
from warehouse.adapters.extract import ExtractLocation
from warehouse.staging.staging import stage
from warehouse.tables.clinical_score.clinical_scores import clinical_inputs
from warehouse.tables.feature.features import build
from warehouse.tables.outcome.outcomes import link

DATA = Path(__file__).parents[1] / "data"
EVALSET = DATA / "clinical_evalset.csv"
VECTORS = json.loads((DATA / "clinical_vectors.json").read_text())
SCORES = {"pce": pooled_cohort, "prevent_base": prevent, "shfm": seattle, "maggic": maggic}
FIGURES = {
    "pce": {"risk": "risk_tableA"},
    "prevent_base": {name: name for name in ("cvd10", "ascvd10", "hf10")},
    "shfm": {name: name for name in ("score", "s1", "s2", "s5")},
    "maggic": {"score": "score"},
}
"""Score -> its figures and what the vectors call them."""

AT = datetime(2018, 5, 1, 9, 30)
MEASURED = {
    "tc": ("total_chol", "mg/dL"),
    "chol": ("total_chol", "mg/dL"),
    "hdl": ("hdl", "mg/dL"),
    "sbp": ("sbp", "mm[Hg]"),
    "smoker": ("smoking", ""),
    "egfr": ("egfr", "mL/min/{1.73_m2}"),
    "bmi": ("bmi", "kg/m2"),
    "wt": ("weight", "kg"),
    "na": ("sodium", "mmol/L"),
    "hgb": ("hemoglobin", "g/dL"),
    "lymph": ("lymph_pct", "%"),
    "ua": ("uric_acid", "mg/dL"),
    "creat_umol": ("creatinine", "umol/L"),
    "nyha": ("nyha", ""),
    "ef": ("lvef", "%"),
}
"""Input of a score -> variable and unit in which an extract holds it."""

TAKEN = {
    "allo": "allopurinol",
    "statin": "statin",
    "acei": "ace_inhibitor",
    "bb": "beta_blocker",
    "arb": "arb",
    "mra": "potassium_sparing_diuretic",
    "bp_treated": "thiazide",
}
CODED = {"diabetes": "E11.9", "isch": "I25.10", "copd": "J44.9"}


def patients():
    """Return the number of a patient -> (score, vector); no extract says that a device resynchronises."""
    return {
        f"{name}-{place}": (name, vector)
        for name in SCORES
        for place, vector in enumerate(VECTORS[name])
        if vector.get("dev") != "crtd"
    }


def rows_of(number, vector):
    """Return the canonical rows of one vector's patient, who had an echo at AT."""
    before, study = str(AT - timedelta(days=1)), f"1.2.{sum(number.encode())}.{number.split('-')[1]}"
    sex = vector.get("sex") or "FM"[vector["male"]]
    born = datetime(AT.year - vector["age"], 2, 1).date().isoformat()
    drugs = [drug for name, drug in TAKEN.items() if vector.get(name)]
    drugs += ["beta_blocker"] * (vector.get("no_bb") == 0) + ["ace_inhibitor"] * (vector.get("no_acei_arb") == 0)
    doses = [(drug, "10") for drug in drugs] + ([("loop_diuretic", str(vector["furo"]))] if vector.get("furo") else [])
    codes = [code for name, code in CODED.items() if vector.get(name)] + ["Z95.810"] * (vector.get("dev") == "icd")
    dated = [(code, before) for code in codes]
    if "first_dx_lt18m" in vector:
        dated.append(("I50.22", str(AT - timedelta(days=300 if vector["first_dx_lt18m"] else 900))))
    return {
        "patient": [(number, born, sex, vector.get("race", "white"))],
        "study": [(study, number, str(AT), "outpatient")],
        "contact": [(number, str(AT + timedelta(days=days)), "outpatient") for days in (400, 1200)],
        "measurement": [
            (number, study if variable == "lvef" else "", variable, str(vector[name]), unit, before)
            for name, (variable, unit) in MEASURED.items()
            if name in vector
        ],
        "diagnosis": [(number, "ICD10CM", code, at) for code, at in dated],
        "medication": [(number, drug, dose, "mg/d", before, "") for drug, dose in doses],
    }


@pytest.fixture(scope="module")
def rows():
    found = {table: [] for table in TABLES}
    for number, (_, vector) in patients().items():
        for table, more in rows_of(number, vector).items():
            found[table] += more
    return found


def inputs(place, adapter):
    """Return study -> the inputs of the scores that staging and features make of the extract."""
    connection = empty_warehouse()
    stage(connection, place, adapter, KEYRING, "kept")
    build(connection)
    return clinical_inputs(connection).set_index("study_key")


def written(rows, folder, adapter):
    """Write ``rows`` in the shape of ``adapter``; return where they lie and study -> number of the shape."""
    if adapter == "canonical":
        return write_extract(folder, rows), {row[0]: row[0] for row in rows["study"]}
    if adapter == "fhir":
        place = ExtractLocation(write_resources(folder, to_fhir(rows)[0]), None, ZONE)
        return place, {row[0]: row[0] for row in rows["study"]}
    if adapter == "meds":
        events, shape = to_meds(rows)
        return write_meds(folder, events, shape), shape.studies
    shape = to_omop(rows) if adapter == "omop" else to_mimic(rows)
    write_shape(folder, shape, HYPHENS if adapter == "mimic_iv" else None)
    return folder, shape.studies


UNSAID = {
    "canonical": set(),
    "fhir": set(),
    "omop": {"furo"},
    "meds": {"furo"},
    "mimic_iv": {"age", "wt", "furo", "smoker", "nyha", "egfr", "bmi"},
}
"""Adapter -> inputs that the shape, as the tests write it, can't hold, or not exactly (age, weight)."""


@pytest.mark.parametrize("adapter", UNSAID)
def test_the_vectors_come_out_of_an_extract_of_every_shape(rows, tmp_path, adapter):
    place, studies = written(rows, tmp_path, adapter)
    made = inputs(place, adapter)
    for name, function in SCORES.items():
        ours = {row[1]: row[0] for row in rows["study"] if row[1].startswith(name + "-")}
        found = made.loc[[KEYRING.pseudonym("study", studies[study]) for study in ours.values()]].reset_index()
        vectors = pd.DataFrame([patients()[number][1] for number in ours])
        if name != "maggic":
            found = found.drop(columns="creat_umol")
        for column in UNSAID[adapter] & set(vectors):
            found[column] = vectors[column]
        scored = function(found)
        for figure, published in FIGURES[name].items():
            assert scored[figure].to_numpy() == pytest.approx(vectors[published].to_numpy(), abs=1e-6), (name, figure)


@pytest.mark.parametrize("adapter", UNSAID)
def test_the_follow_up_of_the_evaluation_set_comes_out_of_an_extract_of_every_shape(tmp_path, adapter):
    followed = pd.read_csv(EVALSET)
    extract = {table: [] for table in TABLES}
    for place, one in enumerate(followed.itertuples()):
        number, last = f"E{place}", AT + timedelta(days=one.t)
        extract["patient"].append((number, "1950-02-01", "F", "white"))
        extract["study"].append((f"1.2.{place}", number, str(AT), "outpatient"))
        if one.e:
            extract["death"].append((number, last.date().isoformat(), "registry"))
        else:
            extract["contact"].append((number, str(last), "outpatient"))
    place, studies = written(extract, tmp_path, adapter)
    connection = empty_warehouse()
    stage(connection, place, adapter, KEYRING, "kept")
    link(connection, Outcome(require_full_window=False), KEYRING)
    found = {key: rest for key, *rest in fetch(connection, "SELECT study_key, days, event, label FROM outcome")}
    keys = [KEYRING.pseudonym("study", studies[f"1.2.{place}"]) for place in range(len(followed))]
    assert [found[key][:2] for key in keys] == [[one.t, bool(one.e)] for one in followed.itertuples()]
    labels = [found[key][2] for key in keys]
    assert [labels.count(label) for label in (1, 0, None)] == [70, 187, 43]
