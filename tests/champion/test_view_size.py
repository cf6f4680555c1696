"""A champion that takes whole frames of the commonest size of their view: files at hand, stored clips, its manifest."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from champions import predict_paths

from echomort.champion.fit import require_fit
from echomort.champion.model import Champion
from echomort.champion.scoring import score_studies
from echomort.champion.store import Facts, Parts, champion_clip, write_candidate, write_pointer
from echomort.clips.store import write_study
from echomort.core.errors import UserError
from echomort.dicom import inspect_paths, read_clip
from echomort.dicom.scaling import crop_or_pad
from echomort.models.platt import Platt
from echomort.models.view_model import save_network
from echomort.networks import build_network
from echomort.settings import ClipSettings, Imaging, Settings, Views, load_settings

SIZES = {"apical_4": (240, 320), "parasternal_long": (216, 288), "unknown": (240, 320)}
CLIP = ClipSettings(frames=30, fps=15, fit="view_size", reduction=8, view_sizes=SIZES)
VIEWS = ("apical_4", "parasternal_long")
LOOP = Path(__import__("pydicom").data.get_testdata_file("examples_ybr_color.dcm"))


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A registry whose champion has two views of random weights, for clips of two shapes."""
    root = tmp_path_factory.mktemp("registry")
    for seed, view in enumerate(VIEWS):
        torch.manual_seed(seed)
        weights = save_network(build_network("cnn_3d", CLIP.shape_of(view)))
        (root / view).mkdir()
        (root / view / "fold_0.safetensors").write_bytes(weights)
        entry = {"file": "fold_0.safetensors", "sha256": hashlib.sha256(weights).hexdigest()}
        card = {"view": view, "network": "cnn_3d", "shape": CLIP.shape_of(view), "weights": {"0": entry}}
        (root / view / "model.json").write_text(json.dumps(card))
    parts = Parts({view: root / view for view in VIEWS}, {view: Platt(1.0, -1.0) for view in VIEWS})
    write_pointer(root, name := write_candidate(root, parts, Facts(CLIP, True, {}, {})), ["a test"], name)
    return root


def test_the_sizes_are_in_the_manifest(registry):
    clip, views = champion_clip(registry)
    assert clip == CLIP and views == list(VIEWS)


@pytest.mark.parametrize("view", VIEWS)
def test_a_loop_of_a_view_is_scored_at_the_size_of_that_view(registry, view):
    (found,) = predict_paths([LOOP], registry, view)
    pixels = read_clip(LOOP, CLIP, view).pixels
    assert pixels.shape == CLIP.shape_of(view) and found.model == view and found.note is None
    assert found.logit == Champion.load(registry).score_clip(pixels, view).logit


def test_a_loop_of_no_view_is_scored_by_every_model_at_its_size(registry):
    (found,) = predict_paths([LOOP], registry)
    champion, pixels = Champion.load(registry), read_clip(LOOP, CLIP).pixels
    framed = {view: crop_or_pad(pixels, CLIP.shape_of(view)[1:])[None] for view in VIEWS}
    logits = [float(champion.views[view].score(framed[view])[0]) for view in VIEWS]
    assert found.model == "all views" and found.logit == pytest.approx(np.mean(logits))


def test_a_clip_saved_with_the_champions_settings_scores_exactly_as_its_loop(registry, tmp_path):
    list(inspect_paths([LOOP], Settings(imaging=Imaging(clip=CLIP, views=Views(classify=False))), tmp_path))
    loop, clip = predict_paths([LOOP, tmp_path], registry, "apical_4")
    assert clip.logit == loop.logit and clip.status == "accepted" and clip.view == "apical_4"
    loop, cropped = predict_paths([LOOP, tmp_path], registry, "parasternal_long")
    assert cropped.logit == pytest.approx(loop.logit, rel=0.05), "by half a pixel off: 12 rows are no multiple of 8"
    assert "converted from 30x30x40" in cropped.note and cropped.status == "accepted"


def test_stored_clips_of_two_shapes_are_scored_together(registry, tmp_path):
    random, rows = np.random.default_rng(0), []
    for study in ("a", "b"):
        clips = {f"{study}_{view}": random.integers(0, 255, CLIP.shape_of(view), np.uint8) for view in SIZES}
        write_study(tmp_path / study, clips)
        rows += [(study, f"{study}_{view}", view, study) for view in SIZES]
    table = pd.DataFrame(rows, columns=["study_key", "clip_key", "view", "path"])
    scored = list(score_studies(Champion.load(registry), table, pd.DataFrame(), tmp_path))
    assert [(one.study_key, one.clips) for one in scored] == [("a", 2), ("b", 2)]
    unknown = table[table["view"] == "unknown"]
    assert [one.clips for one in score_studies(Champion.load(registry), unknown, pd.DataFrame(), tmp_path)] == [1, 1]


def test_an_archive_of_other_sizes_is_refused_with_the_setting_that_helps(tmp_path):
    flags = {"preset": "demo", "home": str(tmp_path), "imaging.views.classify": False, "imaging.clip.fit": "view_size"}
    settings = load_settings(flags=flags, environment={})
    theirs = settings.imaging.clip.model_copy(update={"view_sizes": SIZES})
    manifest = {"clip": theirs.model_dump(mode="json"), "views": VIEWS, "provenance": {}}
    require_fit(manifest, settings, theirs)
    require_fit(manifest, settings, theirs.model_copy(update={"view_sizes": SIZES | {"unknown": (9, 9)}}))
    require_fit(manifest, settings, theirs.model_copy(update={"view_sizes": {"apical_4": (240, 320)}}))
    with pytest.raises(UserError, match="view_sizes") as refused:
        require_fit(manifest, settings, theirs.model_copy(update={"view_sizes": SIZES | {"apical_4": (300, 400)}}))
    flag = refused.value.remedy.partition("--set ")[2].partition(" --select")[0]
    assert flag == """'imaging.clip.view_sizes={"apical_4": [240, 320], "parasternal_long": [216, 288]}'"""


def test_clips_are_the_same_if_every_setting_that_is_read_and_every_size_of_a_view_is():
    other = CLIP.model_copy(update={"view_sizes": SIZES | {"apical_4": (300, 400)}})
    assert CLIP.makes_the_same(CLIP, VIEWS) and not CLIP.makes_the_same(other, VIEWS)
    assert CLIP.makes_the_same(other, ("parasternal_long",)), "of a view without a model"
    assert not CLIP.makes_the_same(CLIP.model_copy(update={"reduction": 4}), VIEWS)
    assert CLIP.makes_the_same(CLIP.model_copy(update={"height": 9}), VIEWS), "height is not read"
