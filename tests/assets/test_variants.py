"""The clips of experiments: which variants there are, and clips and flow of a small archive of real files."""

import sys
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import numpy as np
import pydicom
import pytest
import yaml
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from assets.accept import _PlainProcess
from assets.imaging.clips import CLIPS
from assets.imaging.dicom_index import DICOM_INDEX
from assets.imaging.flow import FLOW
from assets.imaging.shapes import project_clip
from assets.imaging.variants import CLIPS_BY_REDUCTION, CLIPS_BY_SOURCE, by_reduction, by_source, own_variants
from assets.incremental import UnitStage, commit_units, stale_units
from assets.project import Project
from echomort.clips import optical_flow, store
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.settings import ClipSettings, Settings, load_settings

CONTEXT = SimpleNamespace(log=dg.get_dagster_logger(), resources=SimpleNamespace(pipes=_PlainProcess()))
SMALL = {"frames": 20, "height": 32, "width": 40}


def make(project: Project, stage: UnitStage) -> list[str]:
    """Make what is stale of ``stage``, as a run does; return the units."""
    stale, gone, _ = stale_units(project, stage)
    with stage.working():
        stage.prepare(project, stale)
        made = stage.work(project, stale, CONTEXT) if stale else []
    commit_units(project, stage, made, gone)
    return stale


def rows(project: Project, sql: str) -> list[tuple[object, ...]]:
    with project.reader() as connection:
        return connection.execute(sql).fetchall()


def write_archive(folder: Path) -> None:
    """One study of a loop and a still, one of a loop that a tag names."""
    loop, still = (pydicom.dcmread(get_testdata_file(f"examples_{kind}_color.dcm")) for kind in ("ybr", "rgb"))
    for study, files in {"one": [loop, still], "two": [loop]}.items():
        uid = generate_uid(entropy_srcs=[study])
        for number, dataset in enumerate(files):
            dataset.StudyInstanceUID, dataset.SOPInstanceUID = uid, generate_uid(entropy_srcs=[study, str(number)])
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.PatientID, dataset.ViewName = study, "AP4" if study == "two" else ""
            (folder / study).mkdir(parents=True, exist_ok=True)
            dataset.save_as(folder / study / f"{number}.dcm")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_archive(folder)
    return folder


def indexed(home: Path, archive: Path, **clip: object) -> Project:
    """A project whose files are indexed and linked to the studies that they name."""
    home.mkdir(exist_ok=True)
    (home / "key").write_text("k" * 40)
    (home / "key").chmod(0o600)
    chosen = {
        "preset": "standard",
        "sources": {"dicom": str(archive), "ehr": str(archive)},
        "privacy": {"key_file": str(home / "key")},
        "imaging": {"clip": SMALL | clip, "views": {"classify": clip.get("fit") != "view_size"}},
        "execution": {"processes": 1, "executor": "in_process"},
    }
    (home / "echomort.yaml").write_text(yaml.safe_dump(chosen))
    project = Project(home=str(home))
    make(project, DICOM_INDEX)
    with project.writer() as connection:
        connection.execute(
            "DELETE FROM instance_link; INSERT INTO instance_link BY NAME "
            "SELECT instance_key, study_key, patient_key, 'accepted' AS status FROM dicom_instance "
            "WHERE status = 'accepted'"
        )
    return project


def test_reductions_have_the_sizes_that_follow_from_the_publisheds() -> None:
    inside = [one.shape for one in by_reduction(ClipSettings()).values()]
    assert inside == [(60, 436, 600), (60, 218, 300), (60, 145, 200), (60, 109, 150)]
    whole = ClipSettings(fit="view_size", view_sizes={"unknown": (436, 600)})
    assert [one.shape_of("apical_4") for one in by_reduction(whole).values()] == inside


@pytest.mark.parametrize(
    ("clip", "own"),
    [
        ({}, {"annotated", "reduction_4"}),
        ({"imaging.clip.source": "raw"}, {"raw", "reduction_4"}),
        ({"imaging.clip.height": 50}, {"annotated", "reduction_4"}),
        ({"preset": "paper"}, {"raw", "reduction_4"}),
        ({"preset": "paper", "imaging.clip.reduction": 2}, {"raw", "reduction_2"}),
        ({"preset": "paper", "imaging.clip.reduction": 5}, {"raw"}),
    ],
)
def test_the_variants_that_are_the_projects_own_clips_are_known(clip: dict[str, object], own: set[str]) -> None:
    assert own_variants(load_settings(flags={"preset": "standard"} | clip, environment={})) == own


def test_variants_change_what_they_are_called_for_and_nothing_else() -> None:
    clip = Settings().imaging.clip
    for variants, changed in ((by_source(clip), {"source"}), (by_reduction(clip), {"height", "width"})):
        for variant in variants.values():
            assert {key for key, value in variant.deciding.items() if value != clip.deciding[key]} <= changed


def test_reductions_of_real_loops_are_made_once_with_their_shapes(tmp_path: Path, archive: Path) -> None:
    project = indexed(tmp_path / "home", archive)
    make(project, CLIPS)
    assert len(make(project, CLIPS_BY_REDUCTION)) == 3 * 2, "two studies; reduction_4 is the project's own"
    shapes = "SELECT DISTINCT variant, frames, height, width FROM clip_variant WHERE status = 'accepted' ORDER BY 1"
    assert rows(project, shapes) == [
        ("reduction_1", 20, 128, 160),
        ("reduction_2", 20, 64, 80),
        ("reduction_3", 20, 43, 53),
    ]
    same = "SELECT clip_key, study_key, patient_key, view, status, reason FROM {} ORDER BY ALL"
    for variant in ("reduction_1", "reduction_2", "reduction_3"):
        made = f"(SELECT * FROM clip_variant WHERE variant = '{variant}')"
        assert rows(project, same.format(made)) == rows(project, same.format("clip"))
    stored = rows(
        project,
        "SELECT artifact, clip_key, digest, frames, height, width FROM clip_variant JOIN "
        "(SELECT unit, artifact FROM ledger WHERE asset = 'clips_by_reduction') ON unit = variant || '/' || study_key "
        "WHERE status = 'accepted'",
    )
    assert len(stored) == 6
    for artifact, key, content, *shape in stored:
        (pixels,) = store.read_study(project.root / str(artifact), [str(key)]).values()
        assert pixels.shape == tuple(shape) and digest(pixels.tobytes()) == content
        assert str(artifact).startswith("clips/reduction_")
    assert make(project, CLIPS_BY_REDUCTION) == [] and make(project, CLIPS) == []


def test_a_study_that_left_the_archive_leaves_its_variants(tmp_path: Path, archive: Path) -> None:
    project = indexed(tmp_path / "home", archive)
    make(project, CLIPS_BY_REDUCTION)
    ((study,), *_) = rows(project, "SELECT study_key FROM instance_link WHERE study_key IS NOT NULL ORDER BY 1")
    with project.writer() as connection:
        connection.execute("DELETE FROM instance_link WHERE study_key = $1", [study])
    assert make(project, CLIPS_BY_REDUCTION) == []
    assert rows(project, f"SELECT count(*) FROM clip_variant WHERE study_key = '{study}'") == [(0,)]
    assert rows(project, "SELECT count(*) > 0 FROM clip_variant") == [(True,)]


def test_the_other_kind_of_video_is_made_and_what_lacks_it_has_its_reason(tmp_path: Path, archive: Path) -> None:
    project = indexed(tmp_path / "home", archive)
    assert {unit.partition("/")[0] for unit in make(project, CLIPS_BY_SOURCE)} == {"raw"}
    reasons = "SELECT DISTINCT variant, status, reason, frames FROM clip_variant"
    assert rows(project, reasons) == [("raw", "rejected", "no_native_data", None)]


def test_with_sizes_of_views_a_reduction_is_the_factor(tmp_path: Path, archive: Path) -> None:
    project = indexed(tmp_path / "home", archive, fit="view_size", reduction=2)
    sizes = project_clip(project).view_sizes
    assert len(make(project, CLIPS_BY_REDUCTION)) == 3 * 2
    for variant, view, height, width in rows(
        project, "SELECT variant, view, height, width FROM clip_variant WHERE status = 'accepted'"
    ):
        factor, (most_rows, most_columns) = int(str(variant)[-1]), sizes[str(view)]
        assert (height, width) == (round(most_rows / factor), round(most_columns / factor)) and factor != 2


def test_a_setting_that_a_variant_replaces_does_not_make_it_stale(tmp_path: Path, archive: Path) -> None:
    project = indexed(tmp_path / "home", archive)
    make(project, CLIPS_BY_SOURCE)
    before = dict(rows(project, "SELECT unit, fingerprint FROM ledger WHERE asset = 'clips_by_source'"))
    sourced = indexed(tmp_path / "home", archive, source="raw")
    stale, gone, _ = stale_units(sourced, CLIPS_BY_SOURCE)
    assert {unit.partition("/")[0] for unit in stale} == {"annotated"} and set(gone) == set(before)
    longer = indexed(tmp_path / "home", archive, frames=21)
    assert set(stale_units(longer, CLIPS_BY_SOURCE)[0]) == set(before)


def test_the_flow_of_every_clip_is_stored_beside_it(tmp_path: Path, archive: Path) -> None:
    pytest.importorskip("cv2", reason="the extra `flow` is not installed")
    project = indexed(tmp_path / "home", archive)
    make(project, CLIPS)
    assert len(make(project, FLOW)) == 2
    same = "SELECT clip_key, study_key, patient_key, view, status, reason FROM {} ORDER BY ALL"
    assert rows(project, same.format("clip_variant")) == rows(project, same.format("clip"))
    shapes = "SELECT DISTINCT variant, frames, height, width FROM clip_variant WHERE status = 'accepted'"
    assert rows(project, shapes) == [("flow", 20, 32, 40)]
    fps = project.settings.imaging.clip.fps
    for artifact, clips in rows(
        project,
        "SELECT made.artifact, clips.artifact FROM ledger AS made JOIN ledger AS clips "
        "ON made.unit = 'flow/' || clips.unit WHERE made.asset = 'flow' AND clips.asset = 'clips'",
    ):
        flow, pixels = (store.read_study(project.root / str(path)) for path in (artifact, clips))
        assert flow.keys() == pixels.keys() and str(artifact).startswith("clips/flow/")
        for key, colours in flow.items():
            assert colours.shape == (20, 32, 40, 3) and colours.any()
            assert np.array_equal(colours, optical_flow.flow_colours(pixels[key], fps))
    assert make(project, FLOW) == []


def test_without_opencv_the_refusal_names_the_extra_before_any_work(
    tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = indexed(tmp_path / "home", archive)
    make(project, CLIPS)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match=r"pip install 'echomort\[flow\]'"):
        FLOW.prepare(project, ["flow/one"])
    FLOW.prepare(project, [])
