"""What of a clip changes when it is trained on, and what does not."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from echomort.networks import DROPOUT, build_network
from echomort.training.augmentation import Augmentation
from echomort.training.batches import Batches, Inputs

SHAPE = (5, 9, 7)


def clips(count: int, colours: tuple[int, ...] = ()) -> np.ndarray:
    """Clips without a black pixel."""
    return np.random.default_rng(0).integers(1, 256, (count, *SHAPE, *colours), np.uint8)


def test_without_either_nothing_changes():
    assert Augmentation().is_none
    found = Augmentation().applied(clips(4), np.random.default_rng(1))
    np.testing.assert_array_equal(found, clips(4))


@given(st.integers(0, 2**32))
def test_a_clip_that_begins_elsewhere_has_its_frames_in_their_cycle(seed):
    (before,), (after,) = clips(1), Augmentation(random_start=True).applied(clips(1), np.random.default_rng(seed))
    assert any(np.array_equal(after, np.roll(before, start, axis=0)) for start in range(SHAPE[0]))


@pytest.mark.parametrize("colours", [(), (3,)])
@given(seed=st.integers(0, 2**32), shift=st.integers(1, 12))
def test_a_clip_that_is_moved_keeps_what_stays_inside_and_gets_black(colours, seed, shift):
    (before,), (after,) = clips(1, colours), Augmentation(shift).applied(clips(1, colours), np.random.default_rng(seed))
    padded = np.pad(before, ((0, 0), (shift, shift), (shift, shift), *[(0, 0)] * len(colours)))
    places = [
        (down, right)
        for down in range(2 * shift + 1)
        for right in range(2 * shift + 1)
        if np.array_equal(after, padded[:, down : down + SHAPE[1], right : right + SHAPE[2]])
    ]
    assert places, "every frame is moved alike"


def test_all_shifts_and_starts_occur():
    drawn = Augmentation(1, random_start=True).applied(np.repeat(clips(1), 2000, axis=0), np.random.default_rng(2))
    assert len({one.tobytes() for one in drawn}) == 3 * 3 * SHAPE[0]


def test_a_pass_changes_its_clips_by_seed_and_number_alone_and_in_the_order_of_before():
    def passes(augmentation: Augmentation, begin: int = 0) -> list[list[tuple[torch.Tensor, torch.Tensor]]]:
        labels = np.arange(12) % 2
        batches = Batches(Inputs([clips(12)]), labels, (0.5, 2.0), np.arange(12), 5, 3, augmentation, begin)
        return [[(given.pictures[0], label) for given, label, _ in batches] for _ in range(2)]

    plain, changed = passes(Augmentation()), passes(Augmentation(2, random_start=True))
    later = passes(Augmentation(2, random_start=True), begin=1)
    for (_, one), (_, other) in zip(plain[0], changed[0], strict=True):
        assert torch.equal(one, other)
    assert all(torch.equal(one, other) for (one, _), (other, _) in zip(changed[1], later[0], strict=True))
    assert not torch.equal(changed[0][0][0], plain[0][0][0])


def test_what_only_scores_or_validates_is_never_changed():
    batches = Batches(Inputs([clips(6)]), np.arange(6) % 2, (1, 1), np.arange(6), 6, augmentation=Augmentation(3, True))
    ((given, _, _),) = batches
    np.testing.assert_array_equal(given.pictures[0].numpy(), clips(6))


@pytest.mark.parametrize("name", ["cnn_3d", "cnn_3d_gap", "cnn_2d_lstm", "cnn_2d_gap", "early_fusion"])
def test_every_network_leaves_out_the_share_that_is_set(name):
    def shares(**more: float) -> set[float]:
        modules = build_network(name, (30, 90, 90), **more).modules()
        return {module.p for module in modules if isinstance(module, torch.nn.Dropout)}

    assert shares() == {DROPOUT}
    assert shares(dropout=0.1) == {0.1}
