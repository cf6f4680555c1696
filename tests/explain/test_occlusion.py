"""What a risk rests on is found where it was planted, for looks, for movement and for moments."""

import json

import numpy as np
import pytest
from champions import LOOP, STILL, written_champion
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageSequence
from projects import Home
from scipy.stats import spearmanr

from echomort.champion.explain import draw_animation, explain_files
from echomort.champion.model import Champion
from echomort.core.audit import read_log
from echomort.explain.occlusion import BLOCKS_HIGH, MOMENTS, occlude

SHAPE = (24, 32, 48)
PLACE = (slice(8, 12), slice(12, 20))
"""Rows 8 to 11 and columns 12 to 19: one block by two of 8 x 12."""
IN_BLOCKS = np.zeros((BLOCKS_HIGH, 12), bool)
IN_BLOCKS[2, 3:5] = True


@pytest.fixture
def moving():
    return np.random.default_rng(3).integers(1, 256, SHAPE, dtype=np.uint8)


def variance(clips):
    return clips[:, :, *PLACE].astype(float).var(axis=1).sum(axis=(1, 2))


def brightness(clips):
    return clips[:, :, *PLACE].astype(float).mean(axis=(1, 2, 3))


def test_a_risk_that_is_in_the_movement_of_a_place_is_found_there_alone(moving):
    found = occlude(moving, variance)
    assert ((found.movement != 0) == IN_BLOCKS).all() and ((found.picture != 0) == IN_BLOCKS).all()
    assert found.movement.sum() == pytest.approx(found.logit, rel=1e-9), "what is planted is a sum over places"


def test_a_risk_that_is_in_the_look_of_a_place_is_not_found_in_its_movement(moving):
    found = occlude(moving, brightness)
    assert ((found.picture != 0) == IN_BLOCKS).all() and found.picture.sum() == pytest.approx(found.logit, rel=1e-9)
    assert np.abs(found.movement).max() < 0.51, "but for a mean that is rounded to a grey level"
    assert np.abs(found.movement).max() < np.abs(found.picture).max() / 50


def test_a_risk_that_is_in_a_moment_is_found_then(moving):
    found = occlude(moving, lambda clips: clips[:, 6:8].astype(float).var(axis=1).sum(axis=(1, 2)))
    assert np.argmax(found.moments) == 3 and np.count_nonzero(np.abs(found.moments) > 1e-9) == 1
    assert len(found.moments) == MOMENTS


def test_a_sign_says_whether_a_part_raises_or_lowers(moving):
    raises, lowers = occlude(moving, variance), occlude(moving, lambda clips: -variance(clips))
    assert (raises.movement >= 0).all() and (lowers.movement == -raises.movement).all()


def test_what_lies_outside_the_sector_is_not_scored_and_adds_nothing(moving):
    moving[:, :, 24:] = 0
    moving[20:] = 0
    scored = []
    found = occlude(moving, lambda clips: scored.append(len(clips)) or np.full(len(clips), 1 / len(scored)))
    assert (found.picture[:, 6:] == 0).all() and (found.movement[:, 6:] == 0).all() and found.picture[:, :6].all()
    assert sum(scored) == 1 + 2 * 48 + MOMENTS


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_blocks_cover_any_clip_once(frames, height, width):
    pixels = np.full((frames, height, width), 7, np.uint8)
    found = occlude(pixels, lambda clips: clips.sum(axis=(1, 2, 3), dtype=float))
    assert found.picture.sum() == found.logit == 7 * frames * height * width
    assert (found.movement == 0).all() and (found.moments == 0).all(), "nothing moves"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return written_champion(tmp_path_factory.mktemp("registry"), folds=1)


def test_other_weights_give_another_map(registry):
    """A map that stays with weights drawn anew would be of the clip alone (Adebayo et al., NeurIPS 2018)."""
    champion = Champion.load(registry)
    shape = champion.views["apical_4"].shape
    pixels = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    one, same, other = (
        occlude(pixels, champion.views[view].score).movement.ravel()
        for view in ("apical_4", "apical_4", "parasternal_long")
    )
    assert (one == same).all() and abs(spearmanr(one, other).statistic) < 0.5


def test_an_animation_shows_every_frame_and_leaves_the_loop_as_it_is(moving, tmp_path):
    found = occlude(moving, variance)
    draw_animation(moving, [[found.picture, found.movement]], 30, tmp_path / "one.gif")
    with Image.open(tmp_path / "one.gif") as image:
        frames = [np.asarray(frame.convert("RGB"), int) for frame in ImageSequence.Iterator(image)]
        assert image.info["duration"] == 30
    assert np.shape(frames) == (24, 32, 144, 3)
    tint = np.array(frames)[..., 0] - np.array(frames)[..., 2]
    left, middle, right = np.split(tint.mean(axis=0), 3, axis=1)
    assert abs(left).mean() < 6 and right[PLACE].mean() > 40 and middle[PLACE].mean() > 40
    assert abs(right[20:]).mean() < 6


def test_both_tints_have_one_scale(moving, tmp_path):
    found = occlude(moving, brightness)
    draw_animation(moving, [[found.picture, found.movement]], 30, tmp_path / "one.gif")
    with Image.open(tmp_path / "one.gif") as image:
        tint = np.asarray(image.convert("RGB"), int)
    _, picture, movement = np.split(tint[..., 0] - tint[..., 2], 3, axis=1)
    assert picture[PLACE].mean() > 40 and abs(movement).mean() < 6


def test_loops_are_explained_and_others_have_their_reason(registry, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "registry").symlink_to(registry)
    home, saved = Home(tmp_path / "home"), tmp_path / "saved"
    said = home.here("explain", str(STILL), str(LOOP), "--save", str(saved), "--json")
    still, loop = (json.loads(line) for line in said.stdout.splitlines())
    assert still["status"] == "rejected" and still["animation"] is None
    assert loop["animation"] == str(saved / "00002.gif") and loop["risk"] is not None
    assert sorted(path.name for path in saved.iterdir()) == ["00002.gif", "00002.json"]
    numbers = json.loads((saved / "00002.json").read_text())
    assert numbers["logit"] == round(loop["logit"], 4) and np.abs(numbers["movement"]).max() > 0
    assert np.shape(numbers["grad_cam"]) == (3, 3, 4)
    begun, done = read_log(tmp_path / "home")
    assert (begun["event"], done["counts"]) == ("begun", {"files": 2, "scored": 1})
    assert f"animations of what was scored: {saved} " in home.here("explain", str(LOOP), "--save", str(saved)).stdout


def test_a_file_in_the_place_of_the_folder_is_named_and_a_wrong_view_leaves_no_folder(registry, tmp_path):
    (tmp_path / "registry").symlink_to(registry)
    (tmp_path / "taken").write_text("mine")
    home = Home(tmp_path)
    said = home.here("explain", str(LOOP), "--save", str(tmp_path / "taken"))
    assert said.status == 2 and "taken is a file" in said.stderr and len(said.stderr.splitlines()) == 1
    assert home.here("explain", str(LOOP), "--save", str(tmp_path / "new"), "--view", "sideways").status == 2
    assert not (tmp_path / "new").exists()


def test_a_loop_of_an_unknown_view_is_explained_by_all_views(registry, tmp_path):
    champion = Champion.load(registry)
    (found,) = explain_files([LOOP], champion, tmp_path)
    assert found.score.risk.model == "all views"
    assert json.loads((tmp_path / "00001.json").read_text())["logit"] == round(found.score.risk.logit, 4)
