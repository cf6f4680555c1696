"""Frames cropped or padded to the commonest size of their view, then reduced: the preprint's way (p. 15, 20)."""

from importlib import resources
from pathlib import Path

import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echomort.core.errors import UserError
from echomort.dicom import Job, inspect_paths, lit_outside_sector, read_clip, read_clips
from echomort.dicom.frames.open import open_frames
from echomort.dicom.header.parsing import open_object
from echomort.dicom.saved import SavedClip, Unusable, convert_pixels, load_clip
from echomort.dicom.scaling import Placing, Scaler, crop_or_pad
from echomort.settings import ClipSettings, Execution, Imaging, Settings, Views, load_settings

LOOP = Path(str(resources.files("pydicom"))) / "data" / "test_files" / "examples_ybr_color.dcm"
SIDE = st.integers(1, 40)
SIZES = {"apical_4": (436, 600), "unknown": (240, 320)}


def clip_settings(**changed: object) -> ClipSettings:
    return ClipSettings(**{"fit": "view_size", "view_sizes": SIZES} | changed)


def own_size() -> tuple[int, int]:
    with open_object(LOOP) as source:
        return source.header.rows, source.header.columns


@given(SIDE, SIDE, SIDE, SIDE)
def test_what_is_cropped_or_padded_has_the_size_and_holds_the_middle(rows, columns, height, width):
    picture = np.arange(1, rows * columns + 1).reshape(rows, columns)
    framed = crop_or_pad(picture, (height, width))
    assert framed.shape == (height, width)
    kept = framed[framed > 0]
    assert kept.size == min(rows, height) * min(columns, width), "what is not of the picture is 0"
    lit = np.argwhere(framed)
    for axis, (old, new) in enumerate(zip((rows, columns), (height, width), strict=True)):
        before, after = lit[:, axis].min(), new - 1 - lit[:, axis].max()
        assert before == max(0, new - old) // 2 and 0 <= after - before <= 1, "centred, to one pixel"
    cut = max(0, rows - height) // 2, max(0, columns - width) // 2
    inside = picture[cut[0] : cut[0] + height, cut[1] : cut[1] + width]
    assert np.array_equal(kept, inside.ravel()), "the picture's middle, in its order"


@given(SIDE, SIDE, SIDE, SIDE)
def test_the_same_size_changes_nothing_and_padding_is_undone_by_cropping(rows, columns, more, wider):
    picture = np.random.default_rng(rows).integers(0, 256, (2, rows, columns), dtype=np.uint8)
    assert crop_or_pad(picture, (rows, columns)) is picture
    padded = crop_or_pad(picture, (rows + more, columns + wider))
    assert np.array_equal(crop_or_pad(padded, (rows, columns)), picture)
    assert np.array_equal(crop_or_pad(padded, padded.shape[1:]), padded)


def test_frames_of_436x600_reduced_by_4_are_the_networks_input_of_the_preprint():
    paper = load_settings(flags={"preset": "paper"}, environment={}).imaging.clip
    assert (paper.fit, paper.reduction) == ("view_size", 4)
    sized = paper.model_copy(update={"view_sizes": {"apical_4": (436, 600), "unknown": (480, 640)}})
    assert sized.shape_of("apical_4") == (60, 109, 150)
    assert sized.shape_of("subcostal_4") == (60, 120, 160), "a view without a size of its own: that of all loops"
    placing = Placing.of((10, 10, 300, 300), 1.3, sized, "apical_4")
    assert (placing.rows, placing.columns) == (slice(0, 109), slice(0, 150)), "the whole frame, whatever the sector"
    pixels = Scaler(placing, np.ones((480, 640), bool), "linear")(np.full((480, 640), 77, np.uint8))
    assert pixels.shape == (109, 150) and set(pixels.ravel()) == {77}


@pytest.mark.parametrize("filter_name", ["area", "linear"])
def test_a_picture_of_a_quarter_is_the_mean_of_its_middle_pixels(filter_name):
    """An oracle of its own: with a factor of 4 ``linear`` takes the mean of the middle 2x2, ``area`` of all 4x4."""
    picture = np.random.default_rng(4).integers(0, 256, (40, 60), dtype=np.uint8)
    settings = clip_settings(view_sizes={"unknown": (32, 64)}, resize=filter_name)
    small = Scaler(Placing.of((0, 0, 9, 9), 1.0, settings, "unknown"), np.ones((40, 60), bool), filter_name)(picture)
    framed = np.zeros((32, 64))
    framed[:, 2:62] = picture[4:36]
    blocks = framed.reshape(8, 4, 16, 4).swapaxes(1, 2)
    blocks = blocks[..., 1:3, 1:3] if filter_name == "linear" else blocks
    assert np.array_equal(small, np.floor(blocks.mean(axis=(2, 3)) + 0.5))


def test_a_real_loop_unreduced_at_its_own_size_is_its_pixels_inside_the_sector():
    rows, columns = own_size()
    settings = clip_settings(view_sizes={"unknown": (rows, columns)}, reduction=1, frames=5)
    clip = read_clip(LOOP, settings)
    assert clip.pixels.shape == (5, rows, columns) and lit_outside_sector(clip) == 0
    with open_object(LOOP) as source:
        first = open_frames(source).luma(0)
    assert np.array_equal(clip.pixels[0], np.where(clip.sector, first, 0))
    assert clip.pixels.any() and not clip.sector.all()


@pytest.mark.parametrize("change", [(-60, -80), (40, 60), (30, -40), (-31, 41)])
def test_a_real_loop_in_another_size_is_the_masked_frame_cropped_or_padded(change):
    rows, columns = own_size()
    whole = read_clip(LOOP, clip_settings(view_sizes={"unknown": (rows, columns)}, reduction=1, frames=3))
    size = rows + change[0], columns + change[1]
    clip = read_clip(LOOP, clip_settings(view_sizes={"unknown": size}, reduction=1, frames=3))
    assert np.array_equal(clip.pixels, crop_or_pad(whole.pixels, size)) and lit_outside_sector(clip) == 0
    assert clip.region == whole.region, "in pixels of the file"


def test_the_size_is_that_of_the_view_that_the_caller_names():
    jobs = [Job(LOOP, "apical_4", "0"), Job(LOOP, None, "1")]
    imaging = Imaging(clip=clip_settings(), views=Views(classify=False))
    found = {job.key: clip for job, clip in read_clips(jobs, imaging, 1)}
    assert found["0"].pixels.shape == (60, 109, 150) and found["0"].view == "apical_4"
    assert found["1"].pixels.shape == (60, 60, 80) and found["1"].view == "unknown"


def test_without_the_sizes_of_an_archive_nothing_is_read_and_the_remedy_is_said(tmp_path):
    bare = ClipSettings(fit="view_size")
    for read in (
        lambda: read_clip(LOOP, bare),
        lambda: next(read_clips([Job(LOOP)], Imaging(clip=bare, views=Views(classify=False)), 1)),
    ):
        with pytest.raises(UserError, match=r"set imaging\.clip\.view_sizes"):
            read()


def test_a_classifier_of_views_and_clips_of_the_size_of_their_view_exclude_each_other():
    with pytest.raises(pydantic.ValidationError, match=r"set imaging\.views\.classify to false"):
        Imaging(clip=clip_settings())
    with pytest.raises(UserError, match=r"set imaging\.views\.classify to false"):
        load_settings(flags={"preset": "paper", "imaging.views.classify": True}, environment={})


@pytest.mark.parametrize("size", [[4, 600], [436], [436, 600, 3], "large"])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(UserError, match=r"imaging\.clip\.view_sizes"):
        load_settings(flags={"preset": "paper", "imaging.clip.view_sizes": {"apical_4": size}}, environment={})


def test_a_saved_clip_is_taken_as_it_is_cropped_or_refused_if_it_shows_less_of_the_picture(tmp_path):
    settings = clip_settings(frames=20)
    imaging = Imaging(clip=settings, views=Views(classify=False))
    list(inspect_paths([LOOP], Settings(imaging=imaging, execution=Execution(processes=1)), tmp_path))
    saved = load_clip(tmp_path / "00001.npy")
    assert saved.clip == settings and saved.pixels.shape == (20, 60, 80)
    assert convert_pixels(saved, settings) == (saved.pixels, None)
    slower, note = convert_pixels(saved, settings.model_copy(update={"fps": 15.0, "frames": 10}))
    assert slower.shape == (10, 60, 80) and "converted from 20x60x80 at 30 frames a second, whole frames" in note
    smaller = settings.model_copy(update={"view_sizes": {"unknown": (200, 280)}})
    cropped, note = convert_pixels(saved, smaller)
    assert np.array_equal(cropped, saved.pixels[:, 5:-5, 5:-5]) and "to 20x50x70" in note
    for other in (
        {"view_sizes": {"unknown": (240, 324)}},
        {"reduction": 3},
        {"fit": "inside", "height": 30, "width": 40},
    ):
        with pytest.raises(Unusable, match="champion takes"):
            convert_pixels(saved, settings.model_copy(update=other))
    with pytest.raises(Unusable, match="champion takes"):
        convert_pixels(SavedClip(np.ones((60, 109, 150), np.uint8), ClipSettings()), clip_settings(), "apical_4")
    bare, _ = convert_pixels(SavedClip(np.ones((60, 109, 150), np.uint8)), clip_settings(), "apical_4")
    assert bare.shape == (60, 109, 150), "an array without its card, of a view that the caller names"
