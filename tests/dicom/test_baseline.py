"""The compiled decoder of the usual JPEG: the bytes of libjpeg-turbo, and no word on what is not whole."""

import io
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from echo_files import JPEG, EchoFile, sector_movie, to_colour
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import generate_frames

from echomort.dicom import Reason, Rejected, read_clip
from echomort.dicom import clip as clips
from echomort.dicom.frames import baseline
from echomort.dicom.frames.codestreams import JPEG_END, jpeg_colour, jpeg_luma

REAL = (
    Path(str(resources.files("data_store"))) / "data" / "color3d_jpeg_baseline.dcm",
    Path(str(resources.files("pydicom"))) / "data" / "test_files" / "examples_ybr_color.dcm",
)
needs_compiled = pytest.mark.skipif(baseline.compiled is None, reason="installed without a C compiler")
SUBSAMPLINGS = ("444", "422", "420", "440", "411")


def picture(random: np.random.Generator, kind: str, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Return a picture as uint8 RGB: noise in colour or grey, black and white as letters are, a smooth one, or a bright
    box with sharp edges."""
    rows, columns = shape or random.integers(1, 100, 2).tolist()
    if kind == "letters":
        return np.repeat(255 * random.integers(0, 2, (rows, columns, 1)), 3, axis=2).astype(np.uint8)
    if kind == "noise":
        return random.integers(0, 256, (rows, columns, 3)).astype(np.uint8)
    if kind == "grey noise":
        return np.repeat(random.integers(0, 256, (rows, columns, 1)), 3, axis=2).astype(np.uint8)
    if kind == "smooth":
        grey = 128 + np.cumsum(random.normal(0, 5, (rows, columns, 1)), axis=1)
        return np.clip(grey + random.normal(0, 5, 3), 0, 255).astype(np.uint8)
    box = np.zeros((rows, columns, 3), np.uint8)
    box[rows // 3 :, columns // 3 :] = random.integers(0, 256, 3)
    return box


def encoded(pixels: np.ndarray, random: np.random.Generator) -> bytes:
    """Return a JPEG of any quality and subsampling, with tables of its own and restarts at times."""
    quality = int(random.integers(1, 101))
    if random.random() < 0.4:
        return bytes(simplejpeg.encode_jpeg(pixels, quality, "RGB", SUBSAMPLINGS[random.integers(len(SUBSAMPLINGS))]))
    image = Image.fromarray(pixels)
    if random.random() < 0.2:
        image = image.convert("L")
    options: dict[str, int] = {"restart_marker_blocks": int(random.integers(1, 30))} if random.random() < 0.3 else {}
    if image.mode == "RGB":
        options["subsampling"] = int(random.integers(3))
    return saved(image, quality=quality, optimize=bool(random.integers(2)), **options)


def saved(image: Image.Image, **options: object) -> bytes:
    with io.BytesIO() as stream:
        image.save(stream, "JPEG", **options)
        return stream.getvalue()


def decoded(data: bytes, shape: tuple[int, ...]) -> np.ndarray | None:
    planes = baseline.decode(data, shape[0], shape[1])
    return None if planes is None else planes[0]


@needs_compiled
@pytest.mark.parametrize("kind", ["noise", "grey noise", "letters", "smooth", "box"])
def test_luma_is_that_of_the_library_bit_for_bit(kind: str) -> None:
    random = np.random.default_rng(11)
    for _ in range(120):
        pixels = picture(random, kind)
        data = encoded(pixels, random)
        np.testing.assert_array_equal(decoded(data, pixels.shape), jpeg_luma(data))


def in_blocks(luma: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return ``luma``, black but in the blocks of 8x8 pixels that are ``shown``."""
    return luma * shown.repeat(8, axis=0).repeat(8, axis=1)[: luma.shape[0], : luma.shape[1]]


@needs_compiled
@pytest.mark.parametrize("kind", ["noise", "grey noise", "letters", "smooth", "box"])
def test_blocks_that_are_not_shown_are_black(kind: str) -> None:
    random = np.random.default_rng(15)
    for _ in range(60):
        pixels = picture(random, kind)
        data, blocks = encoded(pixels, random), [-(-side // 8) for side in pixels.shape[:2]]
        for share in (0, 0.3, 1):
            shown = random.random(blocks) < share
            luma = baseline.decode_shown(data, *pixels.shape[:2], shown)
            np.testing.assert_array_equal(luma, in_blocks(jpeg_luma(data), shown))


@pytest.mark.parametrize("shape", [(1, 1), (16, 24), (21, 43)])
def test_a_block_is_shown_where_any_of_its_pixels_is(shape: tuple[int, int]) -> None:
    for row, column in np.ndindex(shape):
        mask = np.zeros(shape, bool)
        mask[row, column] = True
        blocks = baseline.blocks_of(mask)
        assert blocks.shape == (-(-shape[0] // 8), -(-shape[1] // 8))
        assert np.argwhere(blocks).tolist() == [[row // 8, column // 8]]


@needs_compiled
def test_the_frames_of_real_loops_are_decoded_here_and_alike() -> None:
    for path in REAL:
        for data in generate_frames(dcmread(path).PixelData, number_of_frames=30):
            luma = jpeg_luma(data)
            np.testing.assert_array_equal(decoded(data, luma.shape), luma)


@needs_compiled
@pytest.mark.parametrize("kind", ["noise", "grey noise", "letters", "smooth", "box"])
def test_no_sample_of_chroma_is_farther_off_grey_than_told(kind: str) -> None:
    random = np.random.default_rng(12)
    for _ in range(40):
        pixels = picture(random, kind)
        data = bytes(simplejpeg.encode_jpeg(pixels, int(random.integers(20, 101)), "RGB", "444"))
        planes = baseline.decode(data, *pixels.shape[:2])
        image = Image.open(io.BytesIO(data))
        image.draft("YCbCr", image.size)
        off = np.abs(np.asarray(image).astype(int)[..., 1:] - 128).max(axis=2)
        assert planes is not None
        off_grey = planes[1].off_grey
        told = np.repeat(np.repeat(off_grey, 8, axis=0), 8, axis=1)[: off.shape[0], : off.shape[1]]
        assert (off <= told).all()
        assert kind != "grey noise" or not off_grey.any(), "grey is known to be grey"


@needs_compiled
@pytest.mark.parametrize("subsampling", ["444", "422"])
@pytest.mark.parametrize("kind", ["noise", "grey noise", "letters", "smooth", "box"])
def test_the_small_picture_is_that_of_the_library_bit_for_bit(kind: str, subsampling: str) -> None:
    random = np.random.default_rng(18)
    made = 0
    for number in range(60):
        rows, columns = (random.integers(64, 160), random.integers(1, 24 if number % 3 else 200))
        pixels = picture(random, kind, (int(rows), int(columns)))
        data = bytes(simplejpeg.encode_jpeg(pixels, int(random.integers(1, 101)), "RGB", subsampling))
        planes = baseline.decode(data, *pixels.shape[:2], with_small=True)
        assert planes is not None
        if planes[1].small is not None:
            made += 1
            np.testing.assert_array_equal(planes[1].small, jpeg_colour(data, len(pixels) // baseline.SMALLER))
    assert made == 60


@needs_compiled
def test_small_pictures_of_other_kinds_are_left_to_the_library() -> None:
    pixels = picture(np.random.default_rng(19), "smooth", (64, 80))
    image = Image.fromarray(pixels)
    for data in (saved(image.convert("L")), saved(image, subsampling=2)):
        for with_small in (False, True):
            planes = baseline.decode(data, *pixels.shape[:2], with_small=with_small)
            assert planes is not None
            assert planes[1].small is None
            np.testing.assert_array_equal(planes[0], jpeg_luma(data))


@needs_compiled
def test_a_changed_byte_changes_no_verdict() -> None:
    """What is decoded here is what the library decodes, without complaint, to the same luma."""
    random = np.random.default_rng(13)
    taken = 0
    for _ in range(60):
        pixels = picture(random, "smooth", (40, 56))
        data = encoded(pixels, random)
        for _ in range(40):
            changed, place = bytearray(data), int(random.integers(len(data)))
            changed[place : place + int(random.integers(3))] = random.bytes(int(random.integers(1, 3)))
            planes = baseline.decode(bytes(changed), *pixels.shape[:2], with_small=True)
            if planes is not None:
                taken += 1
                np.testing.assert_array_equal(planes[0], jpeg_luma(bytes(changed)))
            if planes is not None and planes[1].small is not None:
                np.testing.assert_array_equal(planes[1].small, jpeg_colour(bytes(changed), 10))
            shown = random.random((5, 7)) < 0.5
            luma = baseline.decode_shown(bytes(changed), *pixels.shape[:2], shown)
            assert luma is not None or planes is None
            if luma is not None:
                np.testing.assert_array_equal(luma, in_blocks(jpeg_luma(bytes(changed)), shown))
    assert taken > 50, "many a changed byte leaves a JPEG whole"


@needs_compiled
def test_a_picture_does_not_depend_on_the_one_before() -> None:
    random = np.random.default_rng(14)
    pixels = picture(random, "letters", (64, 96))
    others = [encoded(picture(random, kind, (64, 96)), random) for kind in ("noise", "box", "smooth") for _ in range(4)]
    usual, wide = (bytes(simplejpeg.encode_jpeg(each, 90)) for each in (pixels, pixels.reshape(48, 128, 3)))
    for before in (*others, usual, usual[:300], wide):
        decoded(before, (64, 96))
        np.testing.assert_array_equal(decoded(usual, (64, 96)), jpeg_luma(usual))
        assert decoded(usual, (48, 128)) is None, "told another size, with the same tables"


@needs_compiled
@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
def test_flat_units_after_others_keep_their_level(subsampling: str) -> None:
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:16], pixels[16:32, 32:], pixels[48:, 40:] = 90, (40, 40, 200), (200, 30, 90)
    data = bytes(simplejpeg.encode_jpeg(pixels, 95, "RGB", subsampling))
    np.testing.assert_array_equal(decoded(data, pixels.shape), jpeg_luma(data))


@needs_compiled
@pytest.mark.parametrize("kept", [0.01, 0.3, 0.6, 0.99])
def test_what_is_cut_is_left_to_the_library(kept: float) -> None:
    random = np.random.default_rng(14)
    pixels = picture(random, "smooth", (64, 80))
    for _ in range(10):
        data = encoded(pixels, random)
        assert decoded(data[: int(kept * len(data))], pixels.shape) is None


@needs_compiled
def test_what_is_not_the_usual_is_left_to_the_library() -> None:
    pixels = picture(np.random.default_rng(15), "smooth", (64, 80))
    image = Image.fromarray(pixels)
    usual = saved(image)
    unusual = {
        "progressive": saved(image, progressive=True),
        "RGB": saved(image, keep_rgb=True),
        "four components": saved(image.convert("CMYK")),
        "another size": saved(image.crop((0, 0, 79, 64))),
        "no end": usual[:-2],
        "bytes before the end": usual[:-2] + b"\0\0" + JPEG_END,
    }
    assert decoded(usual, pixels.shape) is not None
    assert {name for name, data in unusual.items() if decoded(data, pixels.shape) is not None} == set()


@pytest.mark.parametrize("loop", [baseline.compiled, None], ids=["compiled", "library"])
def test_a_byte_of_ones_too_many_at_the_end_does_no_harm(loop: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real loop of pydicom-data has it in one frame of twelve; the library complains of few such frames only."""
    monkeypatch.setattr(baseline, "compiled", loop)
    random = np.random.default_rng(16)
    for number in range(150):
        pixels = picture(random, "grey noise")
        data = saved(Image.fromarray(pixels), quality=int(random.integers(1, 101)))
        filled = data[:-2] + b"\xff\0" + JPEG_END + b"more"[: number % 5]
        luma = decoded(filled, pixels.shape)
        np.testing.assert_array_equal(jpeg_luma(filled) if luma is None else luma, jpeg_luma(data))


@pytest.mark.parametrize("loop", [baseline.compiled, None], ids=["compiled", "library"])
def test_a_filled_end_makes_no_corrupt_frame_whole(loop: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "compiled", loop)
    random = np.random.default_rng(17)
    refused = 0
    for _ in range(200):
        pixels = picture(random, "grey noise", (40, 56))
        data = bytearray(saved(Image.fromarray(pixels)))
        data[int(random.integers(data.index(b"\xff\xda") + 12, len(data) - 4))] = int(random.integers(256))
        try:
            simplejpeg.decode_jpeg(bytes(data), "GRAY")
        except ValueError:
            refused += 1
            filled = bytes(data[:-2]) + b"\xff\0" + JPEG_END
            assert decoded(filled, pixels.shape) is None
            with pytest.raises(Rejected):
                jpeg_luma(filled)
    assert refused > 50


@needs_compiled
def test_shapes_that_do_not_fit_are_refused() -> None:
    luma, off_grey = np.zeros((16, 16), np.uint8), np.zeros((2, 2), np.uint8)
    small, none = np.zeros((4, 4, 3), np.uint8), np.zeros(0, np.uint8)
    for columns, *others in (
        (16, luma, off_grey[:1], none, none),
        (0, luma, off_grey, none, none),
        (15, luma, off_grey, none, none),
        (16, luma, off_grey, small[:3], none),
        (16, luma, none, none, off_grey[:1]),
        (16, luma, off_grey, none, off_grey),
        (16, luma, none, small, off_grey),
    ):
        with pytest.raises(ValueError, match="do not fit"):
            baseline.compiled.decode(b"", columns, *others)
    assert baseline.compiled.decode(b"", 16, luma, off_grey, small, none) == 0
    assert baseline.compiled.decode(b"", 16, luma, none, none, off_grey) == 0


def test_the_share_of_a_mask_in_coloured_blocks() -> None:
    mask = np.zeros((20, 20), bool)
    mask[4:12, 4:12] = True
    off_grey = np.array([[0, 2, 9], [9, 3, 0], [255, 0, 0]], np.uint8)
    assert baseline.coloured_share([off_grey], mask, 2) == pytest.approx(32 / 64)
    assert baseline.coloured_share([0 * off_grey, off_grey, off_grey // 2], mask, 2) == pytest.approx(32 / 64)
    assert baseline.coloured_share([off_grey], mask, 255) == 0
    assert baseline.coloured_share([off_grey], np.zeros_like(mask), 2) == 0


@pytest.mark.parametrize("loop", [baseline.compiled, None], ids=["compiled", "library"])
def test_flow_that_fills_hardly_more_than_its_blocks_is_found(
    loop: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The blocks are 0.15 % of the sector; where chroma has half the columns, its spread makes the patch larger."""
    monkeypatch.setattr(baseline, "compiled", loop)
    rgb = np.stack([to_colour(frame, "RGB") for frame in sector_movie(3, 602, 802)]).copy()
    rgb[:, 304:320, 384:400] = (255, 0, 0)
    path = EchoFile(rgb, syntax=JPEG, photometric="YBR_FULL_422", quality=90).write(tmp_path / "loop.dcm")
    with pytest.raises(Rejected, match=Reason.COLOUR_DOPPLER):
        read_clip(path)


def test_clips_are_the_same_with_and_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    search = clips.shows_flow
    monkeypatch.setattr(clips, "shows_flow", lambda *given: searched.append(0) or search(*given))
    one = read_clip(REAL[0])
    assert not searched or baseline.compiled is None, "it is known from the decoding that no colour is in the sector"
    monkeypatch.setattr(baseline, "compiled", None)
    other = read_clip(REAL[0])
    assert searched
    np.testing.assert_array_equal(one.pixels, other.pixels)
    assert one.notes == other.notes
