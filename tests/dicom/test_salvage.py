"""Files that are written wrongly but hold every declared frame: they give the clip of the sound file, with a note."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from echo_files import (
    EXPLICIT,
    HTJ2K_LOSSLESS,
    IMPLICIT,
    J2K_LOSSLESS,
    JPEG,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LS,
    JPEG_XL,
    JPEG_XL_JPEG,
    JPEG_XL_LOSSLESS,
    RLE,
    EchoFile,
    encode,
    sector_movie,
    to_colour,
)
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames

from echomort.dicom import Clip, Reason, Rejected, read_clip
from echomort.dicom.frames import codestreams, jpeg_xl
from echomort.dicom.frames.open import open_frames
from echomort.dicom.header.parsing import open_object, read_header
from echomort.settings import HeaderReading

MOVIE = sector_movie(12)
PACKED = {"jpeg": JPEG, "jpeg_ls": JPEG_LS, "j2k": J2K_LOSSLESS, "rle": RLE, "lossless": JPEG_LOSSLESS}
DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"


def sound(path: Path, syntax: str = JPEG, movie: np.ndarray = MOVIE, **tags: object) -> tuple[Path, bytes]:
    EchoFile(movie, syntax, tags=tags).write(path)
    content = path.read_bytes()
    assert content.endswith(DELIMITER) or syntax in {EXPLICIT, IMPLICIT}
    return path, content


def rejection(path: Path) -> Reason:
    with pytest.raises(Rejected) as rejected:
        read_clip(path)
    return rejected.value.reason


def same(clip: Clip, expected: Clip) -> bool:
    return bool(np.array_equal(clip.pixels, expected.pixels))


ENDS: dict[str, bytes] = {
    "nothing": b"",
    "half_a_delimiter": DELIMITER[:5],
    "zeros": b"\0" * 8,
    "many_zeros": b"\0" * 3_000_001,
    "spaces": b" " * 11,
    "blank_memory": b"\xff" * 512,
    "padding_before_the_delimiter": b"\0\0\0\0\0\0" + DELIMITER,
    "item_delimiter": b"\xfe\xff\x0d\xe0\0\0\0\0",
    "item_delimiter_and_zeros": b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\0" * 100,
    "bytes_turned_round": b"\xff\xfe\xe0\xdd\0\0\0\0",
    "padding_element": b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0abcd",
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("form", PACKED)
def test_whole_frames_need_no_delimiter(form: str, end: str, tmp_path: Path) -> None:
    path, content = sound(tmp_path / "loop.dcm", PACKED[form])
    expected = read_clip(path)
    path.write_bytes(content[: -len(DELIMITER)] + ENDS[end])
    clip = read_clip(path)
    assert same(clip, expected) and "no_delimiter" in clip.notes and "no_delimiter" not in expected.notes


@pytest.mark.parametrize("cut", [1, 2, 9, 100, 700])
@pytest.mark.parametrize("form", PACKED)
def test_a_last_frame_that_is_cut_is_no_frame(form: str, cut: int, tmp_path: Path) -> None:
    path, content = sound(tmp_path / "loop.dcm", PACKED[form])
    path.write_bytes(content[: -len(DELIMITER) - cut])
    assert rejection(path) is Reason.TRUNCATED_PIXELS


@pytest.mark.parametrize("form", PACKED)
def test_a_last_frame_that_lacks_its_last_fragment_is_no_frame(form: str, tmp_path: Path) -> None:
    """The file ends where a fragment ends: nothing but the frame itself shows that it is not whole."""
    path = EchoFile(MOVIE, PACKED[form], fragments=3).write(tmp_path / "loop.dcm")
    content = path.read_bytes()
    last = content.rindex(b"\xfe\xff\x00\xe0")
    path.write_bytes(content[:last])
    assert rejection(path) is Reason.TRUNCATED_PIXELS


def test_a_loop_that_ends_a_frame_early_is_truncated(tmp_path: Path) -> None:
    path, content = sound(tmp_path / "loop.dcm")
    path.write_bytes(content[: content.rindex(b"\xfe\xff\x00\xe0")])
    assert rejection(path) is Reason.TRUNCATED_PIXELS


@pytest.mark.parametrize("junk", [b"\x12\x34\x56\x78junk and more", b"\0\0\0\0\0\0\0\0text", b"AAAAAAAA"])
def test_junk_after_the_frames_is_no_padding(junk: bytes, tmp_path: Path) -> None:
    path, content = sound(tmp_path / "loop.dcm")
    path.write_bytes(content[: -len(DELIMITER)] + junk)
    assert rejection(path) is Reason.BAD_FRAME


def with_frames(path: Path, change: Callable[[bytes], bytes], **how: object) -> Path:
    dataset = dcmread(path)
    frames = [change(frame) for frame in generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames)]
    dataset.PixelData = encapsulate(frames, **how)  # type: ignore[arg-type]
    dataset.save_as(path)
    return path


def without_end(frame: bytes) -> bytes:
    return frame[: frame.rindex(b"\xff\xd9")]


def lumas(path: Path) -> np.ndarray:
    with open_object(path) as source:
        frames = open_frames(source)
        return np.stack([frames.luma(index) for index in range(frames.count)])


@pytest.mark.parametrize("padding", [0, 1, 2, 7, 300])
@pytest.mark.parametrize("syntax", [JPEG, JPEG_EXTENDED])
@pytest.mark.parametrize("quality", [40, 75, 95])
def test_a_jpeg_needs_no_end_marker(quality: int, syntax: str, padding: int, tmp_path: Path) -> None:
    path = EchoFile(sector_movie(40, 96, 128), syntax, quality=quality).write(tmp_path / "loop.dcm")
    expected = lumas(path)
    assert "no_end_marker" not in read_clip(path).notes
    with_frames(path, lambda frame: without_end(frame) + b"\0" * padding)
    np.testing.assert_array_equal(lumas(path), expected)
    assert "no_end_marker" in read_clip(path).notes


def test_data_that_end_in_zeros_are_not_eaten() -> None:
    """Pictures whose entropy-coded data end in a zero byte, with and without padding behind it."""
    import simplejpeg

    random, found = np.random.default_rng(0), 0
    for _ in range(400):
        picture = random.integers(0, 256, (16, 16, 1), dtype=np.uint8)
        coded = simplejpeg.encode_jpeg(picture, 30, "GRAY", "Gray")
        bare = without_end(coded)
        if bare.endswith(b"\0"):
            found += 1
            for padding in (b"", b"\0", b"\0\0\0"):
                np.testing.assert_array_equal(codestreams.jpeg_luma(bare + padding), codestreams.jpeg_luma(coded))
    assert found > 3


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.97])
def test_a_jpeg_that_is_cut_is_a_bad_frame(share: float, tmp_path: Path) -> None:
    path = EchoFile(MOVIE, JPEG).write(tmp_path / "loop.dcm")
    with_frames(path, lambda frame: frame[: int(len(frame) * share)])
    assert rejection(path) is Reason.BAD_FRAME


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "RGB"])
@pytest.mark.parametrize("fragments", [2, 3, 9])
@pytest.mark.parametrize("syntax", [RLE, JPEG_LS])
def test_fragments_need_no_offset_table(syntax: str, fragments: int, photometric: str, tmp_path: Path) -> None:
    path = EchoFile(MOVIE, syntax, photometric, fragments=fragments, offset_table="none").write(tmp_path / "loop.dcm")
    np.testing.assert_array_equal(lumas(path), MOVIE)
    assert "several_fragments" in read_clip(path).notes


def test_rle_fragments_of_too_few_frames_are_refused(tmp_path: Path) -> None:
    path = EchoFile(MOVIE, RLE, fragments=3, offset_table="none").write(tmp_path / "loop.dcm")
    dataset = dcmread(path)
    dataset.NumberOfFrames = 11
    dataset.save_as(path)
    assert rejection(path) is Reason.FRAME_COUNT


def as_jpeg_xl(path: Path, frames: list[bytes], photometric: str, syntax: str) -> Path:
    """A loop of JPEG XL frames; pydicom knows no such transfer syntax, so one as long is written and replaced."""
    EchoFile(MOVIE, HTJ2K_LOSSLESS, "RGB" if photometric == "XYB" else photometric).write(path)
    dataset = dcmread(path)
    dataset.PixelData, dataset.PhotometricInterpretation = encapsulate(frames), photometric
    dataset.save_as(path)
    content = path.read_bytes()
    assert content.count(HTJ2K_LOSSLESS.encode()) == 1
    path.write_bytes(content.replace(HTJ2K_LOSSLESS.encode(), syntax.encode()))
    return path


def jpeg_xl_frames(movie: np.ndarray, photometric: str, syntax: str) -> list[bytes]:
    import imagecodecs

    if syntax == JPEG_XL_JPEG:
        return [bytes(imagecodecs.jpegxl_encode_jpeg(encode(frame, JPEG, photometric))) for frame in movie]
    rgb = movie if photometric == "MONOCHROME2" else [to_colour(frame, "RGB") for frame in movie]
    lossless = syntax == JPEG_XL_LOSSLESS
    return [
        bytes(imagecodecs.jpegxl_encode(np.ascontiguousarray(frame), lossless=lossless, distance=0.5)) for frame in rgb
    ]


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "RGB"])
def test_jpeg_xl_without_loss_gives_the_pixels_that_were_stored(photometric: str, tmp_path: Path) -> None:
    frames = jpeg_xl_frames(MOVIE, photometric, JPEG_XL_LOSSLESS)
    path = as_jpeg_xl(tmp_path / "loop.dcm", frames, photometric, JPEG_XL_LOSSLESS)
    np.testing.assert_array_equal(lumas(path), MOVIE)
    assert "transfer_syntax_mismatch" not in read_clip(path).notes


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "RGB", "YBR_FULL", "XYB"])
def test_jpeg_xl_with_loss_comes_close(photometric: str, tmp_path: Path) -> None:
    path = as_jpeg_xl(tmp_path / "loop.dcm", jpeg_xl_frames(MOVIE, photometric, JPEG_XL), photometric, JPEG_XL)
    assert np.abs(lumas(path).astype(int) - MOVIE).mean() < 5


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("syntax", [JPEG_XL_JPEG, JPEG_XL])
def test_a_jpeg_recompressed_as_jpeg_xl_is_that_jpeg(syntax: str, photometric: str, tmp_path: Path) -> None:
    path = EchoFile(MOVIE, JPEG, photometric).write(tmp_path / "loop.dcm")
    expected = lumas(path)
    as_jpeg_xl(path, jpeg_xl_frames(MOVIE, photometric, JPEG_XL_JPEG), photometric, syntax)
    np.testing.assert_array_equal(lumas(path), expected)
    assert read_clip(path).notes == ("shorter_than_a_second", "padded")


def test_colour_flow_is_found_in_jpeg_xl(tmp_path: Path) -> None:
    rgb = np.stack([to_colour(frame, "RGB") for frame in MOVIE]).copy()
    rgb[:, 50:80, 60:75] = (200, 30, 20)
    path = as_jpeg_xl(tmp_path / "loop.dcm", jpeg_xl_frames(rgb, "RGB", JPEG_XL), "RGB", JPEG_XL)
    assert rejection(path) is Reason.COLOUR_DOPPLER


@pytest.mark.parametrize("shape", [(8, 8), (64, 64, 3), (77, 91), (120, 160), (300, 400, 3), (600, 800), (1000, 3000)])
@pytest.mark.parametrize("container", [False, True])
def test_a_jpeg_xl_says_its_size_before_it_is_decoded(container: bool, shape: tuple[int, ...]) -> None:
    import imagecodecs

    data = bytes(imagecodecs.jpegxl_encode(np.zeros(shape, np.uint8), usecontainer=container))
    assert jpeg_xl.describe(data) == (*shape[:2], 3 if len(shape) == 3 else 1, 8)


def test_sixteen_bits_and_other_sizes_of_jpeg_xl_are_refused(tmp_path: Path) -> None:
    import imagecodecs

    deep = bytes(imagecodecs.jpegxl_encode(MOVIE[0].astype(np.uint16) * 200, lossless=True))
    large = bytes(imagecodecs.jpegxl_encode(np.zeros((5000, 5000), np.uint8)))
    for frame, reason in ((deep, Reason.DEPTH), (large, Reason.BOMB), (large[:2], Reason.BAD_FRAME)):
        path = as_jpeg_xl(tmp_path / "loop.dcm", [frame] * 12, "MONOCHROME2", JPEG_XL_LOSSLESS)
        assert rejection(path) is reason


def un_sequence(elements: bytes, tag: bytes = b"\x09\x00\x10\x10") -> bytes:
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + elements + b"\xfe\xff\x0d\xe0\0\0\0\0"
    return tag + b"UN\0\0\xff\xff\xff\xff" + item + DELIMITER


def explicit(tag: bytes, vr: bytes, value: bytes) -> bytes:
    length = struct.pack("<H", len(value)) if vr not in {b"OB", b"UN"} else b"\0\0" + struct.pack("<L", len(value))
    return tag + vr + length + value


def implicit(tag: bytes, value: bytes) -> bytes:
    return tag + struct.pack("<L", len(value)) + value


UNKNOWN = {
    "implicit": implicit(b"\x08\0\x00\x01", b"ABCD") + implicit(b"\x08\0\x04\x01", b"name"),
    "implicit_empty": implicit(b"\x08\0\x00\x01", b""),
    "explicit_text": explicit(b"\x08\0\x00\x01", b"SH", b"ABCD") + explicit(b"\x08\0\x04\x01", b"LO", b"name"),
    "explicit_empty": explicit(b"\x08\0\x00\x01", b"LO", b""),
    "explicit_bytes": explicit(b"\x09\0\x00\x11", b"OB", b"\x01" * 300),
    "explicit_numbers": explicit(b"\x18\0\x24\x60", b"US", b"\1\0") + explicit(b"\x18\0\x2c\x60", b"FD", b"\0" * 8),
    "nested": un_sequence(explicit(b"\x08\0\x00\x01", b"SH", b"ABCD")),
}


@pytest.mark.parametrize("tag", [b"\x09\x00\x10\x10", b"\x08\x00\x40\x11"], ids=["private", "public"])
@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_sequence_of_unknown_type_may_hold_either_kind_of_elements(kind: str, tag: bytes, tmp_path: Path) -> None:
    path, content = sound(tmp_path / "loop.dcm", EXPLICIT)
    expected = read_clip(path)
    at = content.index(b"\x10\x00\x20\x00LO")  # before PatientID
    path.write_bytes(content[:at] + un_sequence(UNKNOWN[kind], tag) + content[at:])
    clip = read_clip(path)
    assert same(clip, expected) and clip.notes == expected.notes
    assert read_header(path).patient_id == "P-17"


def test_regions_in_a_sequence_of_unknown_type_are_read(tmp_path: Path) -> None:
    path, content = sound(tmp_path / "loop.dcm", EXPLICIT)
    expected = read_header(path).regions
    at = content.index(b"\x18\x00\x11\x60SQ")
    length = struct.unpack("<L", content[at + 8 : at + 12])[0]
    assert length != 0xFFFFFFFF
    items = content[at + 12 : at + 12 + length]
    path.write_bytes(
        content[:at]
        + content[at : at + 4]
        + b"UN\0\0\xff\xff\xff\xff"
        + items
        + DELIMITER
        + content[at + 12 + length :]
    )
    assert read_header(path).regions == expected


def raw_text(path: Path, keyword: str, written: bytes) -> Path:
    """Write ``keyword`` as text that pydicom itself would refuse to write."""
    dataset = dcmread(path)
    dataset[keyword].value = None
    mark = Dataset()
    setattr(mark, keyword, 1)
    dataset.save_as(path)
    content = path.read_bytes()
    tag = struct.pack("<HH", dataset[keyword].tag.group, dataset[keyword].tag.element)
    at = content.index(tag + b"DS")
    written += b" " * (len(written) % 2)
    path.write_bytes(content[: at + 6] + struct.pack("<H", len(written)) + written + content[at + 8 :])
    return path


@pytest.mark.parametrize(
    ("keyword", "written", "fps"),
    [
        ("FrameTime", b"40,0", 25),
        ("FrameTime", b"33,333333", 30),
        ("FrameTime", b"10,0", 100),
        ("FrameTime", b"0,04", 25),
        ("FrameTimeVector", b"\\".join([b"0,0"] + [b"20,0"] * 11), 50),
    ],
)
def test_a_decimal_comma_is_a_point(keyword: str, written: bytes, fps: float, tmp_path: Path) -> None:
    tags = {"FrameTime": None, "FrameIncrementPointer": None, keyword: 40.0}
    path = EchoFile(tags=tags).write(tmp_path / "loop.dcm")
    clip = read_clip(raw_text(path, keyword, written))
    assert clip.fps == pytest.approx(fps) and f"decimal_comma:{keyword}" in clip.notes


@pytest.mark.parametrize("written", [b"4,0,0", b"fast", b",", b"1.000,5"])
def test_other_commas_are_no_number(written: bytes, tmp_path: Path) -> None:
    path = EchoFile(tags={"FrameIncrementPointer": None}).write(tmp_path / "loop.dcm")
    assert rejection(raw_text(path, "FrameTime", written)) is Reason.NO_FRAME_RATE


def test_a_site_names_the_rate_of_a_device_that_does_not(tmp_path: Path) -> None:
    silent: dict[str, object] = {"FrameTime": None, "FrameIncrementPointer": None}
    path = EchoFile(tags=silent | {"ManufacturerModelName": "Old  Scanner 3"}).write(tmp_path / "loop.dcm")
    assert rejection(path) is Reason.NO_FRAME_RATE
    clip = read_clip(path, frame_rates={"OLD scanner 3": 50.0})
    assert (clip.fps, clip.fps_source) == (50, "settings") and "fps_from_settings" in clip.notes
    assert read_header(path, HeaderReading(frame_rates={"old scanner 3": 50.0})).fps == 50
    with pytest.raises(Rejected):
        read_clip(path, frame_rates={"old scanner": 50.0})
    EchoFile(tags={"ManufacturerModelName": "Old Scanner 3"}).write(path)
    assert read_clip(path, frame_rates={"old scanner 3": 50.0}).fps == pytest.approx(30, abs=0.01)


def test_only_the_frames_that_a_clip_needs_count(tmp_path: Path) -> None:
    """A loop of more than 4 GiB unpacked, of which the clip needs a few frames."""
    import simplejpeg

    movie = np.zeros((24, 768, 1024), np.uint8)
    movie[:, :720, :960] = sector_movie(24, 240, 320).repeat(3, 1).repeat(3, 2)
    path = EchoFile(movie, JPEG, "YBR_FULL_422", quality=30, tags={"FrameTime": "16.6667"}).write(tmp_path / "loop.dcm")
    dataset = dcmread(path)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=24))
    assert simplejpeg.decode_jpeg_header(frames[0])[:2] == (768, 1024)
    dataset.PixelData, dataset.NumberOfFrames = encapsulate((frames * 76)[:1821], has_bot=False), 1821
    dataset.save_as(path)
    clip = read_clip(path)
    assert clip.frames == 1821 and clip.pixels.all(axis=(1, 2)).sum() == 0 and clip.pixels.any(axis=(1, 2)).all()


def test_a_clip_that_needs_too_many_pixels_is_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from echomort.dicom import clip

    path = EchoFile(MOVIE, JPEG).write(tmp_path / "loop.dcm")
    monkeypatch.setattr(clip, "MAX_DECODED_BYTES", 12 * 120 * 160)
    read_clip(path)
    monkeypatch.setattr(clip, "MAX_DECODED_BYTES", 12 * 120 * 160 - 1)
    assert rejection(path) is Reason.BOMB
