"""Every form of an object gives the same clip: transfer syntaxes, colour models, planes, offset tables, fragments."""

import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from echo_files import (
    BIG,
    DEFLATED,
    EXPLICIT,
    HTJ2K,
    HTJ2K_LOSSLESS,
    IMPLICIT,
    J2K,
    J2K_LOSSLESS,
    JPEG,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    JPEG_LS_NEAR,
    RLE,
    EchoFile,
    region,
    regions,
    sector_movie,
    to_colour,
)
from pydicom.dataset import Dataset

from echomort.dicom import Reason, Rejected, read_clip
from echomort.dicom.frames.fragments import read_at
from echomort.dicom.frames.open import open_frames
from echomort.dicom.frames.palette import Palette
from echomort.dicom.frames.samples import is_wrong_order
from echomort.dicom.header.parsing import open_object
from echomort.settings import ClipSettings

MOVIE = sector_movie(12)
EXACT = {
    "implicit": IMPLICIT,
    "explicit": EXPLICIT,
    "big_endian": BIG,
    "deflated": DEFLATED,
    "jpeg_lossless": JPEG_LOSSLESS,
    "jpeg_lossless_sv1": JPEG_LOSSLESS_SV1,
    "jpeg_ls": JPEG_LS,
    "j2k_lossless": J2K_LOSSLESS,
    "htj2k_lossless": HTJ2K_LOSSLESS,
    "htj2k": HTJ2K,
    "rle": RLE,
}
LOSSY = {"jpeg": JPEG, "jpeg_extended": JPEG_EXTENDED, "j2k": J2K, "jpeg_ls_near": JPEG_LS_NEAR}
GREY = ("MONOCHROME2", "MONOCHROME1", "PALETTE COLOR")
COLOUR = ("RGB", "YBR_FULL", "YBR_RCT")


def lumas(path: Path) -> np.ndarray:
    with open_object(path) as source:
        frames = open_frames(source)
        return np.stack([frames.luma(index) for index in range(frames.count)])


# No permissive encoder writes JPEG lossless in colour; the file that pydicom ships stands for it below.
LOSSLESS_FORMS = [
    (syntax, photometric)
    for syntax in EXACT
    for photometric in GREY + COLOUR
    if not (syntax.startswith("jpeg_lossless") and photometric in COLOUR)
]


@pytest.mark.parametrize(("syntax", "photometric"), LOSSLESS_FORMS)
def test_lossless_forms_give_the_pixels_that_were_stored(syntax: str, photometric: str, tmp_path: Path) -> None:
    path = EchoFile(MOVIE, EXACT[syntax], photometric).write(tmp_path / "loop.dcm")
    np.testing.assert_array_equal(lumas(path), MOVIE)


@pytest.mark.parametrize("photometric", (*GREY[:2], *COLOUR, "YBR_FULL_422"))
@pytest.mark.parametrize("syntax", LOSSY)
def test_lossy_forms_come_close(syntax: str, photometric: str, tmp_path: Path) -> None:
    path = EchoFile(MOVIE, LOSSY[syntax], photometric).write(tmp_path / "loop.dcm")
    assert np.abs(lumas(path).astype(int) - MOVIE).mean() < 3


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("syntax", ["implicit", "explicit", "big_endian", "deflated"])
def test_planes_may_lie_either_way(syntax: str, photometric: str, planar: int, tmp_path: Path) -> None:
    path = EchoFile(MOVIE, EXACT[syntax], photometric, planar).write(tmp_path / "loop.dcm")
    np.testing.assert_array_equal(lumas(path), MOVIE)


@pytest.mark.parametrize("planar", [0, 1])
def test_the_order_of_luma_and_chroma_is_known_under_flow(planar: int) -> None:
    rgb = np.repeat(np.minimum(MOVIE[0], 60)[..., None], 3, axis=2)
    rgb[40:90, 55:105] = np.where(np.arange(50)[:, None] < 25, (220, 40, 0), (0, 60, 240))
    stored = to_colour(rgb, "YBR_FULL")
    data = np.ascontiguousarray(np.moveaxis(stored, -1, 0) if planar else stored).reshape(3, *rgb.shape[:2])
    assert not is_wrong_order(data, bool(planar))
    assert is_wrong_order(data, not planar)


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "big_endian"])
def test_chroma_shared_by_two_pixels_leaves_the_luma_whole(syntax: str, tmp_path: Path) -> None:
    path = EchoFile(MOVIE, EXACT[syntax], "YBR_FULL_422").write(tmp_path / "loop.dcm")
    np.testing.assert_array_equal(lumas(path), MOVIE)


def partial(movie: np.ndarray) -> np.ndarray:
    """Grey frames as luma of studio range with the chroma of grey: uint8 (frames, rows, columns, 3)."""
    luma = np.round(16 + movie * (219 / 255)).astype(np.uint8)
    return np.stack([luma, np.full_like(luma, 128), np.full_like(luma, 128)], axis=-1)


def as_stored(ybr: np.ndarray, is_half: bool) -> bytes:
    """The bytes of native frames, their chroma shared by two pixels or not."""
    if not is_half:
        return ybr.tobytes()
    quads = np.stack([ybr[..., ::2, 0], ybr[..., 1::2, 0], ybr[..., ::2, 1], ybr[..., ::2, 2]], axis=-1)
    return quads.tobytes()


@pytest.mark.parametrize("is_half", [True, False])
@pytest.mark.parametrize("is_partial", [True, False])
@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_native_luma_of_studio_range_is_expanded(syntax: str, is_partial: bool, is_half: bool, tmp_path: Path) -> None:
    """PS3.3 C.7.6.3.1.2: black is 16 and white 235. A label that the pixels contradict changes nothing."""
    ybr = partial(MOVIE)
    if not is_partial:
        ybr[..., 0] = MOVIE
    file = EchoFile(np.stack([to_colour(frame, "RGB") for frame in MOVIE]), syntax, "YBR_FULL")
    file.tags = {"PhotometricInterpretation": "YBR_PARTIAL_422"}
    data = as_stored(ybr, is_half)
    file._put_pixels = lambda dataset: _put(dataset, data)  # type: ignore[method-assign]
    path = file.write(tmp_path / "loop.dcm")
    np.testing.assert_allclose(lumas(path).astype(int), MOVIE, atol=1)
    assert ("range_expanded" if is_partial else "labelled_partial_is_full") in read_clip(path).notes


def _put(dataset: Dataset, data: bytes) -> None:
    dataset.PixelData = data
    dataset["PixelData"].VR = "OB"


def test_odd_frames_in_big_endian_words(tmp_path: Path) -> None:
    """Frames of an odd number of bytes: each second one begins in the middle of a swapped word."""
    odd = sector_movie(9, 121, 161)
    path = EchoFile(odd, BIG).write(tmp_path / "loop.dcm")
    np.testing.assert_array_equal(lumas(path), odd)


@pytest.mark.parametrize("table", ["basic", "none"])
@pytest.mark.parametrize("fragments", [1, 2, 5])
@pytest.mark.parametrize("syntax", ["jpeg_ls", "j2k_lossless", "htj2k_lossless", "jpeg_lossless"])
def test_a_frame_may_come_in_fragments(syntax: str, fragments: int, table: str, tmp_path: Path) -> None:
    path = EchoFile(MOVIE, EXACT[syntax], fragments=fragments, offset_table=table).write(tmp_path / "loop.dcm")
    np.testing.assert_array_equal(lumas(path), MOVIE)


@pytest.mark.parametrize("wrong", [False, True])
def test_an_extended_offset_table_is_used_only_where_it_is_right(wrong: bool, tmp_path: Path) -> None:
    import struct

    from pydicom import dcmread
    from pydicom.encaps import encapsulate_extended

    path = EchoFile(MOVIE, JPEG_LS).write(tmp_path / "loop.dcm")
    dataset = dcmread(path)
    from pydicom.encaps import generate_frames

    encoded = list(generate_frames(dataset.PixelData, number_of_frames=12))
    dataset.PixelData, offsets, lengths = encapsulate_extended(encoded)
    shifted = [offset + 2 for offset in struct.unpack("<12Q", offsets)]
    dataset.ExtendedOffsetTable = struct.pack("<12Q", *shifted) if wrong else offsets
    dataset.ExtendedOffsetTableLengths = lengths
    dataset.save_as(path)
    np.testing.assert_array_equal(lumas(path), MOVIE)
    assert ("bad_offset_table" in read_clip(path).notes) is wrong


def test_stored_luma_is_taken_as_it_is_even_where_colour_would_change_it(tmp_path: Path) -> None:
    """A saturated picture: Y from the file, not from clipped RGB."""
    from pydicom.pixels import pixel_array

    rgb = np.random.default_rng(3).integers(0, 256, (12, 64, 64, 3), dtype=np.uint8)
    path = EchoFile(rgb, JPEG, "YBR_FULL_422").write(tmp_path / "loop.dcm")
    np.testing.assert_array_equal(lumas(path), pixel_array(path, raw=True, decoding_plugin="pillow")[..., 0])


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    tags = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
    with pytest.raises(Rejected) as rejected:
        read_clip(EchoFile(MOVIE, tags=tags).write(tmp_path / "loop.dcm"))
    assert rejected.value.reason is Reason.DEPTH


def test_a_sixteen_bit_codestream_under_an_eight_bit_header_is_refused(tmp_path: Path) -> None:
    import imagecodecs
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    path = EchoFile(MOVIE, JPEG_LS).write(tmp_path / "loop.dcm")
    dataset = dcmread(path)
    dataset.PixelData = encapsulate([imagecodecs.jpegls_encode(frame.astype(np.uint16) * 16) for frame in MOVIE])
    dataset.save_as(path)
    with pytest.raises(Rejected) as rejected:
        read_clip(path)
    assert rejected.value.reason is Reason.DEPTH


@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.25, 2.0])
@pytest.mark.parametrize("way", ["deltas", "aspect"])
def test_pixels_that_are_not_square_come_out_with_the_right_aspect(ratio: float, way: str, tmp_path: Path) -> None:
    """``ratio`` is a pixel's height over its width; the physical shape must survive."""
    movie = MOVIE[:, np.arange(0, MOVIE.shape[1], ratio).astype(int)]
    box = region(0, 0, 159, movie.shape[1] - 1, PhysicalDeltaX=-0.02, PhysicalDeltaY=0.02 * ratio)
    if way == "aspect":
        box = region(0, 0, 159, movie.shape[1] - 1, PhysicalUnitsXDirection=0)
    tags = {"SequenceOfUltrasoundRegions": regions(box)}
    if way == "aspect":
        tags["PixelAspectRatio"] = [round(1000 * ratio), 1000]
    clip = read_clip(EchoFile(movie, tags=tags).write(tmp_path / "loop.dcm"))
    sector = clip.sector
    height, width = np.ptp(np.flatnonzero(sector.any(axis=1))) + 1, np.ptp(np.flatnonzero(sector.any(axis=0))) + 1
    inside = movie.max(axis=0) > 0
    across, down = (
        np.ptp(np.flatnonzero(inside.any(axis=0))) + 1,
        (np.ptp(np.flatnonzero(inside.any(axis=1))) + 1) * ratio,
    )
    assert height / width == pytest.approx(down / across, rel=0.08)
    assert "pixels_not_square" in clip.notes


@pytest.mark.parametrize("shape", [(60, 109, 150), (30, 27, 37), (60, 112, 112)])
@pytest.mark.parametrize("resize", ["area", "linear"])
def test_a_clip_has_the_shape_that_was_asked_for(shape: tuple[int, int, int], resize: str, tmp_path: Path) -> None:
    frames, height, width = shape
    settings = ClipSettings(frames=frames, height=height, width=width, resize=resize)  # type: ignore[arg-type]
    clip = read_clip(EchoFile(MOVIE).write(tmp_path / "loop.dcm"), settings)
    assert clip.pixels.shape == shape and clip.sector.shape == shape[1:]
    assert clip.pixels[:12].reshape(12, -1).any(axis=1).all() and not clip.pixels[13:].any()


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_gdcm", "SC_rgb_rle"])
def test_colour_in_other_lossless_codes(name: str) -> None:
    """The same colour bars, as JPEG lossless and as RLE: red first, black and white last."""
    import pydicom
    from pydicom.encaps import generate_frames

    from echomort.dicom.frames import codestreams

    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    expected = pydicom.dcmread(folder / "SC_rgb_rle.dcm").pixel_array
    dataset = pydicom.dcmread(folder / f"{name}.dcm")
    data = next(generate_frames(dataset.PixelData, number_of_frames=1))
    described = codestreams.describe(data, dataset.file_meta.TransferSyntaxUID)
    pixels = codestreams.decode(data, described) if described else codestreams.decode_rle(data, 100, 100, 3)
    np.testing.assert_array_equal(pixels, expected)


LEVELS = np.arange(256)
RAMP_16 = struct.pack("<6H", 0, 1, 0, 1, 255, 65535)


def palette(bits: int, data: bytes, count: int = 256, first: int = 0, segmented: bool = False) -> dict[str, object]:
    kind = "Segmented{}PaletteColorLookupTableData" if segmented else "{}PaletteColorLookupTableData"
    colours = ("Red", "Green", "Blue")
    tags: dict[str, object] = {f"{colour}PaletteColorLookupTableDescriptor": [count, first, bits] for colour in colours}
    tags |= {f"{colour}PaletteColorLookupTableData": None for colour in colours}
    return tags | {kind.format(colour): data for colour in colours}


@pytest.mark.parametrize(
    "tags",
    [
        palette(16, (LEVELS * 257).astype("<u2").tobytes()),
        palette(16, LEVELS.astype("<u2").tobytes()),
        palette(8, LEVELS.astype("u1").tobytes()),
        palette(8, LEVELS.astype("<u2").tobytes()),
        palette(16, (LEVELS[1:] * 257).astype("<u2").tobytes(), 255, 1),
        palette(16, RAMP_16, segmented=True),
        palette(8, bytes([0, 1, 0, 1, 255, 255]), segmented=True),
        palette(8, bytes([0, 2, 0, 1, 0, 2, 2, 3, 1, 252, 255, 0]), segmented=True),
    ],
    ids=[
        "16", "16_holds_8", "8", "8_one_a_word", "from_1", "segmented_16", "segmented_8", "segmented_8_in_stretches",
    ],
)  # fmt: skip
def test_a_grey_palette_gives_the_picture(tags: dict[str, object], tmp_path: Path) -> None:
    path = EchoFile(MOVIE, photometric="PALETTE COLOR", tags=tags).write(tmp_path / "loop.dcm")
    expected = np.maximum(MOVIE, 1) if tags["RedPaletteColorLookupTableDescriptor"] == [255, 1, 16] else MOVIE
    np.testing.assert_array_equal(lumas(path), expected)


def test_a_palette_of_bytes_in_big_endian_words(tmp_path: Path) -> None:
    swapped = LEVELS.astype("u1").reshape(-1, 2)[:, ::-1].tobytes()
    path = EchoFile(MOVIE, BIG, "PALETTE COLOR", tags=palette(8, swapped)).write(tmp_path / "loop.dcm")
    np.testing.assert_array_equal(lumas(path), MOVIE)


def test_a_segmented_palette_repeats_earlier_segments() -> None:
    """A stretch of two, a ramp of two to 40, and both once more: C.7.9.2.3 counts the offset in bytes."""
    from pydicom.dataset import Dataset

    words = [0, 2, 5, 6, 1, 2, 40, 2, 2, 0, 0]
    dataset = Dataset()
    for keyword, value in palette(16, struct.pack("<11H", *words), 8, segmented=True).items():
        if value is not None:
            setattr(dataset, keyword, value)
    expected = [5, 6, 23, 40, 5, 6, 23, 40]
    assert Palette.read(dataset).colours[:8, 0].tolist() == expected


def test_a_segmented_palette_never_unpacks_beyond_its_entries(tmp_path: Path) -> None:
    """60,000 bytes of ramps that would fill gigabytes."""
    bomb = struct.pack("<3H", 0, 1, 0) + b"".join(struct.pack("<3H", 1, 65535, ramp) for ramp in range(10_000))
    path = EchoFile(MOVIE, photometric="PALETTE COLOR", tags=palette(16, bomb, segmented=True))
    tracemalloc.start()
    with pytest.raises(Rejected):
        read_clip(path.write(tmp_path / "loop.dcm"))
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()


def test_a_point_transform_is_undone(tmp_path: Path) -> None:
    """Lossless JPEG may drop low bits before coding (T.81 H.1.2.1): the picture is no darker for it."""
    import imagecodecs
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    frames = []
    for frame in MOVIE:
        # The first sample is coded as a difference from half the range, which the transform halves: hence the 64.
        coded = bytearray(imagecodecs.ljpeg_encode((frame >> 1) + 64))
        coded[coded.index(b"\xff\xda") + 9] |= 1
        frames.append(bytes(coded))
    path = EchoFile(MOVIE, JPEG_LOSSLESS).write(tmp_path / "loop.dcm")
    dataset = dcmread(path)
    dataset.PixelData = encapsulate(frames)
    dataset.save_as(path)
    np.testing.assert_array_equal(lumas(path), MOVIE & 0xFE)


def test_a_file_system_that_answers_in_parts_cuts_no_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.pread
    monkeypatch.setattr(os, "pread", lambda number, count, offset: whole(number, min(count, 3), offset))
    path = tmp_path / "stream"
    path.write_bytes(bytes(range(20)))
    with path.open("rb") as stream:
        assert read_at(stream, 2, 10) == bytes(range(2, 12))
        assert read_at(stream, 15, 10) == bytes(range(15, 20)), "fewer where the file ends"
