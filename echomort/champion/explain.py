"""``echomort explain``: an animation and the numbers of what the risk of each loop rests on."""

import json
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from echomort.champion.model import Champion
from echomort.champion.predict import FileScore, score_clips_of
from echomort.core.files import atomic_path, write_text
from echomort.explain.occlusion import Score, occlude
from echomort.explain.tint import coloured, tinted

if TYPE_CHECKING:
    from torch import nn

Method = Literal["both", "occlusion", "grad_cam"]

SHORTEST_MS = 20
"""Milliseconds a frame at least: browsers show GIFs that are faster at a tenth of a second a frame."""


VIEWS_DIFFER = "Grad-CAM needs one size of frame, and a loop of an unknown view is cut to that of each"
"""Why such a loop has no map where frames have the size of their view."""


@dataclass(frozen=True)
class Explained:
    """The score of a file, and the animation that explains it; None where the file was rejected, or no map is of it."""

    score: FileScore
    animation: Path | None

    def as_record(self) -> dict[str, Any]:
        """Return the prediction's fields, and ``animation``, as JSON has them."""
        return self.score.prediction.as_record() | {"animation": self.animation and str(self.animation)}


@dataclass(frozen=True)
class Maps:
    """What the risk of a clip rests on: ``numbers`` by name, as JSON has them; ``panels``: groups of maps, (rows,
    columns) or (times, rows, columns), of which each has one scale; ``without``: why a method has none."""

    numbers: dict[str, Any] = field(default_factory=dict)
    panels: list[list[NDArray[np.float64]]] = field(default_factory=list)
    without: str | None = None


def explain_files(
    paths: Sequence[Path], champion: Champion, folder: Path, view: str | None = None, method: Method = "both"
) -> Generator[Explained]:
    """Write for each accepted file of ``paths`` an animation (.gif) and its numbers (.json) into ``folder``.

    Files are taken and scored as by :func:`echomort.champion.predict.score_files`, and named by their number among
    them, since the archive's names may hold a patient's. A loop that a method has no map of has a note that says why.
    Raises :class:`UserError` as it does.
    """
    with closing(score_clips_of(paths, champion, view)) as scored:
        for number, (one, pixels) in enumerate(scored, start=1):
            if pixels is None:
                yield Explained(one, None)
                continue
            maps = explain_clip(pixels, champion, str(one.prediction.view), method)
            animation = folder / f"{number:05d}.gif" if maps.panels else None
            if animation:
                draw_animation(pixels, maps.panels, champion.clip.fps, animation)
                write_text(animation.with_suffix(".json"), json.dumps(maps.numbers) + "\n")
            yield Explained(_noted(one, maps.without), animation)


def _noted(score: FileScore, note: str | None) -> FileScore:
    notes = "; ".join(text for text in (score.prediction.note, note) if text)
    return replace(score, prediction=replace(score.prediction, note=notes or None))


def explain_clip(pixels: NDArray[np.uint8], champion: Champion, view: str, method: Method) -> Maps:
    """Return what the risk of a clip of ``view``, uint8 (frames, height, width), rests on."""
    from echomort.explain.grad_cam import grad_cam

    maps = Maps()
    if method in ("both", "occlusion"):
        found = occlude(pixels, _score_of(champion, view))
        maps = Maps(found.as_record(), [[found.picture, found.movement]])
    if method == "occlusion":
        return maps
    networks = _networks_of(champion, view)
    if without := _why_no_map(champion, view, networks):
        return replace(maps, without=without)
    seen = grad_cam(pixels, networks)
    numbers = {"logit": round(champion.score_clip(pixels, view).logit, 4)} | maps.numbers
    return Maps(numbers | {"grad_cam": seen.round(4).tolist()}, [*maps.panels, [seen]])


def _networks_of(champion: Champion, view: str) -> "list[nn.Module]":
    """Return the networks that score clips of ``view``."""
    models = [champion.views[view]] if view in champion.views else champion.views.values()
    return [network for model in models for network in model.folds.values()]


def _why_no_map(champion: Champion, view: str, networks: "Sequence[nn.Module]") -> str | None:
    """Return why there is no Grad-CAM of clips of ``view``, or None."""
    from echomort.explain.grad_cam import NO_CONVOLUTION, has_convolution

    if not all(map(has_convolution, networks)):
        return NO_CONVOLUTION
    return VIEWS_DIFFER if view not in champion.views and champion.clip.fit == "view_size" else None


def _score_of(champion: Champion, view: str) -> Score:
    """Return what gives clips of ``view`` their logits."""
    if view in champion.views:
        return champion.views[view].score
    return lambda clips: np.array([champion.score_clip(one, view).logit for one in clips])


def draw_animation(
    pixels: NDArray[np.uint8], groups: Sequence[Sequence[NDArray[np.float64]]], fps: float, target: Path
) -> None:
    """Draw the clip, uint8 (frames, height, width), several times side by side as a GIF: as it is, then tinted by each
    map. The maps of a group have one scale: the part that adds most has the most colour."""
    panels = [coloured(pixels)]
    for maps in groups:
        largest = max(float(np.abs(part).max()) for part in maps) or 1.0
        panels += [tinted(pixels, part / largest) for part in maps]
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
