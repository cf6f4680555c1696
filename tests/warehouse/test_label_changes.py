"""What a new extract did to the labels, in counts."""

from datetime import date, timedelta

from extracts import KEYRING, fetch, person, staged, write_extract

from assets.accounts import change_lines
from assets.records.outcomes import CHANGES, label
from echomort.settings import Outcome
from warehouse.adapters.extract import ExtractLocation
from warehouse.staging.staging import stage

DAY, RULES = date(2018, 5, 1), Outcome(require_full_window=False)
DEAD, ALIVE = ("death", DAY + timedelta(days=90)), ("contact", DAY + timedelta(days=500))
BEFORE = {"A": DEAD, "B": ALIVE, "C": ALIVE, "D": ALIVE, "E": None, "F": DEAD, "G": ALIVE}
AFTER = {"A": ALIVE, "B": DEAD, "C": DEAD, "D": None, "E": DEAD, "G": ALIVE, "H": ALIVE, "I": None}
"""Patient, who has one echo on DAY -> what is known of the year after it. F is gone; H and I are new."""


def records(known):
    """The canonical rows of patients of whom no more is known than ``known``."""
    rows = {"patient": [], "study": [], "death": [], "contact": []}
    for name, evidence in known.items():
        rows["patient"].append(person(name))
        rows["study"].append((f"S{name}", name, DAY, ""))
        if evidence:
            table, day = evidence
            rows[table].append((name, day, "registry" if table == "death" else "visit"))
    return rows


def test_a_new_extract_says_how_many_labels_it_changed_and_in_which_way(tmp_path):
    connection, _ = staged(tmp_path / "before", records(BEFORE))
    assert CHANGES not in label(connection, RULES, KEYRING).details, "there was nothing before"
    assert CHANGES not in label(connection, RULES, KEYRING).details, "nothing changed"
    stage(connection, ExtractLocation(write_extract(tmp_path / "after", records(AFTER))), "canonical", KEYRING, "kept")
    built = label(connection, RULES, KEYRING)
    assert built.details[CHANGES] == {
        "became dead": 2, "became alive": 1, "gone with their study": 1, "new with a label": 1, "now with a label": 1,
        "without a label now": 1,
    }  # fmt: skip
    assert fetch(connection, "SELECT count(label) FROM outcome") == [(6,)]
    assert list(change_lines(built.details[CHANGES])) == [
        "labels that changed last: 2 became dead, 1 became alive, 1 gone with their study, 1 new with a label, "
        "1 now with a label, 1 without a label now"
    ]
    assert list(change_lines({})) == []
