"""Clips for PyTorch: ``Clips(HOME)`` over a project, or over a folder that ``echomort export`` wrote.

>>> from torch.utils.data import DataLoader
>>> from echomort.dataset import Clips
>>> loader = DataLoader(Clips("demo", views=["apical_4"]), batch_size=8, num_workers=2)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from echomort.clips import store
from echomort.clips.export.manifest import JOURNAL, MANIFEST
from echomort.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

Item = tuple[torch.Tensor, Any]
"""Pixels and the target."""

TEXTS = ("clip_key", "study_key", "patient_key", "view")
"""Columns of ``rows`` that every source has."""


class Clips(Dataset[Item]):
    """The accepted clips of a project or of a folder, one item each: (pixels, target).

    ``pixels`` is a uint8 tensor (frames, height, width), or what ``transform`` makes of it; ``target`` is the clip's
    key, or its entry in ``targets`` (by study key, else by clip key): clips without one are left out. ``views`` and
    ``shards`` (0 to 63; all loops of a patient are in one) select. ``rows`` is a data frame with one row an item.

    Nothing but names is held in memory, and each item is read from its file when it is asked for: any number of workers
    may share a dataset. Raises :class:`UserError` where there is nothing to read.
    """

    def __init__(
        self,
        source: Path | str,
        *,
        views: Collection[str] | None = None,
        shards: Iterable[int] | None = None,
        targets: Mapping[str, Any] | None = None,
        transform: Callable[[torch.Tensor], Any] | None = None,
    ) -> None:
        self.root, self.targets, self.transform = Path(source), targets, transform
        wanted = range(store.SHARDS) if shards is None else sorted(set(shards))
        rows = _find_rows(self.root, wanted)
        if views is not None:
            rows = rows[rows["view"].isin(list(views))]
        if targets is not None:
            rows = rows[rows["study_key"].isin(targets) | rows["clip_key"].isin(targets)]
        self.rows: pd.DataFrame = rows.sort_values("clip_key", ignore_index=True)
        self._keys = np.array(self.rows["clip_key"], dtype=np.str_)  # no Python objects: workers share these pages
        self._studies = np.array(self.rows["study_key"].fillna(""), dtype=np.str_)
        self._files = np.array(self.rows["file"], dtype=np.str_)
        has_sizes = {"height", "width"} <= set(self.rows)
        self._sizes = self.rows[["height", "width"]].to_numpy(np.int64) if has_sizes else None

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: int) -> Item:
        key, study = str(self._keys[index]), str(self._studies[index])
        pixels = torch.from_numpy(_read_pixels(self.root / str(self._files[index]), key))
        if self._sizes is not None:  # a video has even sides
            height, width = self._sizes[index]
            pixels = pixels[:, :height, :width]
        target = key if self.targets is None else self.targets.get(study, self.targets.get(key))
        return (pixels if self.transform is None else self.transform(pixels)), target


def _find_rows(root: Path, shards: Collection[int]) -> pd.DataFrame:
    import pandas as pd

    if (root / JOURNAL).exists():
        raise UserError(f"the export in {root} is not finished", "run the same `echomort export` again")
    if (root / MANIFEST).exists():
        rows = _exported(root, shards)
    elif (root / store.FOLDER).is_dir():
        rows = pd.DataFrame(_stored(root, shards), columns=[*TEXTS, "fps", "frames", "file"])
    else:
        raise UserError(f"{root} holds no clips", "name a project's home, or a folder that `echomort export` wrote")
    return rows


def _exported(root: Path, shards: Collection[int]) -> pd.DataFrame:
    import pandas as pd

    rows = pd.read_parquet(root / MANIFEST)
    rows = rows[rows["status"] == "accepted"]
    if len(rows) and Path(rows["file"].iloc[0]).suffix == ".dcm":
        raise UserError(f"{root} holds DICOM copies, whose clips are not made yet", "export with --as npz")
    return rows[rows["file"].str[:2].astype(int).isin(list(shards))]


def _stored(home: Path, shards: Collection[int]) -> list[dict[str, Any]]:
    """Return the rows of a project's clip store; no pixel is read."""
    return [
        row | {"file": path.relative_to(home).as_posix()}
        for shard in shards
        for path in sorted((home / store.FOLDER / f"{shard:02d}").glob("*.safetensors"))
        for row in store.read_rows(path)
        if row["status"] == "accepted"
    ]


def _read_pixels(path: Path, key: str) -> np.ndarray:
    """Return the pixels of a clip, uint8 (frames, height, width)."""
    if path.suffix == ".safetensors":
        return store.read_study(path, [key])[key]
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return np.asarray(file["pixels"])
    if path.suffix == ".zarr":
        from echomort.clips.export.writers.zarr import require_zarr

        return np.asarray(require_zarr().open_group(path, mode="r")["pixels"][:])
    return _decode(path)


def _decode(path: Path) -> np.ndarray:
    from echomort.clips.export.writers.mp4 import require_av

    with require_av().open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return np.stack([_luma(frame) for frame in container.decode(video=0)])


def _luma(frame: Any) -> np.ndarray:
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8)[: plane.line_size * plane.height].reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]
