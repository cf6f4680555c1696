"""Views from pixels: the phantom's are told apart, what is of no known view is not named, chance names nothing."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from echomort.clips.store import artifact_of, write_study
from echomort.core.errors import UserError
from echomort.dicom import read_clip
from echomort.models.view_classifier import FEATURES, ViewClassifier, appearance_of, fit_view_classifier
from echomort.models.view_naming import name_views
from echomort.settings import ClipSettings, Synthetic, Views
from echomort.synth.cohort import draw_patient
from echomort.synth.session import HOSPITALS, MODELS, Session

VIEWS = ("apical_4", "parasternal_long")
PATIENTS = 30
SETTINGS = Views(min_clips=25, precision=0.85)
CLIP = ClipSettings(frames=30, height=55, width=75)


@cache
def loops() -> list[tuple[str, str, np.ndarray]]:
    """(patient, view, clip) of beating, speckled hearts, each read from a DICOM file as any other."""
    synthetic, found = Synthetic(), []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(PATIENTS):
            session = Session(synthetic, draw_patient(5, number), 0, MODELS[number % len(MODELS)], HOSPITALS[0])
            for place, view in enumerate(VIEWS, 1):
                file = Path(folder) / "loop.dcm"
                file.write_bytes(session.record("loop", view, place)[0])
                found.append((f"{number:032x}", view, read_clip(file, CLIP).pixels))
    return found


@cache
def learnt() -> ViewClassifier:
    patients, views, clips = zip(*loops(), strict=True)
    return fit_view_classifier(np.stack([appearance_of(clip) for clip in clips]), views, patients, SETTINGS)


def test_views_are_told_apart_on_patients_never_seen() -> None:
    facts = learnt().facts
    assert facts["loops"] == 2 * PATIENTS and facts["accuracy"] > 0.95
    assert facts["named"] > 0.9 and facts["precision"] > 0.95


def test_labels_drawn_at_random_name_nothing() -> None:
    patients, views, clips = zip(*loops(), strict=True)
    appearances = np.stack([appearance_of(clip) for clip in clips])
    for seed in range(5):
        shuffled = np.random.default_rng(seed).permutation(views).tolist()
        null = fit_view_classifier(appearances, shuffled, patients, SETTINGS)
        assert set(null.name(appearances)) == {"unknown"}


@pytest.mark.parametrize("strange", ["upside_down", "noise", "black", "frozen"])
def test_what_is_of_no_view_learnt_stays_unknown(strange: str) -> None:
    _, _, clip = loops()[0]
    pictures = {
        "upside_down": clip[:, ::-1],
        "noise": np.random.default_rng(0).integers(0, 256, clip.shape, dtype=np.uint8),
        "black": np.zeros_like(clip),
        "frozen": np.repeat(clip[:1], len(clip), axis=0),
    }
    assert learnt().name(appearance_of(pictures[strange])[None]) == ["unknown"]


def test_gain_and_the_padding_of_short_loops_change_nothing() -> None:
    _, view, clip = loops()[1]
    padded = np.concatenate([clip, np.zeros_like(clip)])
    np.testing.assert_allclose(appearance_of(padded), appearance_of(clip))
    dim = (clip.astype(float) * 0.7).astype(np.uint8)
    assert learnt().name(np.stack([appearance_of(dim), appearance_of(padded)])) == [view, view]


def test_too_few_tagged_loops_or_patients_teach_nothing() -> None:
    patients, views, clips = zip(*loops(), strict=True)
    appearances = np.stack([appearance_of(clip) for clip in clips])
    one = fit_view_classifier(appearances, ["apical_4"] * len(clips), patients, SETTINGS)
    few = fit_view_classifier(appearances, views, patients, Views(min_clips=PATIENTS + 1))
    same = fit_view_classifier(appearances, views, ["0"] * len(clips), SETTINGS)
    assert not (one.can_name or few.can_name or same.can_name)


def test_saved_and_read_again_it_names_the_same_and_a_changed_byte_is_found(tmp_path: Path) -> None:
    learnt().save(tmp_path / "model")
    appearances = np.stack([appearance_of(clip) for _, _, clip in loops()])
    assert ViewClassifier.load(tmp_path / "model").name(appearances) == learnt().name(appearances)
    weights = tmp_path / "model" / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(UserError, match="SHA-256"):
        ViewClassifier.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("means", "problem"), [(np.zeros((2, 7)), "another shape"), (np.full((2, FEATURES), np.nan), "not all numbers")]
)
def test_weights_that_can_name_nothing_are_refused(tmp_path: Path, means: np.ndarray, problem: str) -> None:
    ViewClassifier(VIEWS, means, np.eye(FEATURES), 1.0, 1.0).save(tmp_path / "model")
    with pytest.raises(UserError, match=problem):
        ViewClassifier.load(tmp_path / "model")


def test_nothing_learnt_can_be_saved_too(tmp_path: Path) -> None:
    ViewClassifier().save(tmp_path / "model")
    assert not ViewClassifier.load(tmp_path / "model").can_name


def stored(home: Path, hidden: int) -> pd.DataFrame:
    """The loops in a clip store, every ``hidden``-th without its tag; its truth in column ``true``."""
    rows = []
    for number, (patient, view, clip) in enumerate(loops()):
        study = f"{number:032x}"
        artifact = artifact_of(patient, study)
        write_study(home / artifact, {study: clip})
        tag = ("unknown", "none") if number % hidden == 0 else (view, "view_name")
        known = {"view": tag[0], "view_source": tag[1], "true": view}
        rows.append({"clip_key": study, "study_key": study, "patient_key": patient, "artifact": artifact, **known})
    return pd.DataFrame(rows)


def test_untagged_clips_get_their_view_and_tagged_ones_keep_theirs(tmp_path: Path) -> None:
    clips = stored(tmp_path, hidden=7)
    named = name_views(clips, tmp_path, Views(min_clips=20, precision=0.85)).views
    assert named["clip_key"].tolist() == clips["clip_key"].tolist()
    tagged = clips["view"] != "unknown"
    assert (named["view"] == clips["view"])[tagged].all()
    assert (named["view_source"] == clips["view_source"])[tagged].all()
    told = ~tagged & (named["view"] != "unknown")
    assert told.sum() > 0.8 * (~tagged).sum()
    assert (named["view"] == clips["true"])[told].mean() > 0.9
    assert set(named["view_source"][told]) == {"classifier"}


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    clips = stored(tmp_path, hidden=7)
    named = name_views(clips, tmp_path, Views(classify=False))
    pd.testing.assert_frame_equal(named.views, clips[["clip_key", "study_key", "view", "view_source"]])


def test_an_archive_without_any_tag_is_passed_through(tmp_path: Path) -> None:
    clips = stored(tmp_path, hidden=1)
    assert set(name_views(clips, tmp_path, SETTINGS).views["view"]) == {"unknown"}
