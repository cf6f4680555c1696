"""Talk with a real archive: Orthanc (C-FIND, C-MOVE, C-STORE), its DICOMweb plugin and dcmtk's storescu."""

import hashlib

import numpy as np
import pytest
from echo_files import JPEG, EchoFile, sector_movie
from orthanc_peer import converse, why_not
from pydicom import dcmread, examples
from pydicom.uid import generate_uid

from echomort.core.listing import list_files
from echomort.dicom import read_clip

pytest.importorskip("pynetdicom")
pytest.importorskip("dicomweb_client")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A real JPEG loop and two of ours, large enough to take a while on the way; of two studies."""
    folder = tmp_path_factory.mktemp("sent")
    made = []
    for number, study in enumerate(("1.2.826.0.1.1", "1.2.826.0.1.2")):
        loop = EchoFile(movie=sector_movie(60, 480, 640), syntax=JPEG, photometric="YBR_FULL_422")
        loop.tags = {
            "SOPInstanceUID": generate_uid(),
            "StudyInstanceUID": study,
            "SeriesInstanceUID": f"{study}.9",
            "StudyDate": "20160502",
            "PatientID": "CANARY-7731",
            "PatientName": "Canary^Jane",
        }
        made.append(loop.write(folder / f"{number}.dcm"))
    return [*made, examples.get_path("ybr_color")]


@pytest.fixture(scope="module")
def seen(files, tmp_path_factory):
    if reason := why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("orthanc")
    return converse(folder, files) | {"folder": folder}


@pytest.fixture(scope="module")
def sent(files):
    found = [dcmread(file) for file in files]
    return {
        str(each.SOPInstanceUID): [
            str(each.file_meta.TransferSyntaxUID),
            hashlib.sha256(each.PixelData).hexdigest(),
        ]
        for each in found
    }


def test_orthanc_holds_what_was_sent(seen, files):
    assert seen["stored"] == [0, len(files)]


def test_dicomweb_brings_every_loop_as_it_is_stored(seen, sent):
    assert counts(seen["fetched"]) == {"new": len(sent)}
    assert seen["fetched_pixels"] == sent


def test_dicomweb_brings_nothing_twice_and_nothing_unasked(seen, sent):
    assert counts(seen["fetched_again"]) == {"there": len(sent)}
    assert counts(seen["fetched_none"]) == {}


def test_what_orthanc_sends_lies_there_without_a_change_to_its_pixels(seen, sent):
    assert seen["echo"] == 0
    assert seen["received_pixels"] == sent


def test_what_storescu_sends_lies_there_without_a_change_to_its_pixels(seen, sent):
    assert seen["scu"] == 0
    assert seen["scu_pixels"] == sent


def test_c_move_brings_every_loop_once_it_is_stable_and_nothing_twice(seen, sent):
    assert counts(seen["moved_early"]) == {"unstable": 3}
    assert counts(seen["moved"]) == {"retrieved": 3, "objects": 3}
    assert seen["moved_pixels"] == sent
    assert counts(seen["moved_again"]) == {"there": 3}


def test_orthanc_with_a_limit_of_answers_hides_no_study(seen):
    assert counts(seen["moved_cut"]) == {"retrieved": 3, "objects": 3}


def test_an_archive_that_does_not_know_us_says_where_to_register(seen):
    assert "register STRANGER there with this machine's address and port 11112" in seen["moved_unknown"]["error"]
    assert counts(seen["moved_elsewhere"]) == {"failed": 3}
    assert "register ECHOMORT there with this machine's address and port 11113" in seen["moved_elsewhere"]["remedy"]


def counts(found):
    return {name: number for name, number in found.items() if isinstance(number, int) and number}


def test_all_ways_lead_to_the_same_names_and_none_holds_an_identifier(seen, sent):
    assert seen["fetched_names"] == seen["received_names"] == seen["moved_names"]
    told = " ".join(seen["fetched_names"])
    assert not any(word in told for word in ("CANARY", "Canary", "1.2.826", *sent))


def test_the_clips_are_the_same_as_of_the_files_that_were_sent(seen, files):
    before = {dcmread(file, stop_before_pixels=True).SOPInstanceUID: file for file in files[:2]}
    root = seen["folder"] / "web"
    for file in list_files(root, "sources.dicom"):
        uid = dcmread(root / file.path, stop_before_pixels=True).SOPInstanceUID
        if uid in before:
            assert np.array_equal(read_clip(root / file.path).pixels, read_clip(before[uid]).pixels)


def test_a_line_that_dies_on_the_way_leaves_nothing_half_written(seen, files):
    assert files[0].stat().st_size > 1_000_000
    assert seen["cut"] != 0
    assert seen["cut_names"] == []


def test_a_server_that_is_gone_is_one_line(seen):
    assert "keeps failing" in seen["down"]
    assert "\n" not in seen["down"]
    assert seen["down_names"] == []
