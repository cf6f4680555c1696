"""A risk that comes back as DICOM objects of its study, read as an archive's users do."""

import json
import shutil
import stat
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from champions import SMALL
from pacs_studies import LOOP_UID, PATIENT, write_loop
from pydicom import dcmread

pytest.importorskip("highdicom")

from highdicom.sr import EnhancedSR, srread

from echomort.champion.predict import StudyPrediction
from echomort.champion.store import Facts, Parts, write_candidate, write_pointer
from echomort.core.audit import LOG, read_log
from echomort.models.platt import Platt
from echomort.pacs.objects import as_file
from echomort.pacs.page import _lines, encapsulated_page
from echomort.pacs.report import structured_report
from echomort.pacs.result import IDENTITY, Instance, StudyResult

CANARIES = ("CANARY", "Canary", "ACC-", "1.2.826", "2.25.", "19500101")


def written(folder):
    """Return the objects below ``folder``: class -> object."""
    found = [dcmread(path) for path in folder.rglob("*.dcm")]
    return {one.SOPClassUID.name: one for one in found}


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.dcm")}


def items(report):
    """Yield each item of the content tree below the root."""
    for item in report.get("ContentSequence", []):
        yield item
        yield from items(item)


def numbers(report):
    """Return code -> value of each measurement."""
    found = [item for item in items(report) if item.ValueType == "NUM"]
    assert all(each.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "%" for each in found)
    return {
        each.ConceptNameCodeSequence[0].CodeValue: float(each.MeasuredValueSequence[0].NumericValue) for each in found
    }


def texts(report):
    return {
        item.ConceptNameCodeSequence[0].CodeMeaning: item.TextValue for item in items(report) if "TextValue" in item
    }


def planted(**changes):
    """Return a result whose every value is known."""
    prediction = StudyPrediction(
        1, "place", 5, 2, -1.0, 0.1234, 0.05, 0.3161, "video", ("parasternal_long", "health record"), False, None
    )
    identity = dict.fromkeys(IDENTITY, "") | PATIENT | {"StudyInstanceUID": "1.2.3", "StudyDate": "20200102"}
    instances = tuple(Instance("1.2.840.10008.5.1.4.1.1.3.1", f"1.2.3.4.{one}", "1.2.3.4") for one in (1, 2))
    return replace(StudyResult(prediction, identity | {"AccessionNumber": "A"}, instances, "0123456789ab"), **changes)


def test_the_objects_of_a_study_say_its_risk_and_are_of_that_study(home, study, tmp_path):
    said = home.here("result", str(study), "--save", str(tmp_path / "out"))
    assert (said.status, said.stderr) == (0, "")
    (predicted,) = map(json.loads, home.here("predict", str(study), "--studies", "--json").stdout.splitlines())
    objects = written(tmp_path / "out")
    report, page = objects["Enhanced SR Storage"], objects["Encapsulated PDF Storage"]
    assert numbers(report) == {
        "one_year_risk": round(100 * predicted["risk"], 1),
        "lowest_by_fold": round(100 * predicted["low"], 1),
        "highest_by_fold": round(100 * predicted["high"], 1),
    }
    for one in (report, page):
        source = dcmread(study / "1.dcm")
        for name in (*PATIENT, "StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyID"):
            assert one[name].value == source[name].value, name
        assert one.SeriesInstanceUID != source.SeriesInstanceUID and one.VerificationFlag == "UNVERIFIED"
    assert report.SeriesInstanceUID != page.SeriesInstanceUID
    assert page.EncapsulatedDocument.startswith(b"%PDF") and "SYNTHETIC" in page.SeriesDescription


def test_report_and_page_say_what_is_beyond_the_cohort_and_are_other_objects_then():
    within = planted()
    beyond = replace(within, prediction=replace(within.prediction, beyond=("age", "loop brightness")))
    told = [
        item.ConceptCodeSequence[0].CodeMeaning
        for item in items(structured_report(beyond))
        if item.ValueType == "CODE" and item.ConceptNameCodeSequence[0].CodeValue == "beyond_cohort"
    ]
    assert told == ["age", "loop brightness"]
    assert numbers(structured_report(beyond)) == numbers(structured_report(within))
    assert ("Unlike the cohort", "age, loop brightness") in [
        (label, text.partition(":")[0]) for label, text in _lines(beyond, 5.0, 31.6)
    ]
    for make in (structured_report, encapsulated_page):
        assert make(beyond).SOPInstanceUID != make(within).SOPInstanceUID


def test_the_report_names_the_objects_that_counted_and_no_other(home, study, tmp_path):
    write_loop(study / "still.dcm", 3, NumberOfFrames=1, FrameTime=None)
    assert home.here("result", str(study), "--save", str(tmp_path / "out")).status == 0
    report = EnhancedSR.from_dataset(written(tmp_path / "out")["Enhanced SR Storage"])
    (of_study,) = report.CurrentRequestedProcedureEvidenceSequence
    evidence = {
        one.ReferencedSOPInstanceUID
        for series in of_study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    shown = {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in items(report) if item.ValueType == "IMAGE"
    }
    assert evidence == shown == {LOOP_UID.format(1), LOOP_UID.format(2)}


def test_a_loop_of_a_view_without_a_model_is_not_named_beside_one_that_counts(home, study, tmp_path):
    write_loop(study / "2.dcm", 2, SeriesDescription="Apical 4 chamber")
    assert home.here("result", str(study), "--save", str(tmp_path / "out")).status == 0
    objects = written(tmp_path / "out")
    shown = [one.ReferencedSOPInstanceUID for one in objects["Encapsulated PDF Storage"].SourceInstanceSequence]
    images = [item for item in items(objects["Enhanced SR Storage"]) if item.ValueType == "IMAGE"]
    assert shown == [LOOP_UID.format(2)] == [one.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for one in images]


def test_the_same_is_the_same_bytes_and_another_champion_gives_other_objects(home, study, registry, tmp_path):
    for name in ("one", "two"):
        assert home.here("result", str(study), "--save", str(tmp_path / name)).status == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two") and len(contents(tmp_path / "one")) == 2
    another = tmp_path / "another"
    another.mkdir()
    views = ("apical_4", "parasternal_long")
    parts = Parts({view: registry / view for view in views}, {view: Platt(1.0, -2.0) for view in views})
    write_pointer(another, name := write_candidate(another, parts, Facts(SMALL, True, {}, {})), ["a test"], name)
    (home.root / "registry").unlink()
    (home.root / "registry").symlink_to(another)
    assert home.here("result", str(study), "--save", str(tmp_path / "three")).status == 0
    first, third = written(tmp_path / "one"), written(tmp_path / "three")
    for kind in first:
        assert first[kind].SOPInstanceUID != third[kind].SOPInstanceUID
        assert first[kind].SeriesInstanceUID != third[kind].SeriesInstanceUID


def test_a_study_that_has_its_results_among_its_files_gets_the_same_ones(home, study, tmp_path):
    for folder in (study, tmp_path / "out"):
        assert home.here("result", str(study), "--save", str(folder)).status == 0
    made = contents(tmp_path / "out")
    assert len(made) == 2 and made.items() <= contents(study).items()


@pytest.mark.parametrize("make", [structured_report, encapsulated_page])
def test_whatever_differs_in_an_object_makes_another_instance(make):
    changed = [
        planted(),
        planted(candidate="another"),
        planted(version="99"),
        planted(instances=planted().instances[:1]),
        planted(prediction=replace(planted().prediction, risk=0.2)),
        planted(prediction=replace(planted().prediction, missing=())),
        planted(identity=dict(planted().identity) | {"StudyInstanceUID": "1.2.4"}),
    ]
    assert len({make(one).SOPInstanceUID for one in changed}) == len(changed)
    assert as_file(make(planted())) == as_file(make(planted()))


def test_planted_values_are_read_back(tmp_path):
    (tmp_path / "sr.dcm").write_bytes(as_file(structured_report(planted())))
    report = srread(tmp_path / "sr.dcm")
    assert numbers(report) == {"one_year_risk": 12.3, "lowest_by_fold": 5.0, "highest_by_fold": 31.6}
    told = texts(report)
    assert told["Algorithm Name"] == "echomort" and told["Algorithm Version"] == "0.1.0, candidate 0123456789ab"
    coded = [item.ConceptCodeSequence[0].CodeMeaning for item in items(report) if item.ValueType == "CODE"]
    assert {"Research use, not for clinical decisions", "parasternal long", "health record"} <= set(coded)
    assert not any("ynthetic" in meaning for meaning in coded)
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert report.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99ECHOMORT"


def test_files_are_their_owners_alone_and_nothing_else_holds_an_identifier(home, study, tmp_path):
    said = home.here("result", str(study), "--save", str(tmp_path / "out"))
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) == 2 and all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    told = said.stdout + said.stderr + (home.root / LOG).read_text() + " ".join(map(str, files))
    assert not any(canary in told for canary in CANARIES)
    begun, done = read_log(home.root)
    assert begun["command"] == done["command"] == "result --save" and done["event"] == "done"
    assert done["counts"] == {"files": 2, "scored": 2, "results": 1, "without_result": 0}
    assert len(done["objects"]) == 3


def test_a_study_with_a_file_of_another_patient_gets_no_result(home, tmp_path):
    others = ({"PatientID": "CANARY-2"}, {"PatientName": "Canary^John"}, {"PatientBirthDate": "19510101"})
    for number, tags in enumerate(others):
        for loop, changes in enumerate(({}, tags)):
            study = {"StudyInstanceUID": f"1.2.826.6.{number}"}
            write_loop(tmp_path / "studies" / f"{number}{loop}.dcm", 10 * number + loop, **study | changes)
    said = home.here("result", str(tmp_path / "studies"), "--save", str(tmp_path / "out"))
    assert said.status == 0 and said.stdout.count("no result: its files name several patients; 2 of 2 files count") == 3
    assert not contents(tmp_path / "out") and not any(canary in said.stdout for canary in CANARIES)


def test_a_rejected_file_of_another_patient_is_one_too(home, study, tmp_path):
    write_loop(study / "3.dcm", 3, PatientID="CANARY-2", SOPClassUID="1.2.840.10008.5.1.4.1.1.6.1", NumberOfFrames=1)
    assert "several patients" in home.here("result", str(study), "--save", str(tmp_path / "out")).stdout


def test_the_same_name_written_with_empty_parts_is_the_same_patient(home, study, tmp_path):
    write_loop(study / "3.dcm", 3, PatientName="CANARY^JANE^^")
    assert home.here("result", str(study), "--save", str(tmp_path / "out")).status == 0
    assert len(contents(tmp_path / "out")) == 2


def test_what_an_object_needs_and_a_study_lacks_is_named(home, tmp_path):
    lacking = [
        ({"PatientID": ""}, "its files name no patient"),
        ({"StudyDate": ""}, "its files have no date of the study"),
        ({"StudyDate": "20201341"}, "its files have no date of the study"),
        ({"SOPInstanceUID": "1.2.x"}, "a UID of its files is none"),
        ({"StudyInstanceUID": ""}, "its files have no StudyInstanceUID"),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, (tags, _) in enumerate(lacking):
            write_loop(
                tmp_path / "studies" / f"{number}.dcm", number, **{"StudyInstanceUID": f"1.2.826.7.{number}"} | tags
            )
    said = home.here("result", str(tmp_path / "studies"), "--save", str(tmp_path / "out"))
    for number, (_, reason) in enumerate(lacking, 1):
        assert f"study {number}: no result: {reason};" in said.stdout
    assert said.status == 0 and not contents(tmp_path / "out")


def test_a_study_without_a_risk_gets_no_object_and_the_others_theirs(home, study, tmp_path):
    write_loop(tmp_path / "other" / "1.dcm", 8, StudyInstanceUID="1.2.826.5.2", BitsAllocated=16, SamplesPerPixel=7)
    said = home.here("result", str(tmp_path / "other"), str(study), "--save", str(tmp_path / "out"), "--only", "sr")
    assert "study 1: no result: no file of it was accepted; 0 of 1 files count" in said.stdout
    assert len(contents(tmp_path / "out")) == 1


def test_any_name_is_written_in_unicode_and_said_to_nobody(home, tmp_path, recwarn):
    name = "Müller^Jürgen=山田^太郎"
    write_loop(tmp_path / "study" / "1.dcm", SpecificCharacterSet="ISO_IR 192", PatientName=name, PatientSex="?")
    said = home.here("result", str(tmp_path / "study"), "--save", str(tmp_path / "out"))
    assert (said.status, said.stderr) == (0, "") and "ller" not in said.stdout
    assert {str(one.PatientName) for one in written(tmp_path / "out").values()} == {name}
    assert not [one for one in recwarn if "ller" in str(one.message) or "山" in str(one.message)]


def test_as_json_a_study_is_one_object_with_its_reason(home, study, tmp_path):
    write_loop(tmp_path / "other" / "1.dcm", 8, StudyInstanceUID="1.2.826.5.2", PatientID="")
    words = ["result", str(study), str(tmp_path / "other"), "--save", str(tmp_path / "out"), "--json"]
    first, second = map(json.loads, home.here(*words).stdout.splitlines())
    assert first["no_result"] is None and 0 < first["risk"] < 1
    assert second["no_result"] == "its files name no patient"


def test_it_is_said_what_is_missing_before_anything_is_scored(home, study, monkeypatch):
    said = home.here("result", str(study))
    assert said.status == 2 and "give --save, --send-to or --dicomweb" in said.stderr
    monkeypatch.setitem(sys.modules, "highdicom", None)
    said = home.here("result", str(study), "--save", "out")
    assert (said.status, said.stderr) == (2, "echomort: highdicom is not installed: pip install 'echomort[pacs]'\n")
    assert not (home.root / LOG).exists()


@pytest.mark.parametrize("make", [structured_report, encapsulated_page])
def test_an_object_is_valid(make, tmp_path):
    dciodvfy = shutil.which("dciodvfy") or shutil.which("dciodvfy", path=str(Path(sys.executable).parent))
    if dciodvfy is None:
        pytest.skip("dciodvfy (extra dev) is not installed")
    (tmp_path / "one.dcm").write_bytes(as_file(make(planted())))
    said = subprocess.run([dciodvfy, tmp_path / "one.dcm"], capture_output=True, text=True, check=False)
    assert {"EnhancedSR", "EncapsulatedPDF"} & set((said.stderr + said.stdout).split())
    assert [line for line in (said.stderr + said.stdout).splitlines() if line.startswith("Error")] == []
