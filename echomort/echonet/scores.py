"""The risks that the authors' network gives to AVI clips, one by one or for a whole FileList.csv."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from echomort.core.errors import UserError
from echomort.dicom.saved import Unusable
from echomort.echonet.avi import read_avi, require_video
from echomort.echonet.file_list import Listed
from echomort.models.keras import VIEW, load_published
from echomort.models.platt import sigmoid
from echomort.models.view_model import score_clips

if TYPE_CHECKING:
    from torch import nn

NOT_A_RISK = (
    "the output of the authors' network, not a calibrated risk: it learnt from other patients and from raw data of one "
    "maker's scanners, and must guide nobody's care"
)
"""Note of every score."""
SUFFIX = ".avi"
"""Suffix, in any case, of the files of a folder that are scored."""


@dataclass(frozen=True)
class PublishedScore:
    """The score of one file; fields are None where the file was rejected."""

    path: str
    status: Literal["accepted", "rejected"]
    reason: str | None
    """Code of the reason for a rejection."""
    frames: int | None
    fps: float | None
    """Frames a second, rounded to three digits."""
    logit: float | None
    risk: float | None
    """sigmoid(logit), 0 to 1; not calibrated."""
    note: str
    view: str = VIEW
    view_source: str = "assumed"
    """The weights are of one view; nothing in an AVI file says which one it shows."""

    def as_record(self) -> dict[str, Any]:
        """Return the fields by name, as JSON has them."""
        return asdict(self)


def score_paths(paths: Sequence[Path], weights: Path) -> Iterator[PublishedScore]:
    """Yield the score of each AVI file of ``paths`` (folders are searched), in order, by the network imported into
    ``weights``.

    Raises :class:`UserError` where the weights are not as they were imported, PyAV is not installed, or a folder holds
    no such file.
    """
    require_video()
    network, files = load_published(weights), list(_files(paths))
    for path in files:
        yield _score(path, network)


def score_list(
    listed: Sequence[Listed], weights: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> pd.DataFrame:
    """Return one row a listed clip: file_name, ef (%), risk, logit, frames, fps, status, reason. Raises as
    :func:`score_paths`."""
    require_video()
    network, rows = load_published(weights), []
    for number, clip in enumerate(listed, 1):
        found = _score(clip.path, network).as_record()
        kept = ("risk", "logit", "frames", "fps", "status", "reason")
        rows.append({"file_name": clip.name, "ef": clip.ef} | {key: found[key] for key in kept})
        progress(number, len(listed))
    return pd.DataFrame(rows)


def _score(path: Path, network: nn.Module) -> PublishedScore:
    try:
        clip = read_avi(path)
    except Unusable as unusable:
        return PublishedScore(str(path), "rejected", unusable.reason, None, None, None, None, unusable.remedy)
    logit = float(score_clips(network, clip.pixels[None])[0])
    fps, risk = round(clip.fps, 3), float(sigmoid(logit))
    return PublishedScore(str(path), "accepted", None, clip.frames, fps, logit, risk, NOT_A_RISK)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() == SUFFIX)
        if not found:
            raise UserError(
                f"no {SUFFIX} file in {path}", "name a folder of EchoNet-Dynamic's clips, or drop --weights"
            )
        yield from found
