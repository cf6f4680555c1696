"""Exports: equal to the clips, de-identified, whole or absent, and counted."""

import datetime
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from echo_files import EXPLICIT, JPEG, EchoFile, region, regions, sector_movie, with_overlays
from pydicom.dataset import Dataset

from echomort.clips.export import run
from echomort.clips.export.identity import Identity, keyed_uid
from echomort.clips.export.request import AS_SET, ExportRequest, parse_format, parse_size
from echomort.clips.export.run import Archive, Exported, export_archive
from echomort.clips.export.writers.dicom import LOSSY
from echomort.clips.export.writers.dicom import _decimal as decimal
from echomort.core.errors import UserError
from echomort.core.keys import Keyring
from echomort.dicom import Header, read_clip
from echomort.dicom.frames.codestreams import CODEC_OF_SYNTAX, Codec
from echomort.dicom.header.view_texts import rule_file
from echomort.dicom.header.views import view_groups
from echomort.settings import ClipSettings, Imaging

KEYRING = Keyring(b"a secret of the tests, longer than 32 bytes")
CANARY = "Zq7Canary"
DAY = "19040229"
TEXT_TAGS = (
    "PatientName", "OtherPatientNames", "PatientComments", "PatientAddress", "PatientTelephoneNumbers",
    "InstitutionName", "InstitutionAddress", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName",
    "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy", "StationName", "StudyDescription", "SeriesDescription",
    "ProtocolName", "ImageComments", "StudyID", "RequestingPhysician", "AdmissionID", "DeviceSerialNumber",
    "DerivationDescription", "ViewName", "StageName", "PerformedProcedureStepDescription", "Manufacturer",
    "ManufacturerModelName", "TransducerData", "ContrastBolusAgent", "SoftwareVersions", "MedicalAlerts", "Occupation",
)  # fmt: skip


def request(form: str = "npz", size: tuple[int, int] | None = AS_SET, **changed: object) -> ExportRequest:
    return ExportRequest(form, size, changed.pop("imaging", Imaging()), KEYRING, **changed)


def export(archive: Path, folder: Path, wanted: ExportRequest, **more: object) -> tuple[Exported, pd.DataFrame]:
    made = export_archive(Archive(archive, archive, **more), folder, wanted, 1)
    rows = pd.read_parquet(folder / "manifest.parquet")
    assert made.files == len(rows) == made.accepted + sum(made.rejected.values())
    assert rows["clip_key"].is_unique and (rows["status"] == "rejected").sum() == rows["reason"].notna().sum()
    return made, rows.set_index("clip_key")


def key(name: str) -> str:
    return KEYRING.pseudonym("instance", name)


def canaries(patient: str = "-1") -> dict[str, object]:
    tags: dict[str, object] = {keyword: f"{CANARY}{number}" for number, keyword in enumerate(TEXT_TAGS)}
    tags |= {keyword: f"{CANARY}{patient}"[:16] for keyword in ("PatientID", "AccessionNumber")}
    tags |= dict.fromkeys(("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "PatientBirthDate"), DAY)
    tags |= {"StudyInstanceUID": "1.2.826.0.1.771.1", "SeriesInstanceUID": "1.2.826.0.1.771.2"}
    nested = Dataset()
    nested.CodeValue, nested.CodingSchemeDesignator, nested.CodeMeaning = CANARY, "L", f"{CANARY} meaning"
    return tags | {"ViewCodeSequence": regions(nested)}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two loops of one study and one of another, a still, and a file that is no DICOM; names are canaries too."""
    folder = tmp_path / f"{CANARY}_archive"
    folder.mkdir()
    movie = with_overlays(sector_movie(70, 120, 160))
    for number, (syntax, tags) in enumerate([(EXPLICIT, {}), (JPEG, {}), (EXPLICIT, canaries("-2"))]):
        uid = f"1.2.826.0.1.771.3.{number}"
        file = EchoFile(movie[: 70 - 20 * number], syntax, tags=canaries() | {"SOPInstanceUID": uid} | tags)
        path = file.write(folder / f"{CANARY}_{number}.dcm")
        dataset = pydicom.dcmread(path)
        dataset.private_block(0x0019, f"{CANARY} Private", create=True).add_new(0x10, "LO", f"{CANARY} private")
        dataset.save_as(path)
    EchoFile(movie[:1], tags=canaries()).write(folder / "still.dcm")
    (folder / "notes.txt").write_text(CANARY)
    return folder


def leaks(content: bytes) -> list[str]:
    forms = [CANARY, CANARY.lower(), CANARY.upper(), DAY, "1904-02-29", "1.2.826.0.1.771"]
    return [form for form in forms if form.encode() in content or form.encode("utf-16-le") in content]


@pytest.mark.parametrize(
    ("form", "size"), [("dicom", None), ("mp4", None), ("npz", AS_SET), ("npz", None), ("dicom", (64, 80))]
)
def test_no_canary_is_in_any_byte_or_name(form: str, size: tuple[int, int] | None, archive: Path) -> None:
    if form == "mp4":
        pytest.importorskip("av")
    folder = archive.parent / "out"
    made, rows = export(archive, folder, request(form, size))
    assert made.accepted == 3 and made.rejected == {"not_dicom": 1, "still": 1}
    for path in folder.rglob("*"):
        assert leaks(str(path.relative_to(folder)).encode()) == []
        if path.is_file():
            content = path.read_bytes()
            assert leaks(content) == [], path.name
            if path.suffix == ".npz":
                with zipfile.ZipFile(path) as file:
                    assert [leaks(file.read(name)) for name in file.namelist()] == [[]] * len(file.namelist())
    assert leaks(rows.reset_index().to_json().encode()) == []
    assert folder.stat().st_mode & 0o077 == 0


def test_a_copy_is_a_new_object_that_says_how_it_was_made(archive: Path) -> None:
    folder = archive.parent / "out"
    _, rows = export(archive, folder, request("dicom", None))
    one, two, three = (pydicom.dcmread(folder / rows.loc[key(f"{CANARY}_{number}.dcm"), "file"]) for number in range(3))
    assert (one.PatientIdentityRemoved, one.BurnedInAnnotation) == ("YES", "NO")
    codes = [item.CodeValue for item in one.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113101", "113107"] and one.LongitudinalTemporalInformationModified == "MODIFIED"
    assert not any(element.tag.is_private for element in one.iterall())
    assert one.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.90"
    assert one.StudyInstanceUID == two.StudyInstanceUID == keyed_uid(KEYRING, "1.2.826.0.1.771.1")
    assert len({one.SOPInstanceUID, two.SOPInstanceUID, three.SOPInstanceUID}) == 3
    assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID
    assert (
        one.PatientID == rows.loc[key(f"{CANARY}_0.dcm"), "patient_key"] == KEYRING.pseudonym("patient", f"{CANARY}-1")
    )
    assert "LossyImageCompression" not in one and two.LossyImageCompressionMethod == "ISO_10918_1"
    assert rows.loc[key(f"{CANARY}_1.dcm"), "new_sop_uid"] == two.SOPInstanceUID


def test_dates_move_as_the_patients_do(archive: Path) -> None:
    day = datetime.date(1904, 2, 29)
    _, rows = export(archive, archive.parent / "moved", request("dicom", (64, 80)))
    for number in range(3):
        row = rows.loc[key(f"{CANARY}_{number}.dcm")]
        shifted = day - datetime.timedelta(days=KEYRING.shift_days(row["patient_key"]))
        assert pydicom.dcmread(archive.parent / "moved" / row["file"]).StudyDate == shifted.strftime("%Y%m%d")
    _, rows = export(archive, archive.parent / "kept", request("dicom", (64, 80), dates="kept"))
    copy = pydicom.dcmread(archive.parent / "kept" / rows.loc[key(f"{CANARY}_0.dcm"), "file"])
    assert (copy.StudyDate, copy.LongitudinalTemporalInformationModified) == (DAY, "UNMODIFIED")
    assert copy.DeidentificationMethodCodeSequence[2].CodeValue == "113106"


@pytest.mark.parametrize(
    ("date", "patient"), [("1904", "P"), ("yesterday", "P"), ("", "P"), (DAY, ""), ("00010101", "P")]
)
def test_a_date_that_can_not_move_is_left_out(date: str, patient: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    EchoFile(sector_movie(12), tags={"StudyDate": date, "PatientID": patient}).write(tmp_path / "in" / "loop.dcm")
    _, rows = export(tmp_path / "in", tmp_path / "out", request("dicom", None))
    copy = pydicom.dcmread(tmp_path / "out" / rows["file"].iloc[0])
    assert (copy.StudyDate, copy.LongitudinalTemporalInformationModified) == ("", "REMOVED")


VARIED = {
    "plain": {},
    "uneven": {
        "FrameTime": None, "FrameIncrementPointer": 0x00181065,
        "FrameTimeVector": [0, *([30, 40, 0, 55] * 12)[:47]],
    },
    "slow": {"FrameTime": 66.6},
    "flat pixels": {"SequenceOfUltrasoundRegions": regions(region(0, 0, 319, 239, PhysicalDeltaY=0.05))},
    "no region": {"SequenceOfUltrasoundRegions": None},
    "aspect": {"SequenceOfUltrasoundRegions": None, "PixelAspectRatio": [4, 3]},
    "view": {"ViewName": "A4C"},
}  # fmt: skip


@pytest.mark.parametrize("tags", VARIED.values(), ids=VARIED)
@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG], ids=["native", "jpeg"])
def test_the_clip_of_a_copy_is_that_of_its_source(tags: dict[str, object], syntax: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    movie = with_overlays(sector_movie(48, 240, 320))
    path = EchoFile(movie, syntax, tags=tags).write(tmp_path / "in" / "loop.dcm")
    _, rows = export(tmp_path / "in", tmp_path / "out", request("dicom", None))
    source, copy = read_clip(path), read_clip(tmp_path / "out" / rows["file"].iloc[0])
    assert (copy.frames, copy.view) == (source.frames, source.view)
    assert copy.fps == pytest.approx(source.fps, rel=1e-6)
    assert copy.region == source.region and copy.cm == pytest.approx(source.cm)
    differs = np.abs(copy.pixels.astype(int) - source.pixels)
    assert (differs > 1).mean() < 0.01 and differs.mean() < 0.1


@pytest.mark.parametrize("form", ["dicom", "npz"])
def test_native_frames_are_the_source_s_inside_the_sector_and_nothing_outside(form: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    movie = with_overlays(sector_movie(150, 240, 320))
    EchoFile(movie).write(tmp_path / "in" / "loop.dcm")
    _, rows = export(tmp_path / "in", tmp_path / "out", request(form, None))
    row = rows.iloc[0]
    assert (row["frames"], row["height"], row["width"], list(row["notes"])) == (150, 240, 320, [])
    path = tmp_path / "out" / row["file"]
    pixels = pydicom.dcmread(path).pixel_array if form == "dicom" else np.load(path)["pixels"]
    lit = pixels > 0
    assert (pixels[lit] == movie[lit]).all()
    clean = sector_movie(150, 240, 320) > 0
    from scipy import ndimage

    assert not (lit & ~ndimage.binary_dilation(clean.any(axis=0), iterations=4)).any()
    assert np.count_nonzero(lit & clean) > 0.97 * np.count_nonzero(clean)


def test_each_lossy_jpeg_that_is_read_is_called_lossy() -> None:
    assert {syntax.rsplit(".", 1)[1] for syntax, codec in CODEC_OF_SYNTAX.items() if codec is Codec.JPEG} <= set(LOSSY)


def test_a_decimal_has_sixteen_characters_at_most() -> None:
    for number in (1000 / 30, 1.23456789012345e-04, 1.23456789012345e-05, 1e-300 / 3, 123456.789012345, 0.0):
        written = decimal(number)
        assert len(written) <= 16 and float(written) == pytest.approx(number, rel=1e-9)


def test_mp4_holds_the_same_grey_levels_and_times(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    from echomort.dataset import Clips

    (tmp_path / "in").mkdir()
    movie = sector_movie(48, 121, 161)
    EchoFile(movie, tags=VARIED["uneven"]).write(tmp_path / "in" / "loop.dcm")
    _, rows = export(tmp_path / "in", tmp_path / "out", request("mp4", None))
    pixels, _ = Clips(tmp_path / "out")[0]
    _, native = export(tmp_path / "in", tmp_path / "npz", request("npz", None))
    expected = np.load(tmp_path / "npz" / native["file"].iloc[0])["pixels"]
    assert pixels.shape == expected.shape == (48, 121, 161)
    assert np.abs(pixels.numpy().astype(int) - expected).mean() < 3
    with av.open(str(tmp_path / "out" / rows["file"].iloc[0])) as file:
        times = [1000 * frame.time for frame in file.decode(video=0)]
    assert np.allclose(np.diff(times), VARIED["uneven"]["FrameTimeVector"][1:], atol=0.1)


def test_a_page_of_text_after_the_loop_is_not_copied(tmp_path: Path) -> None:
    from PIL import Image, ImageDraw

    (tmp_path / "in").mkdir()
    page = Image.new("L", (320, 240))
    ImageDraw.Draw(page).text((130, 120), "ZQ7 CANARY", fill=255)
    movie = np.concatenate([sector_movie(70, 240, 320), np.repeat(np.asarray(page)[None], 80, axis=0)])
    EchoFile(movie).write(tmp_path / "in" / "loop.dcm")
    _, rows = export(tmp_path / "in", tmp_path / "out", request("npz", None))
    row = rows.iloc[0]
    pixels = np.load(tmp_path / "out" / row["file"])["pixels"]
    assert 60 <= row["frames"] == len(pixels) <= 70 and "cut_at_change" in row["notes"]


def test_a_freeze_at_the_end_is_kept(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    live = sector_movie(70, 240, 320)
    movie = np.concatenate([live, np.repeat(live[-1:], 200, axis=0)])
    EchoFile(movie, JPEG).write(tmp_path / "in" / "loop.dcm")
    _, rows = export(tmp_path / "in", tmp_path / "out", request("npz", None))
    assert rows["frames"].iloc[0] == 270


def test_sizes_are_those_asked_for_and_equal_the_clip_s(archive: Path) -> None:
    _, rows = export(archive, archive.parent / "out", request("npz", (112, 96)))
    row = rows.loc[key(f"{CANARY}_0.dcm")]
    clip = read_clip(archive / f"{CANARY}_0.dcm", ClipSettings(height=112, width=96))
    with np.load(archive.parent / "out" / row["file"]) as file:
        assert (file["pixels"] == clip.pixels).all() and (file["sector"] == clip.sector).all()
        assert file["cm"] == pytest.approx(clip.cm) and float(file["fps"]) == 30
    assert (row["frames"], row["height"], row["width"]) == (60, 112, 96)


def test_a_second_run_writes_only_what_is_new_changed_or_gone(archive: Path) -> None:
    folder = archive.parent / "out"
    first, rows = export(archive, folder, request())
    assert (first.new, first.accepted) == (3, 3)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
    again, same = export(archive, folder, request())
    assert again.new == 0 and same.equals(rows)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")} == times
    (archive / f"{CANARY}_0.dcm").unlink()
    EchoFile(sector_movie(40), tags={"PatientID": "new"}).write(archive / "new.dcm")
    os.utime(archive / f"{CANARY}_1.dcm", ns=(1, 1))
    third, rows = export(archive, folder, request())
    assert (third.new, third.accepted, third.files) == (2, 3, 5)
    assert {path.stem for path in folder.rglob("*.npz")} == set(rows.index[rows["status"] == "accepted"])


def test_a_file_that_was_removed_from_the_folder_is_written_again(archive: Path) -> None:
    folder = archive.parent / "out"
    export(archive, folder, request())
    min(folder.rglob("*.npz")).unlink()
    assert export(archive, folder, request())[0].new == 1


def test_a_folder_holds_one_export(archive: Path) -> None:
    folder = archive.parent / "out"
    export(archive, folder, request())
    for other in (
        request("dicom"),
        request(size=(64, 64)),
        ExportRequest("npz", AS_SET, Imaging(), Keyring(b"x" * 40)),
    ):
        with pytest.raises(UserError, match="other options"):
            export(archive, folder, other)
    with pytest.raises(UserError, match="not empty"):
        export(folder, archive, request())
    with pytest.raises(UserError, match="inside the archive"):
        export(archive, archive / "out", request())


@pytest.mark.parametrize("form", ["npz", "dicom"])
def test_one_object_is_written_once_and_one_of_two_contents_never(form: str, archive: Path) -> None:
    """Two DICOM objects of one UID would replace each other in any archive."""
    first, second = archive / f"{CANARY}_0.dcm", archive / f"{CANARY}_1.dcm"
    (archive / "copy.dcm").write_bytes(first.read_bytes())
    other = pydicom.dcmread(second)
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = pydicom.dcmread(first).SOPInstanceUID
    folder = archive.parent / "out"
    made, rows = export(archive, folder, request(form))
    assert (made.accepted, made.rejected["duplicate"]) == (3, 1)
    assert rows[rows["status"] == "accepted"]["sop_key"].is_unique and len(list(folder.glob("*/*.*"))) == 3
    other.save_as(archive / "other.dcm")
    made, rows = export(archive, folder, request(form))
    assert (made.accepted, made.rejected["conflicting_copies"]) == (2, 3)
    (archive / "other.dcm").unlink()
    (archive / "copy.dcm").unlink()
    made, rows = export(archive, folder, request(form))
    assert made.accepted == 3 and "duplicate" not in made.rejected and len(list(folder.glob("*/*.*"))) == 3


def test_copies_of_which_one_names_another_patient_are_never_written(archive: Path) -> None:
    """Which is right nobody knows, and the loop itself says nothing of it."""
    corrected = pydicom.dcmread(archive / f"{CANARY}_0.dcm")
    corrected.PatientID = f"{CANARY}-9"
    corrected.save_as(archive / "corrected.dcm")
    made, rows = export(archive, archive.parent / "out", request())
    assert (made.accepted, made.rejected["conflicting_copies"]) == (2, 2)
    assert rows[rows["reason"] == "conflicting_copies"]["digest"].nunique() == 1


def test_copies_are_read_again_only_where_one_is_needed(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, folder, read = archive / f"{CANARY}_0.dcm", archive.parent / "out", []

    def run_again() -> tuple[int, int]:
        read.clear()
        made = export_archive(Archive(archive, archive), folder, request(), 1, lambda done, total: read.append(done))
        return made.accepted, len(read)

    for name in ("copy", "another"):
        (archive / f"{name}.dcm").write_bytes(first.read_bytes())
    assert run_again() == (3, 7)
    assert run_again() == (3, 0)
    (archive / "a third.dcm").write_bytes(first.read_bytes())
    assert run_again() == (3, 1)
    of_object = (first.name, "copy.dcm", "another.dcm", "a third.dcm")
    (archive / min(of_object, key=key)).unlink()
    assert run_again() == (3, 1), "one of the copies takes its place"
    assert run_again() == (3, 0)
    makes, broken = run._made, sorted(of_object, key=key)[2]

    def made(*given: object) -> Iterator[dict[str, object]]:
        for row in makes(*given):
            told = {name: row[name] for name in ("clip_key", "sop_key", "stamp")}
            yield told | {"status": "rejected", "reason": "bad_tag"} if row["clip_key"] == key(broken) else row

    monkeypatch.setattr(run, "_made", made)
    (archive / sorted(of_object, key=key)[1]).unlink()
    assert run_again() == (3, 2), "the next one where it can't be read any more"
    assert run_again() == (3, 0)


def test_what_a_killed_run_left_is_finished_and_counted(archive: Path) -> None:
    """A run that is killed between two files leaves a journal, perhaps with half a line, and temporary files."""
    folder = archive.parent / "out"
    _, whole = export(archive, folder, request())
    kept = whole[whole["status"] == "accepted"].iloc[0]
    half = [json.loads(line) for line in whole.reset_index().to_json(orient="records", lines=True).splitlines()]
    (folder / "manifest.parquet").unlink()
    lines = [json.dumps(row) for row in half if row["clip_key"] == kept.name]
    (folder / "unfinished.jsonl").write_text("\n".join(lines) + '\n{"clip_key": "ab')
    for path in folder.rglob("*.npz"):
        if path.stem != kept.name:
            path.unlink()
    (folder / kept["file"]).with_name(".tmp_left.npz").write_bytes(b"half")
    again, rows = export(archive, folder, request())
    assert again.new == 2 and rows["digest"].equals(whole["digest"])
    assert list(folder.rglob(".tmp_*")) == [] and not (folder / "unfinished.jsonl").exists()


@pytest.mark.slow
def test_a_run_killed_at_any_moment_is_finished_by_the_next(tmp_path: Path) -> None:
    archive, folder = tmp_path / "in", tmp_path / "out"
    archive.mkdir()
    for number in range(12):
        tags = {"PatientID": f"P{number}", "SOPInstanceUID": f"1.2.826.0.1.771.9.{number}"}
        EchoFile(sector_movie(40), tags=tags).write(archive / f"{number}.dcm")
    command = [sys.executable, "-m", "orchestration.cli", "export", str(archive), str(folder), "--as", "dicom"]
    environment = os.environ | {"ECHOMORT_KEY": "k" * 40}
    running = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    for _ in range(600):
        if len(list(folder.glob("*/*.dcm"))) >= 3:
            break
        time.sleep(0.05)
    running.kill()
    running.wait()
    for _ in range(100):  # its workers end by themselves
        time.sleep(0.1)
    done = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, check=True)
    counts = json.loads(done.stdout)
    assert counts["files"] == counts["accepted"] == 12 and counts["rejected"] == {} and counts["new"] < 12
    assert len(list(folder.glob("*/*.dcm"))) == 12 == len(pd.read_parquet(folder / "manifest.parquet"))
    assert list(folder.rglob(".tmp_*")) == []


def test_a_full_disk_stops_the_export_and_names_no_file_rejected(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = run._Failed("no space left", "free some space")
    monkeypatch.setattr(run, "make_of_files", lambda jobs, *_: ((job, failed) for job in jobs))
    with pytest.raises(UserError, match="no space left"):
        export_archive(Archive(archive, archive), archive.parent / "out", request(), 1)
    assert not (archive.parent / "out" / "manifest.parquet").exists()


def test_a_part_of_a_project_s_archive_has_the_project_s_keys(archive: Path) -> None:
    whole = {key(f"{archive.name}/{path.name}") for path in archive.iterdir()}
    assert set(Archive(archive, archive.parent).files(request())) == whole


def test_the_site_s_view_table_counts(archive: Path) -> None:
    _, rows = export(archive, archive.parent / "out", request(), views={"1.2.826.0.1.771.3.1": "apical_2"})
    row = rows.loc[key(f"{CANARY}_1.dcm")]
    assert (row["view"], row["view_source"]) == ("apical_2", "view_table")
    assert (rows["view"] == "apical_2").sum() == 1


@pytest.mark.parametrize("view", view_groups())
def test_every_view_survives_a_copy(view: str) -> None:
    from echomort.clips.export.writers.dicom import _code_of_view
    from echomort.dicom.header.views import ViewTags, resolve_view

    item = _code_of_view(view)
    code = item.get("CodeValue") or item.get("LongCodeValue")
    assert resolve_view(ViewTags(codes=(code,), meanings=(item.CodeMeaning,))).group == view
    assert rule_file()["groups"][view] is not None


def test_a_series_with_the_number_of_its_study_gets_one_of_its_own() -> None:
    found = Identity.of(Header(study_uid="1.2", series_uid="1.2", sop_uid="1.3"), request("dicom"))
    assert len({found.study_uid, found.series_uid, found.sop_uid}) == 3


def test_uids_are_valid_keyed_and_stable() -> None:
    from pydicom.uid import UID

    uid = keyed_uid(KEYRING, "1.2.3")
    assert UID(uid).is_valid and uid.startswith("2.25.") and len(uid) <= 64
    assert uid == keyed_uid(KEYRING, "1.2.3") != keyed_uid(Keyring(b"y" * 40), "1.2.3") != keyed_uid(KEYRING, "1.2.4")


@pytest.mark.parametrize(
    "text", ["112", "112x", "x112", "7x100", "100x3000", "112X112", "Native", "-1x20", "112x112x3"]
)
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="HEIGHTxWIDTH"):
        parse_size(text, "npz")


def test_a_format_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match="npz, mp4, zarr, dicom"):
        parse_format("avi")


@pytest.mark.parametrize(("form", "module", "extra"), [("mp4", "av", "video"), ("zarr", "zarr", "zarr")])
def test_a_missing_extra_is_named_before_anything_is_written(
    form: str, module: str, extra: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"pip install 'echomort\[{extra}\]'"):
        export_archive(Archive(archive, archive), archive.parent / "out", request(form), 1)
    assert not (archive.parent / "out").exists()


@pytest.mark.parametrize("size", [None, (64, 80)])
def test_zarr_holds_what_npz_holds(size: tuple[int, int] | None, archive: Path) -> None:
    zarr = pytest.importorskip("zarr")
    _, rows = export(archive, archive.parent / "zarr", request("zarr", size))
    _, others = export(archive, archive.parent / "npz", request("npz", size))
    for name, row in rows[rows["status"] == "accepted"].iterrows():
        group = zarr.open_group(archive.parent / "zarr" / row["file"], mode="r")
        with np.load(archive.parent / "npz" / others.loc[name, "file"]) as file:
            assert (group["pixels"][:] == file["pixels"]).all() and (group["sector"][:] == file["sector"]).all()
            assert group.attrs["fps"] == float(file["fps"])
    assert export(archive, archive.parent / "zarr", request("zarr", size))[0].new == 0


@pytest.mark.parametrize("tags", VARIED.values(), ids=VARIED)
def test_a_copy_is_a_valid_object(tags: dict[str, object], tmp_path: Path) -> None:
    dciodvfy = shutil.which("dciodvfy") or shutil.which("dciodvfy", path=str(Path(sys.executable).parent))
    if dciodvfy is None:
        pytest.skip("dciodvfy (extra dev) is not installed")
    (tmp_path / "in").mkdir()
    EchoFile(sector_movie(48), JPEG, tags=tags).write(tmp_path / "in" / "loop.dcm")
    _, rows = export(tmp_path / "in", tmp_path / "out", request("dicom", None))
    command = [dciodvfy, tmp_path / "out" / rows["file"].iloc[0]]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "USMultiFrameImage" in said.stderr + said.stdout
    assert [line for line in (said.stderr + said.stdout).splitlines() if line.startswith("Error")] == []
