"""What the risks of single loops of a project rest on, each by the network that was not trained on its patient.

``python -m echomort.explain.loops FOLDER HOME`` is the child process that :func:`explain_in_child` starts.
"""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from echomort.clips.store import read_study
from echomort.core.child import leave_error, raise_left
from echomort.core.errors import UserError
from echomort.core.files import resolve_under, scratch_folder
from echomort.core.supervision import end_with_parent, supervised
from echomort.explain.maps import LoopMaps, Rows, read_maps, write_maps
from echomort.explain.occlusion import occlude

LOOPS, MAPS, ERROR = "loops.parquet", "maps.json", "refused.json"
"""Files in the temporary folder by which parent and child exchange data."""


def explain_in_child(loops: pd.DataFrame, home: Path) -> list[LoopMaps]:
    """Return the maps of ``loops`` (clip_key, view, fold, path of its clips and ``model`` of its view, below ``home``),
    from a child process, with which PyTorch's threads and memory end. Raises :class:`UserError` for a model that can't
    be read."""
    if loops.empty:
        return []
    with scratch_folder(home) as folder:
        loops.to_parquet(folder / LOOPS, index=False)
        command = [sys.executable, "-P", "-m", "echomort.explain.loops", str(folder), str(home)]
        child = subprocess.run(command, check=False, env=supervised())
        raise_left(folder / ERROR)
        child.check_returncode()
        return read_maps(folder / MAPS)


def main() -> None:
    """Explain the loops of the folder named on the command line."""
    end_with_parent()
    folder, home = map(Path, sys.argv[1:3])
    try:
        write_maps(list(explain_loops(pd.read_parquet(folder / LOOPS), home)), folder / MAPS)
    except UserError as error:
        leave_error(error, folder / ERROR)


def explain_loops(loops: pd.DataFrame, home: Path) -> Iterator[LoopMaps]:
    """Yield the maps of ``loops``, as :func:`explain_in_child` takes them; a loop of a view with a model only."""
    from echomort.models.view_model import ViewModel, score_clips

    for path, of_model in loops.groupby("model", sort=False):
        folds = ViewModel.load(resolve_under(home, str(path))).folds
        for key, fold, clips_of in of_model[["clip_key", "fold", "path"]].itertuples(index=False, name=None):
            pixels = read_study(resolve_under(home, clips_of), [key])[key]
            found = occlude(pixels, partial(score_clips, folds[int(fold)]))
            yield LoopMaps(key, round(found.logit, 4), _rows(found.picture), _rows(found.movement))


def _rows(part: np.ndarray) -> Rows:
    rows: Rows = part.round(4).tolist()
    return rows


if __name__ == "__main__":
    main()
