"""The echo files that pydicom, pydicom-data and deid-data ship: the only real ones that come without a licence."""

from importlib import resources
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array

from echomort.dicom import Clip, Reason, Rejected, lit_outside_sector, read_clip, read_header
from echomort.dicom.frames import codestreams
from echomort.dicom.frames.compressed import EncapsulatedFrames
from echomort.dicom.frames.open import open_frames
from echomort.dicom.header.parsing import open_object
from echomort.dicom.saved import check_tissue
from echomort.dicom.tissue.sector import find_sector
from echomort.dicom.tissue.snapshots import Snapshots
from echomort.settings import ClipSettings

PYDICOM = Path(str(resources.files("pydicom"))) / "data" / "test_files"
DATA = Path(str(resources.files("data_store"))) / "data"
DEID = Path(str(resources.files("deid_data"))) / "data" / "ultrasounds"
SHORT_LOOP = PYDICOM / "examples_ybr_color.dcm"
LONG_LOOP = DATA / "color3d_jpeg_baseline.dcm"
COLOUR_LOOP = DEID / "ultrasound-multiframe.dcm"
LOOPS = {"short": SHORT_LOOP, "long": LONG_LOOP}


def reason_of(path: Path) -> Reason:
    with pytest.raises(Rejected) as rejected:
        read_clip(path)
    return rejected.value.reason


@pytest.fixture(scope="module")
def clips() -> dict[str, Clip]:
    return {name: read_clip(path) for name, path in LOOPS.items()}


@pytest.mark.parametrize("name", LOOPS)
def test_the_apical_loop_is_accepted(clips: dict[str, Clip], name: str) -> None:
    clip = clips[name]
    assert clip.pixels.shape == (60, 109, 150) and clip.pixels.dtype == np.uint8
    assert clip.fps == pytest.approx(30, abs=0.01) and clip.fps_source == "FrameTime"
    assert clip.frames == {"short": 30, "long": 120}[name]
    assert (clip.view, clip.view_source) == ("unknown", "none")
    assert lit_outside_sector(clip) == 0


@pytest.mark.parametrize("frames", [30, 12, 3, 2])
@pytest.mark.parametrize("name", LOOPS)
def test_a_real_loop_is_no_noise(clips: dict[str, Clip], name: str, frames: int) -> None:
    check_tissue(clips[name].pixels[:frames])


def test_the_declared_region_is_used_where_it_fits_and_refused_where_it_was_drawn_for_another_image(
    clips: dict[str, Clip],
) -> None:
    by_region = read_clip(LOOPS["long"], ClipSettings(framing="region"))
    assert by_region.region == (84, 31, 595, 414) and "region_refused" not in clips["long"].notes
    assert np.abs(np.array(clips["long"].region) - (84, 45, 600, 404)).max() < 5, "by the sector: no margin above it"
    x0, y0, x1, y1 = clips["short"].region
    assert "region_refused" in clips["short"].notes
    assert 0 <= x0 < 45 and 280 < x1 < 320 and 0 <= y0 < 20 and 200 < y1 < 225


@pytest.mark.parametrize("first", [0, 7, 40, 80])
def test_two_frames_show_most_of_the_sector(first: int) -> None:
    """Half of the speckle does not change from one frame to the next."""
    with open_object(LONG_LOOP) as source:
        frames = open_frames(source)
        pairs = ([first, first + 1], range(0, 60, 5))
        few, many = (Snapshots.from_frames([frames.luma(index) for index in indices]) for indices in pairs)
    found, expected = (find_sector(each, None).mask(*each.brightest.shape) for each in (few, many))
    lost = many.brightest[expected & ~found].sum(dtype=float) / many.brightest[expected].sum(dtype=float)
    assert lost < 0.1 and np.count_nonzero(found & ~expected) < 0.1 * np.count_nonzero(expected)


def test_the_short_loop_ends_in_black_frames(clips: dict[str, Clip]) -> None:
    lit = clips["short"].pixels.reshape(60, -1).any(axis=1)
    assert lit[:30].all() and not lit[30:].any()
    assert "padded" in clips["short"].notes
    assert "shorter_than_a_second" not in clips["short"].notes, "30 frames of 33.333 ms are a second"


def test_a_loop_that_lasts_less_than_the_minimum_gives_no_clip() -> None:
    assert read_clip(LOOPS["short"], ClipSettings(min_seconds=1)).frames == 30, "30 frames of 33.333 ms are a second"
    with pytest.raises(Rejected) as rejected:
        read_clip(LOOPS["short"], ClipSettings(min_seconds=1.01))
    assert (rejected.value.reason, rejected.value.detail) == (Reason.TOO_SHORT, "1 s")


@pytest.mark.parametrize("name", LOOPS)
def test_text_and_scale_are_blank(clips: dict[str, Clip], name: str) -> None:
    brightest = clips[name].pixels.max(axis=0)
    assert not brightest[:18, :50].any() and not brightest[:18, 100:].any()
    assert not brightest[95:, :15].any() and not brightest[95:, 140:].any()


def test_a_frame_that_begins_otherwise_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frames of a loop begin with the same bytes, which are read once."""
    read: list[bytes] = []
    describe = codestreams.describe
    monkeypatch.setattr(codestreams, "describe", lambda data, syntax: read.append(data) or describe(data, syntax))
    with open_object(SHORT_LOOP) as source:
        frames = open_frames(source)
        assert isinstance(frames, EncapsulatedFrames)
        whole = [frames.luma(index) for index in range(5)]
        assert len(read) == 1
        data = frames.data(2)
        comment = data[:2] + b"\xff\xfe\x00\x04hi" + data[2:]
        np.testing.assert_array_equal(frames._decode(comment, 2), whole[2])
        assert len(read) == 2
        rows = data.index(b"\xff\xc0") + 5
        with pytest.raises(Rejected, match="size_mismatch"):
            frames._decode(data[:rows] + b"\x00\x08" + data[rows + 2 :], 2)


@pytest.mark.parametrize("name", LOOPS)
def test_luma_is_the_stored_luma(name: str) -> None:
    raw = pixel_array(LOOPS[name], raw=True, decoding_plugin="pillow")[..., 0]
    with open_object(LOOPS[name]) as source:
        frames = open_frames(source)
        assert frames.count == len(raw)
        for index in range(0, frames.count, 7):
            np.testing.assert_array_equal(frames.luma(index), raw[index])


def test_both_files_hold_the_same_heart(clips: dict[str, Clip]) -> None:
    """The short file is the long one's first second at half size, so that their clips must agree but for the region."""
    long, short = clips["long"].pixels[:30].mean(axis=0), clips["short"].pixels[:30].mean(axis=0)
    assert np.corrcoef(long.ravel(), short.ravel())[0, 1] > 0.8


def test_only_the_frames_a_clip_needs_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    luma = EncapsulatedFrames.luma
    monkeypatch.setattr(EncapsulatedFrames, "luma", lambda self, index: decoded.append(index) or luma(self, index))
    read_clip(LONG_LOOP)
    assert sorted(decoded) == list(range(60))


def test_colour_doppler_is_rejected_as_that() -> None:
    assert reason_of(COLOUR_LOOP) is Reason.COLOUR_DOPPLER


def test_colour_doppler_is_kept_where_settings_say_so() -> None:
    clip = read_clip(COLOUR_LOOP, ClipSettings(colour="keep"))
    assert "colour_doppler_kept" in clip.notes and clip.fps == pytest.approx(18.436, abs=0.001)


def test_an_affiniti_frame_is_read_by_plane() -> None:
    expected = pydicom.dcmread(COLOUR_LOOP).pixel_array[3] @ [0.299, 0.587, 0.114]
    with open_object(COLOUR_LOOP) as source:
        np.testing.assert_allclose(open_frames(source).luma(3), expected, atol=0.51)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (DATA / "JPGLosslessP14SV1_1s_1f_8b.dcm", Reason.STILL),
        (DATA / "OBXXXX1A.dcm", Reason.NOT_CARDIAC),
        (DATA / "OBXXXX1A_2frame.dcm", Reason.NOT_CARDIAC),
        (DATA / "OBXXXX1A_rle_2frame.dcm", Reason.NOT_CARDIAC),
        (DATA / "US1_J2KR.dcm", Reason.NOT_CARDIAC),
        (DATA / "color-px.dcm", Reason.NOT_TRANSTHORACIC),
        (DEID / "RGB_IMAGE.dcm", Reason.STILL),
        (PYDICOM / "ExplVR_BigEnd.dcm", Reason.STILL),
        (PYDICOM / "CT_small.dcm", Reason.NOT_ULTRASOUND),
        (PYDICOM / "rtplan.dcm", Reason.NOT_ULTRASOUND),
        (PYDICOM / "test-SR.dcm", Reason.NOT_ULTRASOUND),
        (PYDICOM / "MR_truncated.dcm", Reason.NOT_ULTRASOUND),
        (PYDICOM / "dicomdirtests" / "DICOMDIR", Reason.NOT_AN_IMAGE),
        (PYDICOM / "README.txt", Reason.NOT_DICOM),
        (PYDICOM / "no_such_file.dcm", Reason.UNREADABLE_FILE),
        (PYDICOM, Reason.UNREADABLE_FILE),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_everything_else_is_rejected_with_the_right_reason(path: Path, reason: Reason) -> None:
    assert reason_of(path) is reason


def test_a_rejected_object_keeps_its_header_for_the_index() -> None:
    with pytest.raises(Rejected) as rejected:
        read_header(DATA / "JPGLosslessP14SV1_1s_1f_8b.dcm")
    header = rejected.value.header
    assert header is not None
    assert (header.model, header.rows, header.columns, header.frames) == ("EPIQ 7C", 768, 1024, 1)


@pytest.mark.parametrize("folder", [PYDICOM, DATA], ids=["pydicom", "pydicom-data"])
def test_no_file_of_any_kind_breaks_the_reader(folder: Path) -> None:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size < 8_000_000]
    states = []
    for path in files:
        try:
            states.append(read_clip(path).view)
        except Rejected as rejected:
            states.append(rejected.reason)
    assert len(states) == len(files) > 40
    assert Reason.UNREADABLE not in states
