"""Words that are on no list: codes of closed vocabularies are shown, all others by a keyed hash and their length."""

import pytest
from extracts import counted, fetch, person, staged

from echomort.ehr.public_codes import is_public_code
from warehouse.staging.staging import MOST_WORDS

STUDY = ("S", "P", "2018-05-01 09:30:00", "Dr Smith")
AT = "2018-01-01"
ROWS = {
    "patient": [("P", "1950-03-04", "F", "Jane Doe"), person("Q", sex="Smith"), person("R", sex="X")],
    "study": [STUDY],
    "measurement": [
        ("P", "", "2160-0", 1, "mg/dL", AT),
        ("P", "", "2160-0", 2, "mg/dL", AT),
        ("P", "", "Smith called", 1, "mg/dL", AT),
        ("P", "", "sbp", 120, "nmol/d", AT),
        ("P", "", "sbp", 121, "as Smith said", AT),
    ],
    "diagnosis": [("P", "SNOMED-CT", "84114007", AT), ("P", "ICD10CM", "I63.9 G", AT), ("P", "ICD10CM", "Jane D", AT)],
    "medication": [
        ("P", "C03CA01", 20, "mg/d", AT, ""),
        ("P", "Jan", 20, "mg/d", AT, ""),
        ("P", "statin", 20, "Smith", AT, ""),
    ],
}


def words(connection):
    """Return (table, reason) -> word -> rows; of hashed words the length alone."""
    found = {}
    for table, reason, word, rows in fetch(connection, "FROM unlisted_word"):
        shown = "#" + word.partition("(")[2].partition(" ")[0] if word.startswith("#") else word
        found.setdefault((table, reason), {})[shown] = rows
    return found


def test_codes_are_shown_and_prose_is_hashed(tmp_path):
    connection, report = staged(tmp_path, ROWS)
    assert words(connection) == {
        ("patient", "UNKNOWN_RACE"): {"#8": 1},
        ("patient", "UNKNOWN_SEX"): {"X": 1, "#5": 1},
        ("study", "UNKNOWN_SETTING"): {"#8": 1},
        ("measurement", "UNKNOWN_VARIABLE"): {"2160-0": 2, "#12": 1},
        ("measurement", "UNKNOWN_UNIT"): {"nmol/d": 1, "#13": 1},
        ("diagnosis", "UNKNOWN_VOCABULARY"): {"SNOMEDCT": 1},
        ("diagnosis", "NOT_A_CODE"): {"I63.9 G": 1, "#6": 1},
        ("medication", "UNKNOWN_DRUG_CLASS"): {"C03CA01": 1, "#3": 1},
        ("medication", "UNKNOWN_UNIT"): {"#5": 1},
    }
    said = " ".join(map(str, report.conflicts)).lower()
    assert "2160-0 2" in said
    assert "smith" not in said
    assert "jane" not in said
    assert {"dr smith", "smith called", "jane doe"} <= {text.lower() for text in report.identifiers["word"].values()}


def test_the_rows_of_words_are_those_of_the_reason(tmp_path):
    connection, report = staged(tmp_path, ROWS)
    counts = counted(report)
    for key, found in words(connection).items():
        assert counts[key] == sum(found.values()), key


def test_a_column_of_prose_is_kept_in_part(tmp_path):
    prose = [("P", "", f"note {number:05d}", 1, "mg/dL", AT) for number in range(MOST_WORDS + 5)]
    connection, report = staged(tmp_path, {**ROWS, "measurement": [*ROWS["measurement"], *prose]})
    kept = fetch(connection, "SELECT count(*) FROM unlisted_word WHERE reason = 'UNKNOWN_VARIABLE'")
    assert kept == [(MOST_WORDS,)]
    assert counted(report)["measurement", "UNKNOWN_VARIABLE"] == MOST_WORDS + 5 + 3


@pytest.mark.parametrize(
    ("reason", "text", "expected"),
    [
        ("UNKNOWN_VARIABLE", "38483-4", True),
        ("UNKNOWN_VARIABLE", "38483-5", False),  # a wrong check digit
        ("UNKNOWN_VARIABLE", "1024317", False),  # may be a record number
        ("UNKNOWN_UNIT", "mL/min/m2", True),
        ("UNKNOWN_UNIT", "Mann/Smith", False),
        ("UNKNOWN_DRUG_CLASS", "c07ab02", True),
        ("UNKNOWN_DRUG_CLASS", "Meyer", False),
        ("NOT_A_CODE", "I25.1+", True),
        ("NOT_A_CODE", "84114007", False),
        ("CONTACT_AFTER_DEATH", "2160-0", False),
    ],
)
def test_the_form_of_a_code_decides(reason, text, expected):
    assert is_public_code(reason, text) is expected
