"""Event files hold what TensorBoard reads."""

import struct

import pytest

from echomort.training.events import FILE, _checksum, add_event


def records(content):
    """The data of each record, whose checksums must be right."""
    found = []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        assert content[8:12] == _checksum(content[:8])
        found.append(content[12 : 12 + length])
        assert content[12 + length : 16 + length] == _checksum(found[-1])
        content = content[16 + length :]
    return found


def test_the_checksum_is_the_published_one():
    """CRC-32C of 32 zeros is 8a9136aa (RFC 3720, B.4); stored rotated by 15 bits, with a constant added."""
    crc = 0x8A9136AA
    assert struct.unpack("<I", _checksum(bytes(32)))[0] == ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) % 2**32


def test_epochs_are_appended_and_no_file_holds_a_date(tmp_path):
    for epoch in (1, 2, 300):
        add_event(tmp_path / "fold_0", epoch, {"loss": 0.5 / epoch, "auc": 0.75, "validation_loss": None})
    (file,) = (tmp_path / "fold_0").iterdir()
    assert file.name == FILE
    begin, *events = records(file.read_bytes())
    assert begin.endswith(b"brain.Event:2") and len(events) == 3
    assert all(event[:9] == b"\x09" + bytes(8) for event in [begin, *events]), "the wall time is 0"
    assert all(b"loss" in event and b"auc" in event and b"validation" not in event for event in events)
    assert struct.pack("<f", 0.5 / 300) in events[2] and events[2][9:12] == b"\x10\xac\x02"


def test_tensorboard_reads_them(tmp_path):
    loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for epoch in (1, 2):
        add_event(tmp_path, epoch, {"loss": 0.5 * epoch, "auc": 0.75})
    read = loading.EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in read.Scalars("loss")] == [(1, 0.5), (2, 1.0)]
    assert sorted(read.Tags()["scalars"]) == ["auc", "loss"]
