import tracemalloc

import numpy as np
import pytest
from echo_files import DEFLATED, IMPLICIT, JPEG, EchoFile
from philips_files import ECHO, PhilipsFile, native_movie

from echomort.dicom import Reason, Rejected, inspect_paths, lit_outside_sector, read_clip, read_header
from echomort.dicom.frames.philips import find_shape
from echomort.settings import ClipSettings, Settings

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR CS")  # the vendor writes "ZLib"
RAW = ClipSettings(source="raw", frames=20, fps=40.0)


def _reason(path, settings=RAW):
    with pytest.raises(Rejected) as refused:
        read_clip(path, settings)
    return refused.value.reason


@pytest.mark.parametrize("compression", ["ZLib", "None"])
@pytest.mark.parametrize("header_bytes", [16, 32])
@pytest.mark.parametrize("element", [0xF5, 0xF8])
def test_native_frames_come_out_as_they_were_stored(tmp_path, compression, header_bytes, element):
    file = PhilipsFile(compression=compression, header_bytes=header_bytes, element=element)
    settings = RAW if header_bytes == 32 else RAW.model_copy(update={"fps": 1000 / 33.333})
    clip = read_clip(file.write(tmp_path / "a.dcm"), settings)
    assert np.array_equal(clip.pixels, file.native)  # 109 x 150 at its own rate: neither scaled nor blended
    assert clip.frames == 20
    assert clip.region == (0, 0, 149, 108)
    assert clip.sector.all()
    assert lit_outside_sector(clip) == 0
    assert "native" in clip.notes


@pytest.mark.parametrize("syntax", [IMPLICIT, DEFLATED, JPEG])
def test_the_block_is_found_in_every_form_of_file(tmp_path, syntax):
    file = PhilipsFile(annotated=EchoFile(syntax=syntax))
    assert np.array_equal(read_clip(file.write(tmp_path / "a.dcm"), RAW).pixels, file.native)


def test_the_setting_chooses_between_the_two_videos(tmp_path):
    path = PhilipsFile().write(tmp_path / "a.dcm")
    annotated = read_clip(path, ClipSettings())
    assert annotated.frames == 12
    assert "native" not in annotated.notes
    assert read_header(path).frames == 12
    plain = EchoFile().write(tmp_path / "b.dcm")
    assert _reason(plain) is Reason.NO_NATIVE_DATA
    assert np.array_equal(read_clip(plain, ClipSettings()).pixels, annotated.pixels)


def test_frames_run_by_their_own_clock(tmp_path):
    clip = read_clip(PhilipsFile(tick=20_000).write(tmp_path / "a.dcm"), RAW)
    assert clip.fps == pytest.approx(50)
    assert clip.fps_source == "native_frame_times"
    assert "fps_disagrees:FrameTime" in clip.notes


@pytest.mark.parametrize(
    ("file", "note"),
    [(PhilipsFile(header_bytes=16), "native_clock_unknown"), (PhilipsFile(tick=0), "native_clock_unusable")],
)
def test_the_usual_tags_tell_time_where_the_clock_can_not(tmp_path, file, note):
    clip = read_clip(file.write(tmp_path / "a.dcm"), RAW)
    assert clip.fps == pytest.approx(1000 / 33.333)
    assert clip.fps_source == "FrameTime"
    assert note in clip.notes


@pytest.mark.parametrize("shape", [(109, 150), (427, 608), (436, 600), (600, 436), (128, 128), (300, 400)])
def test_the_shape_is_read_off_the_picture(shape):
    assert find_shape(native_movie(1, *shape)[0].ravel()) == shape


def test_a_picture_without_a_shape_is_refused():
    with pytest.raises(Rejected) as refused:
        find_shape(np.zeros(109 * 150, np.uint8))
    assert refused.value.reason is Reason.NATIVE_LAYOUT


WRONG = {
    "another compression": (PhilipsFile(compression="LZW"), Reason.NATIVE_LAYOUT),
    "more frames declared": (PhilipsFile(frames=40), Reason.FRAME_COUNT),
    "another count in the payload": (PhilipsFile(counted=19), Reason.NATIVE_LAYOUT),
    "no frames": (PhilipsFile(frames=0), Reason.NO_NATIVE_DATA),
    "one frame": (PhilipsFile(native=native_movie(1)), Reason.STILL),
    "cut in the last frame": (PhilipsFile(cut=40), Reason.TRUNCATED_PIXELS),
    "cut, uncompressed": (PhilipsFile(compression="None", cut=40), Reason.TRUNCATED_PIXELS),
    "cut to nothing": (PhilipsFile(native=native_movie(2), cut=10**6), Reason.NO_NATIVE_DATA),
    "no frame headers": (PhilipsFile(table=b""), Reason.NATIVE_LAYOUT),
    "headers of another size": (PhilipsFile(table=b"\0" * 24 * 20), Reason.NATIVE_LAYOUT),
    "headers of another loop": (PhilipsFile(table=b"\0" * 32 * 20), Reason.SIZE_MISMATCH),
    "a frame that swells": (PhilipsFile(inflate_to=10 << 20), Reason.BOMB),
    "frames of a gigabyte": (PhilipsFile(reserved=1 << 30), Reason.BOMB),
    "two pictures": (PhilipsFile(kinds=(ECHO, ECHO)), Reason.DUAL_PANEL),
    "colour beside it": (PhilipsFile(kinds=(ECHO, "UDM_USD_DATATYPE_DIN_2D_COLOR_FLOW")), Reason.COLOUR_DOPPLER),
    "Doppler alone": (PhilipsFile(kinds=("UDM_USD_DATATYPE_DIN_DOPPLER_CW",)), Reason.NO_NATIVE_DATA),
}


@pytest.mark.parametrize("name", WRONG)
def test_every_fault_has_its_reason(tmp_path, name):
    file, reason = WRONG[name]
    if name == "more frames declared":
        file.table = b"\0" * 32 * 40
    assert _reason(file.write(tmp_path / "a.dcm")) is reason


def test_colour_may_be_kept(tmp_path):
    file = PhilipsFile(kinds=(ECHO, "UDM_USD_DATATYPE_DIN_2D_COLOR_FLOW"))
    clip = read_clip(file.write(tmp_path / "a.dcm"), RAW.model_copy(update={"colour": "keep"}))
    assert "colour_doppler_kept" in clip.notes
    assert np.array_equal(clip.pixels, file.native)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = PhilipsFile(native=native_movie(2), inflate_to=200 << 20).write(tmp_path / "a.dcm")
    tracemalloc.start()
    assert _reason(path) is Reason.BOMB
    assert tracemalloc.get_traced_memory()[1] < 40 << 20
    tracemalloc.stop()


def test_a_flipped_byte_is_a_reason_or_another_picture_never_an_error(tmp_path):
    content = PhilipsFile(native=native_movie(3)).write(tmp_path / "a.dcm").read_bytes()
    start, random = content.index(b"UDM_USD"), np.random.default_rng(0)
    outcomes = set()
    for position in random.integers(start, content.index(b"\xe0\x7f\x10\x00"), 150):
        damaged = bytearray(content)
        damaged[position] ^= 0x5A
        (tmp_path / "b.dcm").write_bytes(damaged)
        try:
            read_clip(tmp_path / "b.dcm", RAW)
        except Rejected as refused:
            outcomes.add(refused.reason)
    assert Reason.BAD_FRAME in outcomes
    assert Reason.UNREADABLE not in outcomes


def test_a_contact_sheet_shows_the_video_that_the_clip_was_made_from(tmp_path):
    from PIL import Image

    settings = Settings(imaging={"clip": {"source": "raw", "frames": 20, "fps": 40.0}})
    path = PhilipsFile(native=native_movie(20, 109, 150) // 2 + 100).write(tmp_path / "a.dcm")
    (inspection,) = inspect_paths([path], settings, tmp_path / "out")
    assert (inspection.status, inspection.region) == ("accepted", (0, 0, 149, 108))
    sheet = np.asarray(Image.open(inspection.sheet).convert("L"))
    upper = sheet[sheet.shape[0] // 6 : sheet.shape[0] // 2, : sheet.shape[1] // 5]
    assert (upper < 60).mean() < 0.05  # the native pictures were made bright all over; the annotated are mostly black
