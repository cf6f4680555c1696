"""Contacts in the warehouse: by kind and status, with words counted and no prose shown."""

from collections import Counter

import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch, person, staged, study_key, write_extract

from echomort.settings import Outcome
from warehouse.staging.staging import stage
from warehouse.tables.outcome.outcomes import link

STUDY = ("S", "P", "2018-06-15 10:00:00", "")
LATER = "2019-07-15"


def labels(folder, contacts, kinds=None, statuses=None):
    """Return (reason or label of the study, what was counted, words set aside) with these contacts of P."""
    connection = empty_warehouse()
    rows = {"patient": [person("P")], "study": [STUDY], "contact": [("P", LATER, *one) for one in contacts]}
    report = stage(
        connection, write_extract(folder, rows), "canonical", KEYRING, "shifted", kinds=kinds, statuses=statuses
    )
    link(connection, Outcome(require_full_window=False), KEYRING)
    ((label, reason),) = fetch(connection, "SELECT label, reason FROM outcome")
    return reason if label is None else label, counted(report), fetch(connection, "FROM contact_word"), report


def labels_of(folder, contacts):
    """Return (contact -> reason or label of the study of a patient who has it alone, what was counted)."""
    rows = {
        "patient": [person(f"P{place}") for place in range(len(contacts))],
        "study": [(f"S{place}", f"P{place}", *STUDY[2:]) for place in range(len(contacts))],
        "contact": [(f"P{place}", LATER, *contact) for place, contact in enumerate(contacts)],
    }
    connection, report = staged(folder, rows)
    link(connection, Outcome(require_full_window=False), KEYRING)
    found = dict(fetch(connection, "SELECT study_key, {'label': label, 'reason': reason} FROM outcome"))
    ends = [found[study_key(f"S{place}")] for place in range(len(contacts))]
    said = [one["reason"] if one["label"] is None else one["label"] for one in ends]
    return dict(zip(contacts, said, strict=True)), counted(report)


# Case B08 of foreign data, its kinds varied: none of these makes a survivor.
NO_PRESENCE = [
    "Death certificate",
    "Morgue",
    "Obituary",
    "Did not attend",
    "Documentation",
    "Telephone",
    "Wait List",
    "Coroner",
    "body released",
    "Dr Smith",
    "",
]


@pytest.fixture(scope="module")
def of_no_presence(tmp_path_factory):
    """The labels of patients who have each of ``NO_PRESENCE`` alone, and what was counted."""
    return labels_of(tmp_path_factory.mktemp("kinds"), [(kind,) for kind in NO_PRESENCE])


@pytest.mark.parametrize("kind", NO_PRESENCE)
def test_what_proves_no_presence_makes_no_survivor(of_no_presence, kind):
    found, _ = of_no_presence
    assert found[kind,] == "EXCL_NO_FOLLOWUP"


def test_what_proves_no_presence_is_counted_once_each(of_no_presence):
    _, counts = of_no_presence
    assert sum(count for (table, _), count in counts.items() if table == "contact") == len(NO_PRESENCE)


STATUSES = [
    ("Office Visit", "", 0),
    ("Office Visit", "Completed", 0),
    ("Office Visit", "in-progress", 0),
    ("Office Visit", "arrived", 0),
    ("Office Visit", "No Show", "CONTACT_DID_NOT_TAKE_PLACE"),
    ("Office Visit", "planned", "CONTACT_DID_NOT_TAKE_PLACE"),
    ("Office Visit", "entered-in-error", "CONTACT_DID_NOT_TAKE_PLACE"),
    ("Office Visit", "as Dr Smith said", "UNKNOWN_STATUS"),
    ("Appointment", "", "APPOINTMENT_WITHOUT_STATUS"),
    ("Appointment", "fulfilled", 0),
    ("geplante Aufnahme", "", "APPOINTMENT_WITHOUT_STATUS"),
    ("Geplante Aufnahme", "finished", 0),
    ("planned admission", "cancelled", "CONTACT_DID_NOT_TAKE_PLACE"),
    ("Telephone", "completed", "NOT_EVIDENCE_OF_LIFE"),
    ("Gespraech", "completed", "UNKNOWN_KIND"),
    ("", "completed", "MISSING_KIND"),
]


@pytest.fixture(scope="module")
def of_statuses(tmp_path_factory):
    """The labels of patients who have each of ``STATUSES`` alone, and what was counted."""
    return labels_of(tmp_path_factory.mktemp("statuses"), [(kind, status) for kind, status, _ in STATUSES])


@pytest.mark.parametrize(("kind", "status", "expected"), STATUSES)
def test_a_status_denies_and_never_adds_to_the_kind(of_statuses, kind, status, expected):
    found, _ = of_statuses
    assert found[kind, status] == (expected if expected == 0 else "EXCL_NO_FOLLOWUP")


def test_what_a_status_or_a_kind_denies_is_counted_by_its_reason(of_statuses):
    _, counts = of_statuses
    assert counts == Counter(("contact", reason) for *_, reason in STATUSES if reason)


def test_words_of_the_list_are_shown_and_others_as_hash_and_length(tmp_path):
    contacts = [("Telephone",), ("TELEPHONE",), ("Dr Smith",), ("Dr Smith",), ("wait list",)]
    _, _, words, report = labels(tmp_path, contacts)
    shown = {word: rows for _, word, rows in words}
    assert shown.pop("telephone") == 2
    assert shown.pop("wait list") == 1
    ((hashed, rows),) = shown.items()
    assert rows == 2
    assert hashed.startswith("#")
    assert hashed.endswith("(8 characters)")
    assert report.identifiers["contact_kind"] == {hashed[1:11]: "dr smith"}
    said = " ".join(map(str, report.conflicts))
    assert "[telephone 2, wait list 1]" in said
    assert hashed in said
    assert "smith" not in said.lower()


def test_a_site_s_own_kinds_decide(tmp_path):
    assert labels(tmp_path, [("Coumadin clinic",)])[0] == "EXCL_NO_FOLLOWUP"
    assert labels(tmp_path, [("Coumadin clinic",)], {"coumadin clinic": True})[0] == 0
    assert labels(tmp_path, [("Visit",)], {"visit": False})[0] == "EXCL_NO_FOLLOWUP"
    assert labels(tmp_path, [("",)], {"": True})[0] == 0


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("Office Visit", "Closed", 0),
        ("Appointment", "signed", 0),
        ("Office Visit", "Completed", "EXCL_NO_FOLLOWUP"),
        ("Telephone", "Closed", "EXCL_NO_FOLLOWUP"),
        ("Office Visit", "arrived", 0),
    ],
)
def test_a_site_s_own_statuses_decide(tmp_path, kind, status, expected):
    own = {"closed": True, "signed": True, "completed": False}
    assert labels(tmp_path, [(kind, status)], None, own)[0] == expected
    if status in {"Closed", "signed"}:
        assert labels(tmp_path, [(kind, status)])[0] == "EXCL_NO_FOLLOWUP"


def test_an_extract_without_the_column_status_is_read(tmp_path):
    connection, _ = staged(tmp_path, {"patient": [person("P")], "study": [STUDY]})
    (tmp_path / "contact.csv").write_text(f"patient_id,contact_at,kind\nP,{LATER},visit\n")
    stage(connection, tmp_path, "canonical", KEYRING, "shifted")
    assert fetch(connection, "SELECT kind FROM contact") == [("visit",)]
