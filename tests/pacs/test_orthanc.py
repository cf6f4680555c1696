"""Results in a real archive: Orthanc, by C-STORE and STOW-RS, each object once however often it is sent."""

import pytest
from orthanc_peer import converse, why_not
from pacs_studies import PATIENT
from pydicom import dcmread

for extra in ("highdicom", "pynetdicom", "dicomweb_client"):
    pytest.importorskip(extra)


@pytest.mark.slow
def test_orthanc_holds_each_result_once_and_as_it_was_made(home, study, tmp_path):
    if reason := why_not():
        pytest.skip(reason)
    assert home.here("result", str(study), "--save", str(tmp_path / "out")).status == 0
    files = sorted((tmp_path / "out").rglob("*.dcm"))
    (tmp_path / "held").mkdir()
    seen = converse(tmp_path / "held", [*sorted(study.iterdir())[:1], *files], "results")
    for name in ("first", "again"):
        assert (seen[f"store_{name}"]["sent"], seen[f"web_{name}"]["sent"]) == (1, 3)
        assert (seen[f"store_{name}"]["failed"], seen[f"web_{name}"]["failed"]) == (0, 0)
        assert seen[f"held_{name}"] == 3
    assert (seen["studies"], seen["patients"]) == (1, 1)
    assert (seen["store_down"]["failed"], seen["web_down"]["failed"]) == (3, 3)
    held = {one.SOPInstanceUID: one for one in map(dcmread, (tmp_path / "held").glob("*.dcm"))}
    for made in map(dcmread, files):
        assert held[made.SOPInstanceUID] == made
        assert made.PatientID == PATIENT["PatientID"]
