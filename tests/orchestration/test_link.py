"""``echomort link``: both sides compared, in memory, without a number of a patient."""

import json

import pytest
from echo_files import EchoFile, sector_movie
from extracts import clean_records, write_extract
from projects import Home

CANARY = "7Q7"
"""A part of every number; none may come out."""
PATIENTS = 8


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """Return a folder of files and an extract: patients without zeros in front, studies under another prefix."""
    root = tmp_path_factory.mktemp("sides")
    rows = clean_records(3, patients=PATIENTS)
    studies = {row[0]: f"UKG{CANARY}{place:04d}" for place, row in enumerate(rows["study"])}
    patients = {row[0]: f"9{CANARY}{place:04d}" for place, row in enumerate(rows["patient"])}
    renamed = {
        table: [tuple(studies.get(cell, patients.get(cell, cell)) for cell in row) for row in found]
        for table, found in rows.items()
    }
    write_extract(root / "ehr", renamed)
    for place, row in enumerate(renamed["study"]):
        folder = root / "dicom" / str(place)
        folder.mkdir(parents=True)
        tags = {
            "PatientID": f"000{row[1]}",
            "AccessionNumber": row[0].removeprefix("UKG"),
            "StudyInstanceUID": f"1.2.840.{place}",
            "SOPInstanceUID": f"1.2.840.{place}.1",
            "StudyID": "1",
        }
        EchoFile(sector_movie(4), tags=tags).write(folder / f"{CANARY}.dcm")
    return root


def link(root, *arguments):
    """Carry out the command in this process."""
    done = Home(root).here("link", "--dicom", str(root / "dicom"), "--ehr", str(root / "ehr"), *arguments, home=False)
    assert done.status == 0, done.stderr
    assert CANARY not in done.stdout + done.stderr
    return done.stdout


def test_the_settings_that_it_names_link_everything(sides, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = link(sides, "--explain")
    assert f"linked: 0 of {PATIENTS} studies" in said
    assert f"{PATIENTS} of {PATIENTS} studies would be linked with" in said
    flags = [part for line in said.splitlines() if line.startswith("  --set ") for part in line.split()]
    assert set(flags[1::2]) == {"linkage.study.record_prefix=3", "linkage.patient.ignore=[leading_zeros]"}
    assert f"linked: {PATIENTS} of {PATIENTS} studies" in link(sides, *flags)
    assert list(tmp_path.iterdir()) == [], "it writes nothing"


def test_without_explain_it_says_what_is_left_out_and_why(sides):
    said = link(sides)
    assert f"{PATIENTS} files of {PATIENTS} studies not linked, study_not_in_records" in said
    assert "NUMBERS OF" not in said
    assert "next: the same command with --explain" in said.splitlines()[-2]


def test_where_all_is_linked_no_further_look_is_advised(sides):
    said = link(sides, "--set", "linkage.study.record_prefix=3", "--set", "linkage.patient.ignore=[leading_zeros]")
    assert f"linked: {PATIENTS} of {PATIENTS} studies" in said and "--explain" not in said


def test_the_same_as_json(sides):
    found = json.loads(link(sides, "--json", "--files", "5"))
    assert (found["files"], found["read"], found["readable"]) == (PATIENTS, 5, 5)
    assert (found["now"]["studies"], found["now"]["linked"], found["after"]["linked"]) == (5, 0, 5)
    assert found["shapes"]["study"]["records"]["count"] == PATIENTS
    assert {"linkage.study.record_prefix=3", "linkage.patient.ignore=[leading_zeros]"} == set(found["settings"])


def test_a_rule_that_confuses_people_is_said_and_the_others_are_still_explained(sides, tmp_path):
    (tmp_path / "ehr").mkdir()
    for table in (sides / "ehr").iterdir():
        (tmp_path / "ehr" / table.name).write_bytes(table.read_bytes())
    with (tmp_path / "ehr" / "patient.csv").open("a", newline="") as file:
        file.write(f"09{CANARY}0000,1950-01-01,F,White\r\n")
    rule = ("--set", "linkage.patient.ignore=leading_zeros")
    said = link(sides, "--explain", "--files", "2", "--ehr", str(tmp_path / "ehr"), *rule)
    assert "can't be used: linkage.patient makes 2 different patients of the records the same" in said
    assert "refused: 2 patients of the records would be the same" in " ".join(said.split())


@pytest.mark.parametrize(
    ("arguments", "said"), [([], "no health records are named"), (["--ehr", "."], "no echo files")]
)
def test_sides_that_are_not_there_are_refused(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    done = Home(tmp_path).here("link", *arguments, home=False)
    assert done.status == 2 and said in done.stderr
