"""The archive: what a hospital would hand over, whole or not at all, the same whoever writes it."""

import hashlib
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest

from echomort.core.errors import UserError
from echomort.settings import Synthetic
from echomort.synth import archive
from echomort.synth.archive import ArchiveSummary, write_archive
from echomort.synth.phantom import VIEWS
from echomort.synth.session import EXTRAS, Instance, Kind, Session

SEED = Synthetic(patients=10, seed=3)
CLEAN = ("loop", "unnamed", "still", "sweep", "colour", "spectral", "m_mode", "copy")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ArchiveSummary]:
    """Ten patients, each study with slow loops and one file of every kind."""
    folder = tmp_path_factory.mktemp("synth") / "archive"
    with pytest.MonkeyPatch.context() as patch:
        for kind in EXTRAS:
            patch.setitem(EXTRAS, kind, 1.0)
        patch.setattr("echomort.synth.session.FPS", (15.0,))
        patch.setattr("echomort.synth.session.FPS_SHARES", (1.0,))
        return folder, write_archive(folder, SEED)


@pytest.fixture(scope="module")
def instances(written: tuple[Path, ArchiveSummary]) -> pd.DataFrame:
    return pd.read_parquet(written[0] / "truth" / "instance.parquet")


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def errors_of(path: Path) -> list[str]:
    program = Path(sys.executable).parent / "dciodvfy"
    if not program.exists():
        pytest.skip("dicom3tools is not installed")
    said = subprocess.run([program, path], capture_output=True, text=True, check=False).stderr.splitlines()
    assert said[0] in ("USMultiFrameImage", "USImage")
    return [line for line in said if line.startswith("Error")]


def test_the_summary_counts_what_is_there(written: tuple[Path, ArchiveSummary]) -> None:
    folder, summary = written
    files = list((folder / "dicom").rglob("*.dcm"))
    assert summary.files == len(files)
    assert summary.bytes == sum(path.stat().st_size for path in files)
    assert summary.patients == SEED.patients
    assert summary.studies == len(pd.read_parquet(folder / "truth" / "study.parquet"))


@pytest.mark.slow
def test_the_bytes_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    few = Synthetic(patients=10, seed=8)
    write_archive(tmp_path / "one", few, processes=1)
    seen: list[tuple[int, int]] = []
    write_archive(tmp_path / "two", few, processes=2, progress=lambda done, total: seen.append((done, total)))
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert seen == [(done, 10) for done in range(1, 11)]


@pytest.mark.slow
def test_another_seed_gives_another_archive_and_more_patients_keep_the_first(tmp_path: Path) -> None:
    write_archive(tmp_path / "a", Synthetic(patients=10, seed=1))
    write_archive(tmp_path / "b", Synthetic(patients=11, seed=1))
    write_archive(tmp_path / "c", Synthetic(patients=10, seed=2))
    first, more, other = (digests(tmp_path / name / "dicom") for name in "abc")
    assert first.items() <= more.items()
    assert not first.keys() & other.keys()


def test_the_truth_lies_apart(written: tuple[Path, ArchiveSummary]) -> None:
    folder, _ = written
    assert sorted(path.name for path in folder.iterdir()) == ["dicom", "ehr", "truth"]
    assert {path.suffix for path in (folder / "ehr").iterdir()} == {".csv"}
    latent = pd.read_parquet(folder / "truth" / "study.parquet")
    assert latent.death_probability.between(0, 1).all()
    visible = "".join(path.read_text() for path in (folder / "ehr").iterdir())
    assert not any(f"{value:.6f}" in visible for value in latent.death_probability)
    assert "frailty" not in visible


def test_every_clean_file_reads_and_has_its_frames(
    written: tuple[Path, ArchiveSummary], instances: pd.DataFrame
) -> None:
    clean = instances[instances.kind.isin(CLEAN)]
    assert set(clean.kind) == set(CLEAN)
    for row in clean.groupby(["kind", "transfer_syntax"]).head(2).itertuples():
        dataset = pydicom.dcmread(written[0] / row.path)
        pixels = dataset.pixel_array
        assert pixels.shape[:3] == (row.frames, 300, 400) if row.frames > 1 else pixels.shape[:2] == (300, 400)
        assert dataset.SOPInstanceUID == row.sop_instance_uid
        assert dataset.StudyInstanceUID
        if row.frames > 1:
            steps = np.diff(np.cumsum(dataset.FrameTimeVector)) if "FrameTimeVector" in dataset else dataset.FrameTime
            assert 1000 / float(np.mean(steps)) == pytest.approx(row.fps, rel=0.01)


def test_a_loop_beats_inside_its_sector_and_nowhere_else_but_for_the_cursor(
    written: tuple[Path, ArchiveSummary], instances: pd.DataFrame
) -> None:
    loop = instances[(instances.kind == "loop") & (instances.transfer_syntax == "jpeg")].iloc[0]
    dataset = pydicom.dcmread(written[0] / loop.path)
    luma = dataset.pixel_array[..., 0].astype(float)
    region = dataset.SequenceOfUltrasoundRegions[0]
    moving = luma.std(axis=0)
    inside = moving[
        region.RegionLocationMinY0 : region.RegionLocationMaxY1, region.RegionLocationMinX0 : region.RegionLocationMaxX1
    ]
    assert inside.mean() > 8
    assert moving[: region.RegionLocationMinY0].max() < 3
    assert moving[:, : region.RegionLocationMinX0].max() < 3


def test_broken_files_are_broken_as_they_say(written: tuple[Path, ArchiveSummary], instances: pd.DataFrame) -> None:
    folder, _ = written
    first = instances.groupby("kind").first()
    assert (folder / first.path["empty"]).stat().st_size == 0
    assert b"DICM" not in (folder / first.path["not_dicom"]).read_bytes()
    short = pydicom.dcmread(folder / first.path["frame_count"])
    assert len(list(pydicom.encaps.generate_frames(short.PixelData, number_of_frames=12))) == 12
    assert short.NumberOfFrames == 10
    assert first.expected_status["truncated"] == "rejected"
    study = instances[instances.study_id == instances.study_id[0]]
    same = study[study.kind.eq("copy") | (study.path == study.path.iloc[0])]
    assert same.path.nunique() == 2
    assert same.sop_instance_uid.nunique() == 1
    assert len({(folder / path).read_bytes() for path in same.path}) == 1


def test_the_reader_agrees_with_the_truth(written: tuple[Path, ArchiveSummary], instances: pd.DataFrame) -> None:
    from echomort.dicom import Rejected, read_clip

    for row in instances.groupby("kind").head(2).itertuples():
        try:
            clip = read_clip(written[0] / row.path)
        except Rejected as rejected:
            assert (row.expected_status, row.expected_reason) == ("rejected", rejected.reason.value), row.kind
        else:
            assert row.expected_status == "accepted", row.kind
            assert clip.view == row.view
            assert clip.fps == pytest.approx(row.fps, rel=0.01)


def test_studies_link_to_the_records(written: tuple[Path, ArchiveSummary], instances: pd.DataFrame) -> None:
    folder, _ = written
    records = pd.read_csv(folder / "ehr" / "study.csv", dtype=str)
    truth = pd.read_parquet(folder / "truth" / "study.parquet")
    assert set(records.study_id) <= set(truth.study_id)
    for row in instances[instances.kind == "loop"].groupby("study_id").head(1).itertuples():
        dataset = pydicom.dcmread(folder / row.path, stop_before_pixels=True)
        assert row.study_id in (dataset.StudyInstanceUID, dataset.AccessionNumber)
        assert dataset.PatientID == row.patient_id


@pytest.mark.parametrize("syntax", ["native_grey", "native_rgb", "rle", "jpeg"])
def test_every_transfer_syntax_decodes_to_the_same_tissue(syntax: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content, instance = _recorded("loop", syntax, monkeypatch)
    reference = pydicom.dcmread(_buffer(_recorded("loop", "native_grey", monkeypatch)[0])).pixel_array.astype(int)
    pixels = pydicom.dcmread(_buffer(content)).pixel_array.astype(int)
    grey = pixels if pixels.ndim == 3 else pixels[..., 1 if syntax == "native_rgb" else 0]
    middle = np.s_[:, 60:240, 150:250]
    assert instance.frames == len(grey)
    assert np.abs(grey[middle] - reference[middle]).mean() < (6 if syntax == "jpeg" else 1e-9)


@pytest.mark.slow
def test_dciodvfy_finds_no_error_in_clean_objects(
    written: tuple[Path, ArchiveSummary], instances: pd.DataFrame
) -> None:
    clean = instances[instances.kind.isin(CLEAN)]
    for path in clean.path:
        assert errors_of(written[0] / path) == [], path


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_dciodvfy_finds_no_error_in_any_view_or_transfer_syntax(
    view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for syntax in ("jpeg", "native_grey", "native_rgb", "rle"):
        (tmp_path / syntax).write_bytes(_recorded("loop", syntax, monkeypatch, view)[0])
        assert errors_of(tmp_path / syntax) == []


@pytest.mark.parametrize("frame_size", ["small", "full"])
def test_the_frame_is_as_large_as_asked(frame_size: str) -> None:
    synthetic = Synthetic(patients=10, seed=3, frame_size=frame_size)
    session = Session(synthetic, archive.draw_patient(3, 0), 0, "EPIQ 7C", "NOWHERE")
    still = pydicom.dcmread(_buffer(session.record("still", "apical_4", 1)[0]))
    assert (still.Rows, still.Columns) == ((300, 400) if frame_size == "small" else (600, 800))


def test_a_view_that_the_phantom_lacks_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no view suprasternal"):
        write_archive(tmp_path / "archive", Synthetic(patients=10, views=("suprasternal",)))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_in_it_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="not a synthetic archive"):
        write_archive(tmp_path / "mine", SEED)
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_run_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_archive(tmp_path / "archive", SEED, progress=stop)
    assert list(tmp_path.iterdir()) == []


def _recorded(
    kind: Kind, syntax: str, monkeypatch: pytest.MonkeyPatch, view: str = "apical_4"
) -> tuple[bytes, Instance]:
    """One file of ``kind`` in ``syntax``, always of the same heart."""
    monkeypatch.setattr("echomort.synth.session._draw_syntax", lambda kind, generator: syntax)
    session = Session(SEED, archive.draw_patient(3, 0), 0, "EPIQ 7C", "NOWHERE")
    return session.record(kind, view, 1)


def _buffer(content: bytes) -> BytesIO:
    return BytesIO(content)
