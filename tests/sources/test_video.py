"""``echomort fetch video``: videos that a table names become DICOM objects that the reader takes as they are."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from echo_files import sector_movie
from pydicom import dcmread
from typer.testing import CliRunner

from echomort.core.errors import UserError
from echomort.core.keys import Keyring
from echomort.core.listing import list_files
from echomort.dicom.clip import read_clip
from echomort.dicom.header.parsing import read_header
from echomort.dicom.index import Indexer
from echomort.dicom.reasons import Reason, Rejected
from echomort.echonet.avi import MAX_BYTES, grey_of
from echomort.sources import video_object
from echomort.sources.video import FetchedVideos, fetch_videos
from orchestration.cli.__main__ import app

av = pytest.importorskip("av", reason="the extra `video` is not installed")

HEART = sector_movie(40, 112, 112)
NAMES = "0X1A0A263B22CCD966", "0X1A2A76BDB5B98BED", "0X1A2C60147AF9FDAE"
"""As long as EchoNet-Dynamic's, longer than a standard accession number."""


def write_video(
    path: Path,
    movie: np.ndarray = HEART,
    fps: Fraction | int = 50,
    codec: str = "mjpeg",
    pixels: str = "yuvj420p",
    aspect: Fraction = Fraction(1),
    options: dict[str, str] | None = None,
) -> Path:
    """Write ``movie``, uint8 (frames, rows, columns) or with a last axis of colours, in the format of the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=fps, options=options)
        stream.height, stream.width, stream.pix_fmt = movie.shape[1], movie.shape[2], pixels
        stream.codec_context.sample_aspect_ratio = aspect
        for frame in movie if movie.ndim == 4 else np.repeat(movie[..., None], 3, -1):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        file.mux(stream.encode())
    return path


def colour_movie() -> np.ndarray:
    """The heart with a jet of red and blue that comes and goes."""
    movie = np.repeat(HEART[..., None], 3, -1)
    for index, frame in enumerate(movie):
        top = 40 + index % 8
        frame[top : top + 20, 45:60] = (220, 30, 20) if index % 4 < 2 else (20, 40, 230)
    return movie


def table(folder: Path, *rows: str, columns: str = "file,patient_id,study_id,study_at,view,fps") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "videos.csv"
    path.write_text("\n".join((columns, *rows)) + "\n")
    return path


def objects(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


def reasons(found: FetchedVideos) -> dict[str, list[int]]:
    assert all(len(remedy) > 20 for _, remedy in found.refused)
    return {reason: lines for (reason, _), lines in found.refused.items()}


@pytest.fixture
def echonet(tmp_path: Path) -> Path:
    """Two clips as EchoNet-Dynamic has them, and its list, which names a third that is missing."""
    for seed, name in enumerate(NAMES[:2]):
        write_video(tmp_path / "EchoNet" / "Videos" / f"{name}.avi", sector_movie(40, 112, 112, seed))
    rows = [f"{name},55.5,30.1,70.2,112,112,50,40,TRAIN" for name in NAMES]
    columns = "FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split"
    return table(tmp_path / "EchoNet", *rows, columns=columns).rename(tmp_path / "EchoNet" / "FileList.csv")


def test_echonet_dynamics_clips_are_indexed_and_read_with_their_patient_view_and_rate(
    echonet: Path, tmp_path: Path
) -> None:
    found = fetch_videos(echonet, tmp_path / "in")
    assert (found.new, found.total, reasons(found)) == (2, 3, {"unreadable_file": [4]})
    keyring = Keyring(b"a key of this test alone, 32 bytes")
    indexer = Indexer(tmp_path / "in", keyring, {})
    rows = [indexer.row("folder", file) for file in list_files(tmp_path / "in", "sources.dicom")]
    assert {row["patient_key"] for row in rows} == {keyring.pseudonym("patient", name) for name in NAMES[:2]}
    assert {row["accession_key"] for row in rows} == {keyring.pseudonym("study", name) for name in NAMES[:2]}
    assert len({row["study_key"] for row in rows}) == len({row["sop_key"] for row in rows}) == 2
    for row in rows:
        assert (row["status"], row["view"], row["fps"], row["frames"]) == ("accepted", "apical_4", 50, 40)
        assert row["photometric"] == "MONOCHROME2"
    for path in objects(tmp_path / "in"):
        clip = read_clip(path)
        assert (clip.view, clip.fps, clip.frames) == ("apical_4", 50, 40) and clip.pixels.any()


def test_a_second_fetch_writes_nothing_and_an_interrupted_one_goes_on(echonet: Path, tmp_path: Path) -> None:
    fetch_videos(echonet, tmp_path / "in")
    first, second = objects(tmp_path / "in")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (first, second)}
    assert str(fetch_videos(echonet, tmp_path / "in")) == "0 new, 0 replaced, 2 there already, 1 refused"
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in objects(tmp_path / "in")} == before
    second.unlink()
    assert str(fetch_videos(echonet, tmp_path / "in")) == "1 new, 0 replaced, 1 there already, 1 refused"
    assert second.read_bytes() == before[second][0], "the same bytes in every run"
    assert {path.suffix for path in (tmp_path / "in").rglob("*") if path.is_file()} == {".dcm"}


def test_a_table_of_ones_own_names_study_time_view_and_rate(tmp_path: Path) -> None:
    movie = write_video(tmp_path / "a" / "echo.mp4", fps=25, codec="mpeg4", pixels="yuv420p")
    path = table(tmp_path, "a/echo.mp4,P 1,A100,2024-01-31 14:05,parasternal_short_zoomed_aortic,62.5")
    assert str(fetch_videos(path, tmp_path / "in")) == "1 new, 0 replaced, 0 there already, 0 refused"
    (made,) = objects(tmp_path / "in")
    dataset, header = dcmread(made), read_header(made)
    assert (dataset.PatientID, dataset.AccessionNumber, dataset.StudyDate) == ("P 1", "A100", "20240131")
    assert (dataset.StudyTime, dataset.FrameTime, dataset.NumberOfFrames) == ("140500", 16, 40)
    assert (header.view, header.fps) == ("parasternal_short_zoomed_aortic", 62.5)
    assert dataset.LossyImageCompression == "01"
    with av.open(str(movie)) as file:
        first = grey_of(next(file.decode(video=0)).to_ndarray(format="rgb24"))
    np.testing.assert_array_equal(dataset.pixel_array[0], first)


@pytest.mark.parametrize("view", ["", "apical_4", "parasternal_short_zoomed_aortic"])
def test_the_object_is_valid(tmp_path: Path, view: str) -> None:
    write_video(tmp_path / "a.avi")
    fetch_videos(table(tmp_path, f"a.avi,P1,A1,2024-01-31 14:05,{view},"), tmp_path / "in")
    command = [Path(sys.executable).parent / "dciodvfy", objects(tmp_path / "in")[0]]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert "USMultiFrameImage" in said and "Error" not in said


def test_a_corrected_view_replaces_the_object(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi")
    fetch_videos(table(tmp_path, "a.avi,P1,A1,,A4C,"), tmp_path / "in")
    assert fetch_videos(table(tmp_path, "a.avi,P1,A1,,A2C,"), tmp_path / "in").replaced == 1
    (made,) = objects(tmp_path / "in")
    assert (read_header(made).view, read_header(made).view_source) == ("apical_2", "view_name")


def test_a_view_and_a_rate_need_not_be_given(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi", fps=Fraction(30000, 1001), codec="rawvideo", pixels="bgr24", aspect=Fraction(4, 3))
    path = table(tmp_path, "a.avi,P1,A1", columns="file,patient_id,study_id")
    fetch_videos(path, tmp_path / "in")
    (made,) = objects(tmp_path / "in")
    assert read_header(made).view == "unknown" and read_header(made).fps == pytest.approx(30000 / 1001)
    np.testing.assert_array_equal(dcmread(made).pixel_array, HEART)
    assert "LossyImageCompression" not in dcmread(made), "raw pictures have lost nothing"


@pytest.mark.parametrize(("name", "codec", "pixels"), [("a.mp4", "mpeg4", "yuv420p"), ("a.avi", "mjpeg", "yuvj420p")])
def test_colour_stays_colour_and_is_recognised_as_doppler(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    write_video(tmp_path / name, colour_movie(), codec=codec, pixels=pixels)
    fetch_videos(table(tmp_path, f"{name},P1,A1,,A4C,"), tmp_path / "in")
    (made,) = objects(tmp_path / "in")
    assert (dcmread(made).PhotometricInterpretation, dcmread(made).SamplesPerPixel) == ("RGB", 3)
    with pytest.raises(Rejected) as rejected:
        read_clip(made)
    assert rejected.value.reason is Reason.COLOUR_DOPPLER


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mov", "libx264"), ("a.mkv", "ffv1"), ("a.webm", "libvpx-vp9"), ("a.mpg", "mpeg2video"), ("a.wmv", "wmv2")],
)
def test_other_formats_are_read_whole_with_their_rate(tmp_path: Path, name: str, codec: str) -> None:
    write_video(tmp_path / name, codec=codec, pixels="yuv420p")
    assert fetch_videos(table(tmp_path, f"{name},P1,A1,,,"), tmp_path / "in").new == 1
    header = read_header(objects(tmp_path / "in")[0])
    assert (header.frames, header.fps, header.photometric) == (40, pytest.approx(50), "MONOCHROME2")


def test_pixels_that_are_not_square_keep_their_aspect(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", codec="mpeg4", pixels="yuv420p", aspect=Fraction(4, 3))
    fetch_videos(table(tmp_path, "a.mp4,P1,A1,,,"), tmp_path / "in")
    assert read_header(objects(tmp_path / "in")[0]).pixel_aspect == pytest.approx(0.75)


def half(path: Path) -> None:
    content = write_video(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def lacking(path: Path) -> None:
    """A file whose stream header declares more frames (dwLength) than it holds."""
    content = bytearray(write_video(path).read_bytes())
    at = content.index(b"strh") + 8 + 32
    assert int.from_bytes(content[at : at + 4], "little") == len(HEART)
    content[at : at + 4] = (90).to_bytes(4, "little")
    path.write_bytes(content)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)


def outside(path: Path) -> None:
    path.symlink_to(write_video(path.parent.parent / "elsewhere.avi"))


@pytest.mark.parametrize(
    ("made", "row", "reason"),
    [
        (lambda path: None, "a.avi,P1,A1,,,", "unreadable_file"),
        (lambda path: path.mkdir(), "a.avi,P1,A1,,,", "unreadable_file"),
        (lambda path: path.write_bytes(b""), "a.avi,P1,A1,,,", "bad_frame"),
        (lambda path: path.write_text("<html>sign in</html>"), "a.avi,P1,A1,,,", "bad_frame"),
        (half, "a.avi,P1,A1,,,", "frame_count"),
        (lacking, "a.avi,P1,A1,,,", "frame_count"),
        (huge, "a.avi,P1,A1,,,", "too_large"),
        (lambda path: write_video(path, fps=2), "a.avi,P1,A1,,,", "bad_frame_rate"),
        (write_video, "a.avi,P1,A1,,,0.5", "bad_frame_rate"),
        (write_video, 'a.avi,P1,A1,,,"50,5"', "bad_frame_rate"),
        (write_video, "a.avi,,A1,,,", "bad_number"),
        (write_video, "a.avi,P1\\P2,A1,,,", "bad_number"),
        (write_video, f"a.avi,P1,{'9' * 65},,,", "bad_number"),
        (write_video, "a.avi,P1,A1,31.1.2024,,", "bad_time"),
        (write_video, f"a.avi,P1,A1,,{'A4C ' * 20},", "bad_view"),
        (write_video, "../outside.avi,P1,A1,,,", "outside_folder"),
        (write_video, "/etc/hostname,P1,A1,,,", "outside_folder"),
        (outside, "a.avi,P1,A1,,,", "outside_folder"),
    ],
)
def test_what_is_refused_has_its_reason_and_the_other_rows_are_written(
    tmp_path: Path, made: Callable[[Path], object], row: str, reason: str
) -> None:
    (tmp_path / "table").mkdir()
    made(tmp_path / "table" / "a.avi")
    write_video(tmp_path / "table" / "good.avi")
    found = fetch_videos(table(tmp_path / "table", row, "good.avi,P9,A9,,,"), tmp_path / "in")
    assert (reasons(found), found.new, found.total) == ({reason: [2]}, 1, 2)
    assert len(objects(tmp_path / "in")) == 1


def test_a_stream_without_a_rate_needs_one_in_the_table(tmp_path: Path) -> None:
    silent = {"x265-params": "log-level=none:vui-timing-info=0"}
    write_video(tmp_path / "a.hevc", codec="libx265", pixels="yuv420p", options=silent)
    assert reasons(fetch_videos(table(tmp_path, "a.hevc,P1,A1,,,"), tmp_path / "in")) == {"no_frame_rate": [2]}
    assert fetch_videos(table(tmp_path, "a.hevc,P1,A1,,,50"), tmp_path / "in").new == 1


def test_pictures_that_would_be_too_many_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "a.avi")
    monkeypatch.setattr(video_object, "MAX_PIXEL_BYTES", 10_000)
    assert reasons(fetch_videos(table(tmp_path, "a.avi,P1,A1,,,"), tmp_path / "in")) == {"too_large": [2]}


def test_rows_that_contradict_each_other_are_all_refused_and_the_same_row_twice_is_one_object(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi")
    write_video(tmp_path / "b.avi", sector_movie(40, 112, 112, 1))
    rows = ("a.avi,P1,A1,,,", "./b.avi,P2,A2,,,", "a.avi,P2,A1,,,", "b.avi, P2,A2 ,,,")
    found = fetch_videos(table(tmp_path, *rows), tmp_path / "in")
    assert reasons(found) == {"conflicting_rows": [2, 4]} and (found.new, found.same) == (1, 1)


def test_a_copy_in_the_same_study_may_not_say_otherwise_and_one_of_another_patient_has_the_same_uid(
    tmp_path: Path,
) -> None:
    for name in ("b.avi", "c.avi"):
        shutil.copy(write_video(tmp_path / "a.avi"), tmp_path / name)
    found = fetch_videos(table(tmp_path, "a.avi,P1,A1,,A4C,", "b.avi,P1,A1,,A2C,", "c.avi,P2,A2,,,"), tmp_path / "in")
    assert reasons(found) == {"conflicting_rows": [3]} and found.new == 2
    uids = {dcmread(path).SOPInstanceUID for path in objects(tmp_path / "in")}
    assert len(uids) == 1, "so that linkage leaves out both (conflicting_copies)"


@pytest.mark.parametrize(
    ("columns", "said"),
    [("file,patient_id", "no column study_id"), ("file;patient_id;study_id", "semicolons"),
     ("file,patient_id,study_id,FPS", "unknown column FPS")],
)  # fmt: skip
def test_a_table_that_is_none_is_refused_as_a_whole(tmp_path: Path, columns: str, said: str) -> None:
    path = table(tmp_path, columns, columns=columns)
    with pytest.raises(UserError, match=said):
        fetch_videos(path, tmp_path / "in")
    with pytest.raises(UserError, match="no rows"):
        fetch_videos(table(tmp_path, columns="file,patient_id,study_id"), tmp_path / "in")


def test_the_command_prints_counts_and_reasons_without_identifiers(echonet: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["fetch", "video", str(echonet), "--to", str(tmp_path / "in")])
    assert isinstance(done.exception, UserError), "main prints it and ends with status 2"
    assert "of 3 videos 2 new, 0 replaced, 0 there already, 1 refused" in done.stdout
    assert "1 refused (unreadable_file), row 4: " in done.stdout
    assert not any(name in done.output + str(done.exception) for name in NAMES)
    (tmp_path / "EchoNet" / "FileList.csv").write_text(f"FileName,EF\n{NAMES[0]},50\n")
    again = CliRunner().invoke(app, ["fetch", "video", str(echonet), "--to", str(tmp_path / "in")])
    assert again.exit_code == 0 and "of 1 videos 0 new, 0 replaced, 1 there already, 0 refused" in again.stdout


def test_without_the_extra_a_person_is_told_what_to_install(
    echonet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"echomort\[video\]"):
        fetch_videos(echonet, tmp_path / "in")
