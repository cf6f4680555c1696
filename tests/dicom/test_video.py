"""Loops stored as one video stream."""

import io
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from echo_files import EchoFile, sector_movie, to_colour
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from echomort.dicom import Reason, Rejected, read_clip
from echomort.dicom.frames.open import open_frames
from echomort.dicom.header.parsing import open_object

av = pytest.importorskip("av", reason="the extra `video` is not installed")

MOVIE = sector_movie(12, 120, 160)
FORMS = {
    "mpeg2": ("mpeg2video", "mpeg", "1.2.840.10008.1.2.4.100"),
    "h264": ("libx264", "mp4", "1.2.840.10008.1.2.4.102"),
    "h264_fragmentable": ("libx264", "mp4", "1.2.840.10008.1.2.4.102.1"),
    "hevc": ("libx265", "mp4", "1.2.840.10008.1.2.4.107"),
}


def encoded(movie: np.ndarray, codec: str, container: str, rate: int = 25) -> bytes:
    if codec not in av.codecs_available or not _can_encode(codec):
        pytest.skip(f"this build of PyAV has no {codec} encoder")
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = movie.shape[2], movie.shape[1], "yuv420p"
        stream.bit_rate = 8_000_000
        for frame in movie:
            rgb = to_colour(frame, "RGB")
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")))
        file.mux(stream.encode())
    return out.getvalue()


def _can_encode(codec: str) -> bool:
    try:
        av.Codec(codec, "w")
    except av.error.FFmpegError:
        return False
    return True


def written(
    path: Path, form: str, movie: np.ndarray = MOVIE, frames: int | None = None, rate: int = 25, container: str = ""
) -> Path:
    codec, usual, syntax = FORMS[form]
    stream = encoded(movie, codec, container or usual, rate)
    EchoFile(movie, "1.2.840.10008.1.2.4.50", "YBR_FULL_422", tags={"FrameTime": 40.0}).write(path)
    dataset = dcmread(path)
    parts = 3 if form.endswith("fragmentable") else 1
    dataset.PixelData = encapsulate([stream], fragments_per_frame=parts, has_bot=False)
    dataset.NumberOfFrames = frames or len(movie)
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_a_video_stream_gives_its_luma(form: str, tmp_path: Path) -> None:
    path = written(tmp_path / "loop.dcm", form)
    with open_object(path) as source:
        frames = open_frames(source)
        for index in (0, 5, 11, 2):
            assert np.abs(frames.luma(index).astype(int) - MOVIE[index]).mean() < 12
    clip = read_clip(path)
    assert clip.frames == 12 and clip.fps == 25


@pytest.mark.parametrize("form", ["mpeg2", "h264"])
@pytest.mark.parametrize("frames", [6, 13, 60])
def test_a_video_with_another_number_of_frames_is_refused(form: str, frames: int, tmp_path: Path) -> None:
    with pytest.raises(Rejected) as rejected:
        read_clip(written(tmp_path / "loop.dcm", form, frames=frames))
    assert rejected.value.reason is Reason.FRAME_COUNT


@pytest.mark.parametrize(("field", "value", "shown"), [("start", 3, slice(3, None)), ("length", 9, slice(9))])
def test_frames_that_an_edit_list_leaves_out_are_not_counted(
    field: str, value: int, shown: slice, tmp_path: Path
) -> None:
    """The list says, in units of the movie (1000 a second) and of the track, from where and for how long it is shown
    (ISO/IEC 14496-12, 8.6.6)."""
    path = written(tmp_path / "loop.dcm", "h264", frames=len(MOVIE[shown]))
    content = path.read_bytes()
    entry = content.index(b"elst") + 12
    length, start = struct.unpack(">Ll", content[entry : entry + 8])
    track = struct.unpack(">L", content[content.index(b"mdhd") + 16 :][:4])[0]
    if field == "start":
        start += value * track // 25
    else:
        length = value * 1000 // 25
    path.write_bytes(content[:entry] + struct.pack(">Ll", length, start) + content[entry + 8 :])
    with open_object(path) as source:
        frames = open_frames(source)
        lumas = np.stack([frames.luma(index) for index in range(frames.count)])
    assert np.abs(lumas.astype(int) - MOVIE[shown]).mean() < 3
    assert read_clip(path).frames == len(MOVIE[shown])


def test_colour_flow_is_found_in_a_video(tmp_path: Path) -> None:
    rgb = np.stack([to_colour(frame, "RGB") for frame in MOVIE]).copy()
    rgb[:, 50:75, 65:85] = (220, 40, 20)
    with pytest.raises(Rejected) as rejected:
        read_clip(written(tmp_path / "loop.dcm", "mpeg2", rgb))
    assert rejected.value.reason is Reason.COLOUR_DOPPLER


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
def test_a_damaged_stream_is_refused(share: float, tmp_path: Path) -> None:
    path = written(tmp_path / "loop.dcm", "h264")
    content = bytearray(path.read_bytes())
    at = content.rindex(b"\xe0\x7f\x10\x00O") + int(share * (len(content) - content.rindex(b"\xe0\x7f\x10\x00O")))
    content[at : at + 4000] = b"\xff" * len(content[at : at + 4000])
    path.write_bytes(content)
    try:
        assert read_clip(path).frames == 12
    except Rejected as rejected:
        assert rejected.reason in {Reason.BAD_FRAME, Reason.FRAME_COUNT, Reason.TRUNCATED_PIXELS}


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5.0,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"
SESSION = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=video 9 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
)


@pytest.mark.parametrize("content", [PLAYLIST, SESSION, b"ffconcat version 1.0\nfile '/etc/hostname'\n"])
def test_a_stream_that_names_other_places_is_refused_at_once(content: bytes, tmp_path: Path) -> None:
    """A session description would have the decoder listen on the network for twenty seconds."""
    path = written(tmp_path / "loop.dcm", "mpeg2")
    dataset = dcmread(path)
    dataset.PixelData = encapsulate([content + b"\n" * 1000], has_bot=False)
    dataset.save_as(path)
    begun = time.monotonic()
    with pytest.raises(Rejected) as rejected:
        read_clip(path)
    assert rejected.value.reason is Reason.BAD_FRAME and time.monotonic() - begun < 5


def test_a_stream_of_another_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = written(tmp_path / "loop.dcm", "mpeg2")
    dataset = dcmread(path)
    dataset.Rows = 128
    dataset.save_as(path)
    with pytest.raises(Rejected) as rejected:
        read_clip(path)
    assert rejected.value.reason is Reason.SIZE_MISMATCH


def tagged(path: Path, **tags: object) -> Path:
    dataset = dcmread(path)
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
        if value is None:
            del dataset[keyword]
    dataset.save_as(path)
    return path


STREAMS = [
    ("mpeg2", "mpeg", 30),
    ("mpeg2", "mpeg2video", 25),
    ("h264", "mp4", 50),
    ("h264", "h264", 50),
    ("h264", "mpegts", 30),
    ("hevc", "mp4", 30),
    ("hevc", "hevc", 60),
]


@pytest.mark.parametrize(("form", "container", "rate"), STREAMS)
def test_the_rate_of_a_video_may_stand_in_its_stream_only(form: str, container: str, rate: int, tmp_path: Path) -> None:
    path = written(tmp_path / "loop.dcm", form, rate=rate, container=container)
    assert "fps_from_stream" not in read_clip(path).notes
    clip = read_clip(tagged(path, FrameTime=None, FrameIncrementPointer=None))
    assert (round(clip.fps, 3), clip.fps_source) == (rate, "stream") and "fps_from_stream" in clip.notes


def test_a_rate_that_the_tags_say_is_kept_and_a_different_stream_noted(tmp_path: Path) -> None:
    clip = read_clip(written(tmp_path / "loop.dcm", "h264", rate=50))
    assert (clip.fps, clip.fps_source) == (25, "FrameTime") and "fps_disagrees:stream" in clip.notes


@pytest.mark.parametrize("form", ["mpeg2", "h264", "hevc"])
def test_a_video_that_says_one_frame_has_as_many_as_its_stream(form: str, tmp_path: Path) -> None:
    path = written(tmp_path / "loop.dcm", form)
    expected = read_clip(path)
    clip = read_clip(tagged(path, NumberOfFrames=1))
    assert clip.frames == 12 and "frames_from_stream" in clip.notes
    np.testing.assert_array_equal(clip.pixels, expected.pixels)


def test_a_video_of_one_frame_is_a_still(tmp_path: Path) -> None:
    path = written(tmp_path / "loop.dcm", "h264", MOVIE[:1])
    with pytest.raises(Rejected) as rejected:
        read_clip(tagged(path, NumberOfFrames=1))
    assert rejected.value.reason is Reason.STILL


@pytest.mark.parametrize("end", [b"", b"\0" * 100, b"\xfe\xff\x0d\xe0\0\0\0\0"])
@pytest.mark.parametrize("form", ["mpeg2", "h264_fragmentable"])
def test_a_whole_stream_needs_no_delimiter(form: str, end: bytes, tmp_path: Path) -> None:
    path = written(tmp_path / "loop.dcm", form)
    content, expected = path.read_bytes(), read_clip(path)
    assert content.endswith(b"\xfe\xff\xdd\xe0\0\0\0\0")
    path.write_bytes(content[:-8] + end)
    clip = read_clip(path)
    assert "no_delimiter" in clip.notes
    np.testing.assert_array_equal(clip.pixels, expected.pixels)
    path.write_bytes(content[:-208])
    with pytest.raises(Rejected) as rejected:
        read_clip(path)
    assert rejected.value.reason is Reason.TRUNCATED_PIXELS
