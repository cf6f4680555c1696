"""Evidence of life fails closed: what is not on the list proves nothing."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echomort.core.errors import UserError
from echomort.ehr import contact_kinds
from echomort.ehr.contact_kinds import (
    denials,
    kind_terms,
    plain_kind,
    plans,
    read_kind,
    read_status,
    site_kinds,
    site_kinds_digest,
    site_statuses,
)

PRESENT = {
    "visit": (
        "Office Visit|office-visit|Follow-up visit|Initial consult|FLD|Urgent care|"
        "Anticoagulation visit|Encounter for check up (procedure)"
    ),
    "outpatient": "AMB|Outpatient|out-patient|O|AV",
    "inpatient": (
        "IMP|ACUTE|NONAC|SS|OBSENC|Hospital Encounter|I|IP|EI|EW EMER.|SURGICAL SAME DAY ADMISSION|URGENT|Hospice"
    ),
    "emergency": "EMER|ED|A&E|Emergency Room Visit|ED to Hosp-Admission (Discharged)|E",
    "laboratory": "Blood draw|Lab|LAB VISIT|LO",
    "telehealth": "Video Visit|Telemedicine|video call with patient",
    "home": "HH|Home visit",
    "procedure": "Surgery|Infusion|Pre-Admission Testing|dialysis",
}
ABSENT = (
    "Death certificate|Death|DEATHS|Expired|Morgue|Mortuary|Coroner|Medical Examiner|Funeral home|"
    "Obituary|Autopsy|post-mortem exam|Organ procurement|organ donor visit|Did not attend|No-show visit|"
    "Cancelled appointment|missed visit|PRENC|VR|virtual|Telephone|Phone visit|Telephone Encounter|"
    "E-mail|Letter (Out)|MyChart message|Patient Message|Portal|Orders Only|Refill|Documentation|"
    "Chart Review|Wait List|Erroneous Encounter|Lab results|Discharge summary|Billing|Claim|"
    "Scanned document|History|Abstract|E-Visit|E-consult|Nurse Triage|TE|EM|Visit reminder|"
    "Preadmission|Questionnaire"
)
UNKNOWN = (
    "CANARYKIND|Interdisciplinary rounds|seen by Smith|Office visit with Dr Smith|follow-up|"
    "cardiology|Coumadin|Besucher|30|..."
)


@pytest.mark.parametrize(
    ("term", "text"), [(term, text) for term, texts in PRESENT.items() for text in texts.split("|")]
)
def test_kinds_that_prove_presence(term, text):
    for said in (text, text.upper(), f"  {text.lower()} "):
        assert (read_kind(said).proves, read_kind(said).term) == ("yes", term)


@pytest.mark.parametrize("text", ABSENT.split("|"))
def test_kinds_that_deny_presence(text):
    assert read_kind(text).proves == "no"
    assert read_kind(f"{text}, Office Visit").proves in {"no", "unknown"}


@pytest.mark.parametrize("text", UNKNOWN.split("|"))
def test_what_is_not_listed_proves_nothing(text):
    assert read_kind(text).proves == "unknown"


@given(st.text())
def test_no_text_with_an_unlisted_word_proves_presence(text):
    assert read_kind(f"office visit {text} zzq").proves != "yes"


@given(
    st.sampled_from([row["word"] for row in contact_kinds._rows() if row["proves"] == "no" and row["place"] == "any"])
)
def test_one_word_of_denial_is_enough_on_either_side_of_a_visit(word):
    import re

    assert read_kind(word).proves == "no"
    assert read_kind(f"unlistedword {word}").proves == "no"
    assert re.search(denials(), f"xy {word}, z")


def test_the_longest_phrase_of_the_list_is_looked_for():
    words = [row["word"] for row in contact_kinds._rows() if row["place"] == "any"]
    assert max(len(word.split()) for word in words) <= contact_kinds.LONGEST
    assert all(word == plain_kind(word) for word in words)


def test_an_appointment_needs_its_status():
    assert read_kind("Appointment").proves == "if_completed"
    assert read_kind("office appointment").proves == "if_completed"


PLANS = (
    "planned admission|Scheduled inpatient|geplante Aufnahme|geplande opname|hospitalisation programmée|prévu|"
    "ingreso programado|ricovero programmato|予定入院"
)


@pytest.mark.parametrize("text", PLANS.split("|"))
def test_a_plan_needs_its_status(text):
    import re

    assert read_kind(text).proves == "if_completed"
    assert re.search(plans(), f"{text}, ward 3".lower())
    assert read_kind(f"{text} telephone").proves == "no"


@pytest.mark.parametrize(
    "text",
    [
        "completed",
        "Finished",
        "in-progress",
        "ARRIVED",
        "checked in",
        "fulfilled",
        "Complete",
        "Left without being seen",
    ],
)
def test_states_of_what_took_place(text):
    assert read_status(text) == "yes"


@pytest.mark.parametrize(
    "text",
    [
        "cancelled",
        "canceled",
        "No Show",
        "noshow",
        "planned",
        "entered-in-error",
        "Scheduled",
        "proposed",
        "booked",
        "unknown",
        "expired",
    ],
)
def test_states_of_what_did_not(text):
    assert read_status(text) == "no"


def test_other_states_are_unknown():
    assert read_status("see note of Dr Smith") == "unknown"


def test_a_site_s_word_decides_first(tmp_path):
    path = tmp_path / "kinds.csv"
    path.write_text("kind,proves_life\nCoumadin clinic,Yes\nLab,no\nTelephone,yes\n,yes\n")
    own = site_kinds(path)
    assert read_kind("COUMADIN-CLINIC", own).proves == "yes"
    assert read_kind("Lab", own).proves == "no"
    assert read_kind("Telephone", own).proves == "yes"
    assert read_kind("", own).proves == "yes"
    assert read_kind("Telephone call", own).proves == "no"
    assert read_kind("", {}).proves == "unknown"


def test_a_site_s_file_may_name_statuses(tmp_path):
    path = tmp_path / "kinds.csv"
    path.write_text("kind,status,proves_life\nLab,,no\n,Closed,yes\n,SIGNED,yes\n,Completed,no\n,,yes\n")
    own = site_statuses(path)
    assert [read_status(one, own) for one in ("closed", "Signed", "completed", "arrived", "other")] == [
        "yes",
        "yes",
        "no",
        "yes",
        "unknown",
    ]
    assert site_kinds(path) == {"lab": False, "": True}
    assert site_statuses(None) == {}
    before = site_kinds_digest(path)
    path.write_text(path.read_text().replace("SIGNED,yes", "SIGNED,no"))
    assert site_kinds_digest(path) != before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind,proves_life,status\nSmith,yes,closed\n", "row 2"),
        ("kind,proves_life,status\n,yes,Smith\n,no,smith\n", "row 3"),
        ("kind,proves_life\nSmith,maybe\n", "row 2"),
        ("kind,proves_life\nA b,yes\na-B,no\n", "row 3"),
        ("kind\nSmith\n", "proves_life"),
    ],
)
def test_a_site_s_file_is_refused_with_its_row_and_no_word_of_it(tmp_path, text, words):
    (tmp_path / "kinds.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        site_kinds(tmp_path / "kinds.csv")
    assert words in str(caught.value)
    assert "Smith" not in str(caught.value)


def test_the_terms_end_with_other():
    assert kind_terms()[-1] == "other"
    assert {"visit", "registry_silence"} < set(kind_terms())


@pytest.mark.parametrize(
    ("kind", "proves"),
    [
        ("Office visit with family only", "no"),
        ("Patient family visit", "no"),
        ("Provider to provider consultation", "no"),
        ("Physician to physician consult", "no"),
        ("Transfer center", "no"),
        ("Family medicine visit", "yes"),
        ("Observation", "yes"),
        ("Observation result", "no"),
        ("Family practice visit", "yes"),
    ],
)
def test_a_visit_without_the_patient_proves_nothing(kind: str, proves: str) -> None:
    assert read_kind(kind).proves == proves


@pytest.mark.parametrize(
    ("status", "proves"),
    [("Exam Ended", "yes"), ("Rooming", "yes"), ("LWBS", "yes"), ("Late Cancel", "no"), ("Closed", "unknown")],
)
def test_a_status_of_a_visit_says_whether_the_person_came(status: str, proves: str) -> None:
    assert read_status(status) == proves


def test_no_word_stands_twice_in_a_list() -> None:
    for name, columns in (("contact_kinds.csv", ["word", "place"]), ("contact_statuses.csv", ["word"])):
        words = pd.read_csv(Path(contact_kinds.__file__).with_name(name), dtype=str, keep_default_na=False)
        assert not words.duplicated(columns).any(), name


FOREIGN = {
    "German": (
        "Ambulanter Besuch|STATIONÄR|stationaere Aufnahme|Notaufnahme|Entlassung|Sprechstunde Kardiologie|Hausbesuch",
        "Entlassung verstorben|telefonische Sprechstunde|Besuch abgesagt|nicht erschienen|Totenschein|"
        "Sprechstunde Angehörige",
    ),
    "Dutch": (
        "Polikliniek|Poliklinische controle|Klinische opname|Spoedeisende hulp|SEH|Huisbezoek",
        "Ontslag overleden|Polikliniek afgezegd|niet verschenen|Telefonisch consult|Obductie|bezoek na overlijden",
    ),
    "French": (
        "Consultation externe|Hospitalisation de jour|Urgences|Visite à domicile|Sortie",
        "Sortie décès|Sortie décédé|Consultation annulée|Consultation téléphonique|patient absent|Courrier",
    ),
    "Spanish": (
        "Consulta externa|Hospitalización|URGENCIAS|Visita domiciliaria|Alta",
        "Alta por defunción|Alta fallecido|Consulta cancelada|Consulta telefónica|No asistió|Éxitus|cita anulada",
    ),
    "Italian": (
        "Visita ambulatoriale|Ricovero|Pronto soccorso|Dimissione|Prelievo",
        "Dimissione deceduto|Visita annullata|Consulto telefonico|paziente assente|Decesso|Obitorio",
    ),
    "Japanese": ("外来|入院|退院|救急外来|再診", "死亡退院|死亡|電話再診|キャンセル|外来 キャンセル|未来院|剖検"),
}
"""Language -> kinds that prove presence and kinds that deny it."""


@pytest.mark.parametrize("language", FOREIGN)
def test_kinds_of_other_languages_prove_and_deny_presence(language):
    present, absent = (said.split("|") for said in FOREIGN[language])
    assert {kind: read_kind(kind).proves for kind in present} == dict.fromkeys(present, "yes")
    assert {kind: read_kind(kind).proves for kind in absent} == dict.fromkeys(absent, "no")


OF_THE_DEAD = (
    "Todesfeststellung|Aufnahme Organentnahme|Lijkschouw|Prélèvement d'organes|Necropsia|Donación de órganos|"
    "Prelievo di organi|死亡確認|死体検案"
)


def test_what_is_done_with_the_dead_denies_presence_in_every_language():
    words = OF_THE_DEAD.split("|")
    assert {word: read_kind(word).proves for word in words} == dict.fromkeys(words, "no")


@pytest.mark.parametrize(
    "kind", ["Röntgenaufnahme", "Besuch ausgefallen", "外来予約", "Consulta y cierre", "Visita del familiare"]
)
def test_a_word_of_another_language_that_is_not_listed_proves_nothing(kind):
    assert read_kind(kind).proves == "unknown"
