"""The linkage of files: every reason, every tag, every rule, on the statements that a run carries out."""

import re
from pathlib import Path

import pandas as pd
import pytest
from extracts import KEYRING, empty_warehouse, fetch

from assets.imaging.accounts import linkage_warnings, linked_studies
from assets.quality import BY_ASSET
from echomort.core.errors import UserError
from echomort.linkage.reasons import is_ordinary, reasons
from echomort.settings import Linkage, Settings
from warehouse.tables.archive.instances import replace_instances
from warehouse.tables.archive.linkage import link_files

RECORDS = {"S1": "1001", "S2": "1001", "S3": "1002", "1.2.840.99": "1002"}
"""Study of the records -> its patient."""


def warehouse(patients=None):
    """Return a warehouse with the studies of ``RECORDS``; ``patients``: number -> the number of the same person."""
    connection = empty_warehouse()
    persons = {number: number for number in RECORDS.values()} | (patients or {})
    connection.append(
        "patient_alias", pd.DataFrame([(key("patient", one), key("patient", other)) for one, other in persons.items()])
    )
    studies = pd.DataFrame(
        [(key("study", study), key("patient", patient)) for study, patient in RECORDS.items()],
        columns=["study_key", "patient_key"],
    )
    connection.append("study", studies, by_name=True)
    return connection


TEXTS = {"study": {}, "patient": {}}
"""What the vault holds, of every number of these tests."""


def key(domain, number):
    """Return the pseudonym of a number, and remember the number."""
    pseudonym = KEYRING.pseudonym(domain, number)
    TEXTS[domain][pseudonym] = number
    return pseudonym


def file(name, uid=None, accession=None, patient=None, sop=None, digest="bytes", **others):
    """Return the row of a readable file; ``others`` are further tags."""
    domain = {"OtherPatientIDs": "patient"}
    numbers = [(tag, number) for tag, given in others.items() for number in given.split()]
    return {
        "instance_key": name,
        "folder_key": "folder",
        "study_key": uid and key("study", uid),
        "accession_key": accession and key("study", accession),
        "patient_key": patient and key("patient", patient),
        "other_keys": " ".join(f"{tag}:{key(domain.get(tag, 'study'), number)}" for tag, number in numbers) or None,
        "sop_key": sop or name,
        "source_digest": digest,
        "status": "accepted",
    }


def linked(files, linkage=None, connection=None):
    """Return file -> its study, or the reason why it has none."""
    connection = connection or warehouse()
    replace_instances(connection, ["folder"], pd.DataFrame(files))
    link_files(connection, linkage or Linkage(), lambda domain: TEXTS[domain])
    names = {key("study", study): study for study in RECORDS}
    return {
        name: names.get(study, reason)
        for name, study, reason in fetch(connection, "SELECT instance_key, study_key, reason FROM instance_link")
    }


def rule(of, **settings):
    """Return the settings of linkage with one rule."""
    return Linkage.model_validate({of: settings})


def test_every_file_has_its_study_or_its_reason():
    found = linked(
        [
            file("by accession", "1.2.3", "S1", "1001"),
            file("by uid", "1.2.840.99", "S1", "1002"),
            file("no study", patient="1001"),
            file("another study", "1.2.3", "S9", "1001"),
            file("no patient", "1.2.3", "S1"),
            file("another patient", "1.2.3", "S1", "1009"),
            file("wrong patient", "1.2.3", "S1", "1002"),
            file("copy", "1.2.3", "S2", "1001", sop="x"),
            file("copy too", "1.2.3", "S2", "1001", sop="x"),
            file("differs", "1.2.3", "S2", "1001", sop="y"),
            file("differs too", "1.2.3", "S2", "1001", sop="y", digest="others"),
        ]
    )
    assert found == {
        "by accession": "S1",
        "by uid": "1.2.840.99",
        "no study": "no_study_id",
        "another study": "study_not_in_records",
        "no patient": "no_patient_id",
        "another patient": "patient_not_in_records",
        "wrong patient": "patient_mismatch",
        "copy": "S2",
        "copy too": "duplicate",
        "differs": "conflicting_copies",
        "differs too": "conflicting_copies",
    }
    assert set(found.values()) - set(RECORDS) <= set(reasons())


def test_an_old_number_of_a_person_links():
    connection = warehouse({"old": "1001"})
    assert linked([file("f", accession="S1", patient="old")], connection=connection) == {"f": "S1"}


TAGS = [
    ("study", "StudyID", {"StudyID": "S1"}),
    ("study", "RequestedProcedureID", {"RequestedProcedureID": "S1"}),
    ("study", "AdmissionID", {"AdmissionID": "S1"}),
    ("study", "PlacerOrderNumberImagingServiceRequest", {"PlacerOrderNumberImagingServiceRequest": "S1"}),
]


@pytest.mark.parametrize(("of", "tag", "numbers"), TAGS)
def test_a_tag_counts_only_if_it_is_named(of, tag, numbers):
    one = file("f", "1.2.3", "S9", "1001", **numbers)
    assert linked([one]) == {"f": "study_not_in_records"}
    assert linked([one], rule(of, tags=tag)) == {"f": "S1"}
    assert linked([one], rule(of, tags=["StudyInstanceUID", tag, "AccessionNumber"])) == {"f": "S1"}


def test_the_first_tag_that_the_records_know_decides():
    one = file("f", "1.2.3", "S1", "1001", StudyID="S2")
    assert linked([one], rule("study", tags=["StudyID", "AccessionNumber"])) == {"f": "S2"}
    assert linked([one], rule("study", tags=["AccessionNumber", "StudyID"])) == {"f": "S1"}


def test_other_patient_numbers_link_if_they_are_of_one_person():
    named = rule("patient", tags=["PatientID", "OtherPatientIDs"])
    one = file("f", accession="S1", patient="1009", OtherPatientIDs="1008 1001")
    both = file("g", accession="S1", patient="1009", OtherPatientIDs="1001 1002")
    assert linked([one, both]) == {"f": "patient_not_in_records", "g": "patient_not_in_records"}
    assert linked([one, both], named) == {"f": "S1", "g": "patient_mismatch"}


def test_several_studies_of_one_tag_are_told():
    one = file("f", patient="1001", RequestedProcedureID="S1 S2")
    assert linked([one], rule("study", tags="RequestedProcedureID")) == {"f": "several_studies"}


def test_a_rule_links_each_tag_by_itself_and_study_and_patient_must_still_agree():
    numbers = ["S1", "S2", "S3"]
    files = [file(f"f{n}", f"1.2.3.{n}", f"XX{number}", f"000{RECORDS[number]}") for n, number in enumerate(numbers)]
    wrong = file("wrong", "1.2.3.9", "XXS3", "0001001")
    both = Linkage.model_validate({"study": {"header_prefix": 2}, "patient": {"ignore": "leading_zeros"}})
    assert set(linked([*files, wrong]).values()) == {"study_not_in_records"}
    assert linked([*files, wrong], both) == {"f0": "S1", "f1": "S2", "f2": "S3", "wrong": "patient_mismatch"}


def test_a_map_links_and_overrules_an_equal_number(tmp_path):
    (tmp_path / "map.csv").write_text("dicom,record\n77,1001\n1002,9999\n")
    named = rule("patient", map=tmp_path / "map.csv")
    found = linked([file("f", accession="S1", patient="77"), file("g", accession="S3", patient="1002")], named)
    assert found == {"f": "S1", "g": "patient_not_in_records"}


def test_a_rule_that_confuses_people_stops_the_linkage():
    connection = warehouse({"01001": "1002"})
    with pytest.raises(UserError, match="makes 2 different patients") as caught:
        linked([file("f", accession="S1", patient="001001")], rule("patient", ignore="leading_zeros"), connection)
    assert "1001" not in str(caught.value)


def test_a_vault_that_lacks_numbers_stops_a_rule_and_nothing_else():
    connection = warehouse()
    replace_instances(connection, ["folder"], pd.DataFrame([file("f", accession="S1", patient="1001")]))
    link_files(connection, Linkage(), lambda domain: {})
    assert fetch(connection, "SELECT status FROM instance_link") == [("accepted",)]
    with pytest.raises(UserError, match="the vault lacks 2 numbers"):
        link_files(connection, rule("patient", ignore="case"), lambda domain: {"x": "y"})


def gate(connection, least):
    """Return the result of the gate."""
    (check,) = [one for one in BY_ASSET["linkage"] if one.spec.name == "enough_studies_are_linked"]
    assert check.spec.blocking
    assert set(check.stage.recipe(Settings())) != set()
    return check.read(connection)(Settings.model_validate({"linkage": {"least_linked": least}}))


@pytest.mark.parametrize(
    ("count", "least", "passes"), [(0, 0.5, False), (0, 0.001, False), (0, 0, True), (1, 0.5, False), (2, 0.5, True)]
)
def test_the_gate_stops_where_too_few_studies_are_linked(count, least, passes):
    connection = warehouse()
    files = [file(f"f{n}", f"1.2.{n}", "S1" if n < count else "S9", "1001") for n in range(4)]
    linked([*files, file("second of f3", "1.2.3", "S9", "1001")], connection=connection)
    result = gate(connection, least)
    assert (result["passed"], result["rows"], result["offending"]) == (passes, 4, 4 - count)
    if not passes:
        share = count / 4
        assert f"{count} of 4 studies" in result["failed"]
        assert f"study_not_in_records in {5 - count} files" in result["failed"]
        assert "echomort link --explain" in result["failed"]
        assert gate(connection, float(result["failed"].rpartition("=")[2]))["passed"], share


def test_an_archive_without_a_readable_file_is_not_stopped():
    connection = warehouse()
    link_files(connection, Linkage(), lambda domain: {})
    assert gate(connection, 0.5)["passed"]
    assert linked_studies(connection).studies == 0


def test_every_reason_but_a_copy_is_a_warning_with_advice():
    connection = warehouse()
    one = file("f", "1.2.3", "S9", "1001", sop="x")
    linked([one, {**one, "instance_key": "g"}, file("h", "1.2.3", "S1", "1002")], connection=connection)
    lines = [line for _, line in linkage_warnings(connection)]
    assert [line.partition(" (")[0] for line in lines] == [
        "1 file of 1 study not linked, patient_mismatch",
        "1 file of 1 study not linked, study_not_in_records",
    ]
    assert all(row["remedy"] and row["meaning"] for row in reasons().values())
    assert [reason for reason in reasons() if is_ordinary(reason)] == ["duplicate"]
    text = link_text()
    assert all(f"'{reason}'" in text for reason in reasons()), "advice for no other reason than those of the statement"
    assert text.count("THEN '") == len(reasons()) + text.count("THEN 'accepted'")


def test_the_page_names_every_reason():
    page = (Path(__file__).parents[2] / "docs" / "linkage.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) >= set(reasons())


def link_text():
    """Return the statement that gives the reasons."""
    from warehouse.queries import query

    text = query("tables/archive/instance_link.sql")
    return text[text.index("checked AS") : text.index("FROM copies")]
