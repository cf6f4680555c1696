import hashlib
import socket

import numpy as np
import pytest
from echo_files import JPEG, STILL_CLASS, EchoFile
from pydicom import dcmread
from pydicom.uid import generate_uid

from echomort.core.errors import UserError
from echomort.core.listing import list_files
from echomort.dicom import Reason, Rejected, read_clip
from echomort.sources.landing import landing_path

pytest.importorskip("pynetdicom")

from pynetdicom import AE

from echomort.sources.receiver import Station, receiving


def _loop(path, **tags):
    return EchoFile(syntax=JPEG, photometric="YBR_FULL_422", tags=tags).write(path)


def _send(address, dataset, title="ECHOMORT", sender="SCANNER"):
    entity = AE(ae_title=sender)
    entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = entity.associate(*address, ae_title=title)
    if not association.is_established:
        return None
    status = association.send_c_store(dataset)
    association.release()
    return status.Status


def _files(folder):
    return [folder / file.path for file in list_files(folder, "sources.dicom")]


def test_what_is_sent_lies_there_as_it_was_sent(tmp_path):
    sent, how = dcmread(_loop(tmp_path / "sent.dcm", PatientID="DOE-JANE-1960")), []
    with receiving(tmp_path / "in", Station(0), how.append) as address:
        assert _send(address, sent) == 0
        assert _send(address, sent) == 0
    assert how == ["new", "same"]
    (file,) = _files(tmp_path / "in")
    came = dcmread(file)
    assert came.file_meta.TransferSyntaxUID == JPEG
    assert came.PixelData == sent.PixelData
    assert np.array_equal(read_clip(file).pixels, read_clip(tmp_path / "sent.dcm").pixels)
    assert file == landing_path(tmp_path / "in", sent.StudyInstanceUID, sent.SOPInstanceUID)


def test_paths_say_nothing_and_a_study_has_one_folder(tmp_path):
    study = generate_uid()
    loops = [
        dcmread(_loop(tmp_path / f"{n}.dcm", SOPInstanceUID=generate_uid(), StudyInstanceUID=study, PatientID="DOE"))
        for n in range(3)
    ]
    with receiving(tmp_path / "in", Station(0)) as address:
        assert [_send(address, loop) for loop in loops] == [0, 0, 0]
    files = _files(tmp_path / "in")
    assert len({file.parent for file in files}) == 1
    assert len(files) == 3
    told = " ".join(str(file.relative_to(tmp_path / "in")) for file in files)
    for identifier in ("DOE", study, *(loop.SOPInstanceUID for loop in loops)):
        assert identifier not in told
        assert hashlib.sha256(str(identifier).encode()).hexdigest()[:32] not in told


def test_an_object_sent_again_with_another_header_takes_the_place_of_the_old(tmp_path):
    loop, how = dcmread(_loop(tmp_path / "a.dcm")), []
    with receiving(tmp_path / "in", Station(0), how.append) as address:
        _send(address, loop)
        loop.PatientID = "merged"
        _send(address, loop)
    assert how == ["new", "replaced"]
    (file,) = _files(tmp_path / "in")
    assert dcmread(file).PatientID == "merged"


def test_a_transfer_that_breaks_off_leaves_nothing(tmp_path):
    loop = dcmread(_loop(tmp_path / "a.dcm"))
    with receiving(tmp_path / "in", Station(0)) as address:
        entity = AE(ae_title="SCANNER")
        entity.add_requested_context(loop.SOPClassUID, JPEG)
        association = entity.associate(*address, ae_title="ECHOMORT")
        raw = association.dul.socket.socket
        # The head of a P-DATA-TF (PS3.8 9.3.5) that promises more than it brings; then the line goes dead.
        raw.sendall(b"\x04\x00\x00\x01\x00\x00" + b"\x00\x00\xff\xfa\x01\x01" + b"half of an object")
        raw.close()
        association.abort()
        assert _send(address, loop) == 0  # the receiver lives on
    assert len(_files(tmp_path / "in")) == 1
    assert [path for path in (tmp_path / "in").rglob(".tmp_*")] == []


def test_a_full_disk_is_the_senders_to_know(tmp_path, monkeypatch):
    def full(*_):
        raise UserError("no space left", "free some")

    monkeypatch.setattr("echomort.sources.receiver.land", full)
    with receiving(tmp_path / "in", Station(0)) as address:
        assert _send(address, dcmread(_loop(tmp_path / "a.dcm"))) == 0xA700
    assert not (tmp_path / "in").exists()


def test_only_ultrasound_for_us_and_from_whom_we_know(tmp_path):
    loop = dcmread(_loop(tmp_path / "a.dcm"))
    other = dcmread(_loop(tmp_path / "b.dcm", SOPClassUID="1.2.840.10008.5.1.4.1.1.2"))
    with receiving(tmp_path / "in", Station(0, senders=("PACS",))) as address:
        assert address[0] == "127.0.0.1"
        assert _send(address, loop, sender="STRANGER") is None
        assert _send(address, loop, title="ANOTHER", sender="PACS") is None
        assert _send(address, other, sender="PACS") is None
        assert _send(address, loop, sender="PACS") == 0


def test_stills_come_too_and_get_their_reason_where_files_are_judged(tmp_path):
    still = dcmread(_loop(tmp_path / "a.dcm", SOPClassUID=STILL_CLASS))
    still.NumberOfFrames = 1
    with receiving(tmp_path / "in", Station(0)) as address:
        assert _send(address, still) == 0
    with pytest.raises(Rejected) as refused:
        read_clip(_files(tmp_path / "in")[0])
    assert refused.value.reason is Reason.STILL


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="--port"), receiving(tmp_path, Station(taken.getsockname()[1])):
            pass


@pytest.mark.parametrize("title", ["AVERYLONGTITLEOFMORETHAN16", "", "   ", "A\\B", "ÉCHO"])
def test_a_title_that_can_not_be_one_is_one_line(tmp_path, title):
    for station in (Station(0, title), Station(0, senders=(title,))):
        with pytest.raises(UserError, match="can't be an application entity title"), receiving(tmp_path, station):
            pass
