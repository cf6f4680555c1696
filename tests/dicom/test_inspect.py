"""What a person sees of their files: one record each, a contact sheet, the clip itself."""

import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from echo_files import STILL_CLASS, EchoFile, sector_movie, with_overlays
from PIL import Image

from echomort.core.errors import UserError
from echomort.dicom import inspect_paths
from echomort.settings import Execution, Settings, Sources

SETTINGS = Settings(execution=Execution(processes=1))
FIELDS = ["path", "status", "reason", "meaning", "detail", "frames", "fps", "fps_source", "view", "view_source"]
FIELDS += ["region", "notes"]
REAL = Path(str(resources.files("pydicom"))) / "data" / "test_files" / "examples_ybr_color.dcm"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = tmp_path / "files"
    files.mkdir()
    movie = with_overlays(sector_movie(12, 240, 320))
    EchoFile(movie, tags={"ViewName": "A4C"}).write(files / "b_loop.dcm")
    EchoFile(movie[:1], tags={"SOPClassUID": STILL_CLASS}).write(files / "a_still.dcm")
    (files / "c_letter.txt").write_text("no echo")
    return files


def test_one_record_a_file_in_order(folder: Path) -> None:
    records = [inspection.as_record() for inspection in inspect_paths([folder, REAL], SETTINGS)]
    assert [Path(record["path"]).name for record in records] == ["a_still.dcm", "b_loop.dcm", "c_letter.txt", REAL.name]
    assert [record["status"] for record in records] == ["rejected", "accepted", "rejected", "accepted"]
    assert [record["reason"] for record in records] == ["still", None, "not_dicom", None]
    for record in records:
        assert list(record) == FIELDS
        json.dumps(record, allow_nan=False)


def test_files_are_named_as_text_too_and_read_by_the_standard_settings_unless_others_are_given(tmp_path: Path) -> None:
    (found,) = inspect_paths([str(REAL)], save=str(tmp_path))
    assert found.path == REAL and found.status == "accepted"
    assert found.clip is not None and np.load(found.clip).shape == (60, 109, 150)


def test_an_accepted_loop_tells_where_everything_was_read(folder: Path) -> None:
    found = next(inspect_paths([folder / "b_loop.dcm"], SETTINGS))
    assert found.frames == 12 and round(found.fps or 0, 3) == 30.0 and found.fps_source == "FrameTime"
    assert (found.view, found.view_source) == ("apical_4", "view_name")
    assert np.abs(np.array(found.region) - (25, 15, 280, 211)).max() < 6, "the sector's box"


def test_a_rejected_one_still_tells_what_its_header_says(folder: Path) -> None:
    found = next(inspect_paths([folder / "a_still.dcm"], SETTINGS))
    assert found.frames == 1 and round(found.fps or 0, 3) == 30.0 and found.region is None
    assert found.as_record()["meaning"].startswith("A single")


def test_sheets_and_clips_are_saved(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = list(inspect_paths([folder], SETTINGS, out))
    for one in found:
        assert one.sheet is not None and list(one.as_record()) == [*FIELDS, "clip", "sheet"]
        with Image.open(one.sheet) as sheet:
            assert sheet.format == "PNG" and sheet.width > 800
    clip = np.load(found[1].as_record()["clip"], allow_pickle=False)
    assert clip.shape == (60, 109, 150) and clip.dtype == np.uint8
    assert found[0].clip is found[2].clip is None
    assert not list(out.glob(".tmp_*"))


def test_the_sheet_shows_frames_and_clip(folder: Path, tmp_path: Path) -> None:
    found = next(inspect_paths([folder / "b_loop.dcm"], SETTINGS, tmp_path / "out"))
    assert found.sheet is not None
    with Image.open(found.sheet) as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    yellow = (pixels[..., 0] > 200) & (pixels[..., 1] > 200) & (pixels[..., 2] < 90)
    cyan = (pixels[..., 0] < 90) & (pixels[..., 1] > 200) & (pixels[..., 2] > 200)
    assert yellow.sum() > 200 and cyan.sum() > 200


def test_a_view_table_overrides_the_tags(folder: Path, tmp_path: Path) -> None:
    import pydicom

    uid = pydicom.dcmread(folder / "b_loop.dcm", stop_before_pixels=True).SOPInstanceUID
    table = tmp_path / "views.csv"
    table.write_text(f"sop_instance_uid,view\n{uid},apical_2\n")
    settings = SETTINGS.model_copy(update={"sources": Sources(view_table=table)})
    found = next(inspect_paths([folder / "b_loop.dcm"], settings))
    assert (found.view, found.view_source) == ("apical_2", "view_table")


def test_a_path_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        list(inspect_paths([tmp_path / "nothing.dcm"], SETTINGS))


def test_the_same_file_twice_is_two_records(folder: Path) -> None:
    records = list(inspect_paths([folder / "b_loop.dcm"] * 2, SETTINGS))
    assert len(records) == 2 and records[0] == records[1]
