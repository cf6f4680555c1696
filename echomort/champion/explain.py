"""``echomort explain``: an animation and the numbers of what the risk of each loop rests on."""

import json
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from echomort.champion.model import Champion
from echomort.champion.occlusion import Occlusion, Score, occlude
from echomort.champion.predict import FileScore, score_clips_of
from echomort.core.files import atomic_path, write_text

MOST_TINTED = 0.6
"""Share of colour in the picture where a part adds most to the logit. Our choice: the tissue below stays visible."""

RAISES, LOWERS = np.array([230.0, 60.0, 40.0]), np.array([50.0, 110.0, 240.0])
"""Colours (RGB) of parts that raise and lower the risk: red and blue, which people who see no green tell apart."""

SHORTEST_MS = 20
"""Milliseconds a frame at least: browsers show GIFs that are faster at a tenth of a second a frame."""


@dataclass(frozen=True)
class Explained:
    """The score of a file, and the animation that explains it; None where the file was rejected."""

    score: FileScore
    animation: Path | None

    def as_record(self) -> dict[str, Any]:
        """Return the prediction's fields, and ``animation``, as JSON has them."""
        return self.score.prediction.as_record() | {"animation": self.animation and str(self.animation)}


def explain_files(
    paths: Sequence[Path], champion: Champion, folder: Path, view: str | None = None
) -> Generator[Explained]:
    """Write for each accepted file of ``paths`` an animation (.gif) and its numbers (.json) into ``folder``.

    Files are taken and scored as by :func:`echomort.champion.predict.score_files`, and named by their number among
    them, since the archive's names may hold a patient's. Raises :class:`UserError` as it does.
    """
    with closing(score_clips_of(paths, champion, view)) as scored:
        for number, (one, pixels) in enumerate(scored, start=1):
            if pixels is None:
                yield Explained(one, None)
                continue
            animation = folder / f"{number:05d}.gif"
            found = occlude(pixels, _score_of(champion, str(one.prediction.view)))
            draw_animation(pixels, found, champion.clip.fps, animation)
            write_text(animation.with_suffix(".json"), json.dumps(found.as_record()) + "\n")
            yield Explained(one, animation)


def _score_of(champion: Champion, view: str) -> Score:
    """Return what gives clips of ``view`` their logits."""
    if view in champion.views:
        return champion.views[view].score
    return lambda clips: np.array([champion.score_clip(one, view).logit for one in clips])


def draw_animation(pixels: NDArray[np.uint8], found: Occlusion, fps: float, target: Path) -> None:
    """Draw the clip, uint8 (frames, height, width), three times side by side as a GIF: as it is, tinted by what the
    picture adds, and by what its movement adds. Both tints have one scale: the part that adds most has the most."""
    grey = np.repeat(pixels[..., None], 3, axis=3).astype(float)
    largest = max(np.abs(found.picture).max(), np.abs(found.movement).max()) or 1.0
    maps = (found.picture / largest, found.movement / largest)
    panels = [grey, *(_tinted(grey, part, pixels.shape[1:]) for part in maps)]
    images = [Image.fromarray(one) for one in np.concatenate(panels, axis=2).round().astype(np.uint8)]
    with atomic_path(target) as temporary:
        images[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=images[1:],
            duration=max(SHORTEST_MS, round(1000 / fps)),
            loop=0,
        )


def _tinted(grey: NDArray[np.float64], part: NDArray[np.float64], size: tuple[int, ...]) -> NDArray[np.float64]:
    """Return frames (frames, height, width, 3) in which colours show what each block adds, ``part``: -1 to 1."""
    smooth = Image.fromarray(part.astype(np.float32)).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    share = np.asarray(smooth)[..., None]
    colour = np.where(share > 0, RAISES, LOWERS)
    weight = MOST_TINTED * np.abs(share)
    tinted: NDArray[np.float64] = (1 - weight) * grey + weight * colour
    return tinted
