"""``echomort.dataset.Clips``: what is in a project or an export, one item at a time, in any worker."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from echo_files import EchoFile, sector_movie
from torch.utils.data import DataLoader

from echomort.clips import store
from echomort.clips.export.request import ExportRequest
from echomort.clips.export.run import Archive, export_archive
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.core.keys import Keyring
from echomort.dataset import Clips
from echomort.settings import Imaging

KEYRING = Keyring(b"a secret of the tests, longer than 32 bytes")
VIEWS = ("apical_4", "apical_2", "unknown")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A clip store of twelve patients with a study each, whose clips are numbered in their pixels."""
    root = tmp_path / "home"
    for number in range(12):
        patient, study = (KEYRING.pseudonym(domain, str(number)) for domain in ("patient", "study"))
        clips = {KEYRING.pseudonym("instance", f"{number}/{each}"): each for each in range(2)}
        pixels = {key: np.full((4, 6, 8), 10 * number + each, np.uint8) for key, each in clips.items()}
        rows = [
            {"clip_key": key, "study_key": study, "patient_key": patient, "view": VIEWS[number % 3], "fps": 30.0,
             "frames": 4, "status": "accepted", "digest": digest(pixels[key].tobytes())}
            for key in clips
        ]  # fmt: skip
        rows.append(rows[0] | {"clip_key": f"rejected{number}", "status": "rejected", "digest": None})
        store.write_study(root / store.artifact_of(patient, study), pixels, rows)
    return root


def values(clips: Clips) -> list[int]:
    return sorted(int(pixels[0, 0, 0]) for pixels, _ in clips)


def test_a_project_gives_its_accepted_clips(home: Path) -> None:
    clips = Clips(home)
    assert len(clips) == 24 and values(clips) == sorted(10 * number + each for number in range(12) for each in range(2))
    pixels, target = clips[0]
    assert pixels.dtype == torch.uint8 and tuple(pixels.shape) == (4, 6, 8) and target == clips.rows["clip_key"][0]


def test_views_and_shards_select_and_shards_divide_the_patients(home: Path) -> None:
    assert values(Clips(home, views=["apical_2"])) == [10, 11, 40, 41, 70, 71, 100, 101]
    halves = [Clips(home, shards=range(first, first + 32)) for first in (0, 32)]
    patients = [set(half.rows["patient_key"]) for half in halves]
    assert sum(map(len, halves)) == 24 and not patients[0] & patients[1] and all(patients)


def test_targets_are_those_of_studies_or_clips_and_others_are_left_out(home: Path) -> None:
    every = Clips(home)
    study, clip = every.rows["study_key"][0], every.rows["clip_key"][5]
    clips = Clips(home, targets={study: 1, clip: 0})
    expected = {*every.rows.loc[every.rows["study_key"] == study, "clip_key"], clip}
    assert set(clips.rows["clip_key"]) == expected and {target for _, target in clips} == {0, 1}


def test_a_transform_makes_the_item(home: Path) -> None:
    clips = Clips(home, transform=lambda pixels: pixels.float().div(255).expand(3, -1, -1, -1))
    assert tuple(clips[3][0].shape) == (3, 4, 6, 8)


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_share_a_dataset(context: str, home: Path) -> None:
    loader = DataLoader(Clips(home), batch_size=5, num_workers=2, multiprocessing_context=context)
    batches = list(loader)
    assert [len(pixels) for pixels, _ in batches] == [5, 5, 5, 5, 4]
    seen = sorted(int(value) for pixels, _ in batches for value in pixels[:, 0, 0, 0])
    assert seen == values(Clips(home))


def test_a_damaged_file_of_the_store_is_noticed(home: Path) -> None:
    clips = Clips(home)
    path = home / clips.rows["file"][0]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match="damaged"):
        for index in np.flatnonzero(clips.rows["file"] == clips.rows["file"][0]):
            clips[int(index)]


@pytest.mark.parametrize("form", ["npz", "zarr", "mp4"])
def test_an_export_gives_what_it_holds(form: str, tmp_path: Path) -> None:
    if form != "npz":
        pytest.importorskip({"zarr": "zarr", "mp4": "av"}[form])
    (tmp_path / "in").mkdir()
    for number in range(2):
        uid = f"1.2.826.0.1.771.10.{number}"
        tags = {"PatientID": f"P{number}", "SOPInstanceUID": uid, "ViewName": "A4C" if number else "A2C"}
        EchoFile(sector_movie(70, seed=number), tags=tags).write(tmp_path / "in" / f"{number}.dcm")
    EchoFile(sector_movie(1)).write(tmp_path / "in" / "still.dcm")
    request = ExportRequest(form, (64, 80), Imaging(), KEYRING)
    export_archive(Archive(tmp_path / "in", tmp_path / "in"), tmp_path / "out", request, 1)
    clips = Clips(tmp_path / "out")
    assert len(clips) == 2 and all(tuple(pixels.shape) == (60, 64, 80) and pixels.any() for pixels, _ in clips)
    assert list(Clips(tmp_path / "out", views=["apical_4"]).rows["view"]) == ["apical_4"]


def test_what_holds_no_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no clips"):
        Clips(tmp_path)
    (tmp_path / "unfinished.jsonl").write_text(json.dumps({"clip_key": "a"}))
    with pytest.raises(UserError, match="not finished"):
        Clips(tmp_path)


def test_dicom_copies_are_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    EchoFile(sector_movie(20)).write(tmp_path / "in" / "loop.dcm")
    request = ExportRequest("dicom", None, Imaging(), KEYRING)
    export_archive(Archive(tmp_path / "in", tmp_path / "in"), tmp_path / "out", request, 1)
    with pytest.raises(UserError, match="--as npz"):
        Clips(tmp_path / "out")
