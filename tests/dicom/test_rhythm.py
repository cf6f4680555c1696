"""How many frames a beat has, from what tags say of beats."""

from pathlib import Path

import pytest
from echo_files import EchoFile, sector_movie
from hypothesis import given
from hypothesis import strategies as st

from echomort.dicom import read_clip, read_header
from echomort.dicom.header.rhythm import RhythmTags, beat_milliseconds, frames_a_beat


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (RhythmTags(), None),
        (RhythmTags(heart_rate=60.0), 1000.0),
        (RhythmTags(heart_rate=0.0), None),
        (RhythmTags(heart_rate=900.0), None),
        (RhythmTags(heart_rate=float("nan")), None),
        (RhythmTags(nominal_interval=750.0), 750.0),
        (RhythmTags(heart_rate=-1.0, nominal_interval=750.0), 750.0),
        (RhythmTags((100.0, 900.0), 60.0), 800.0),
        (RhythmTags((100.0, 900.0, 1800.0, 2600.0), 60.0), 800.0),
        (RhythmTags((100.0,), 60.0), 1000.0),
        (RhythmTags((900.0, 100.0), 60.0), 1000.0),
        (RhythmTags((0.0, 0.0), 60.0), 1000.0),
        (RhythmTags((0.0, 5.0), 60.0, 750.0), 1000.0),
    ],
)
def test_the_length_of_a_beat(tags: RhythmTags, expected: float | None) -> None:
    assert beat_milliseconds(tags) == expected


@given(st.floats(20, 300), st.floats(5, 400))
def test_frames_a_beat_times_the_rate_are_the_frames_of_a_minute(heart_rate: float, fps: float) -> None:
    found = frames_a_beat(RhythmTags(heart_rate=heart_rate), fps)
    assert found is not None and found * heart_rate == pytest.approx(60 * fps)


def test_uneven_frames_are_counted_between_r_waves() -> None:
    times = tuple(float(time) for time in (*range(0, 500, 10), *range(500, 2000, 50)))
    assert frames_a_beat(RhythmTags((0.0, 500.0)), 40.0, times) == 50
    assert frames_a_beat(RhythmTags((500.0, 1000.0, 1500.0)), 40.0, times) == 10
    assert frames_a_beat(RhythmTags((0.0, 5000.0, 10_000.0), 60.0), 40.0, times) == 40


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, None),
        ({"HeartRate": 75}, 24.0),
        ({"NominalInterval": 1000}, 30.0),
        ({"RWaveTimeVector": [10.0, 510.0]}, 15.0),
    ],
)
def test_a_clip_says_it_where_its_header_does(tags: dict[str, object], expected: float | None, tmp_path: Path) -> None:
    path = EchoFile(sector_movie(70, 240, 320), tags=tags).write(tmp_path / "loop.dcm")
    assert read_clip(path).frames_a_beat == (expected and pytest.approx(expected, rel=1e-4))


@pytest.mark.parametrize("bad", [b"fast", b"7 5", b"\xff\xfe"])
def test_a_rate_that_cannot_be_read_is_none(bad: bytes, tmp_path: Path) -> None:
    path = EchoFile(sector_movie(70, 240, 320), tags={"HeartRate": 75}).write(tmp_path / "loop.dcm")
    content = path.read_bytes()
    at = content.index(b"\x18\x00\x88\x10IS") + 8
    path.write_bytes(content[: at - 2] + len(bad.ljust(4)).to_bytes(2, "little") + bad.ljust(4) + content[at + 2 :])
    assert read_header(path).rhythm.heart_rate is None
