"""Three numbers follow what was done to a clip, and only that."""

import numpy as np
import pytest

from echomort.watch.appearance import appearance


def clip(noise: float, gain: float = 1.0) -> np.ndarray:
    generator = np.random.default_rng(1)
    heart = 60 + 40 * np.sin(np.linspace(0, 6, 32))[None, :, None] * np.ones((27, 1, 32))
    return (gain * heart + generator.normal(0, noise, heart.shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("noise", [3.0, 8.0])
def test_noise_is_measured_in_grey_levels(noise: float) -> None:
    assert appearance(clip(noise))["noise"] == pytest.approx(noise, rel=0.1)


def test_gain_is_brightness_and_contrast() -> None:
    low, high = appearance(clip(3)), appearance(clip(3, 1.5))
    assert high["brightness"] / low["brightness"] == pytest.approx(1.5, rel=0.05)
    assert high["contrast"] / low["contrast"] == pytest.approx(1.5, rel=0.05)
    assert high["noise"] == pytest.approx(low["noise"], rel=0.05)


def test_a_black_clip_has_no_appearance() -> None:
    assert all(np.isnan(value) for value in appearance(np.zeros((27, 8, 8), np.uint8)).values())
