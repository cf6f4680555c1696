"""What a model finds without motion: pictures that have lost it, and linear models of what is left.

A linear control standardises its columns, keeps the first :data:`COMPONENTS` principal components and fits a ridge
logistic regression, out of fold, in the folds of the view's own models. The controls of the network are clips whose
frames are all the first, or lie in random order; they are trained as the view is.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from echomort.models.rows import LabelledRows, mean_fold_auc
from echomort.vocabulary.controls import BRIGHTNESS, HEADERS, MEAN_AND_SPREAD, SHUFFLED_LOOP, STILL_FRAME, STILL_LOOP

GRID = 27, 37
"""Rows and columns of the pictures that linear controls read, at most; larger ones are averaged down. Chosen here: a
few thousand numbers a clip, so that the table of a large archive fits into memory."""
PLACES = (0.0, 0.25, 0.5, 0.75)
"""Where the frames lie, as shares of the loop, of which the still control takes the one that serves best on the
training folds. Chosen here: half a second apart, so that they show different parts of a beat."""
COMPONENTS = 40
"""Principal components of a linear control. Chosen here, for some hundred clips."""
RIDGE = 0.01
"""Inverse of the ridge penalty on standardised columns. Chosen here, with :data:`COMPONENTS`."""
MOST_KINDS = 20
"""Commonest values of a text in a header that get a column each. Chosen here: scanners and syntaxes of a large site."""


class Seen(NamedTuple):
    """What linear controls read of one clip, float32: ``brightness`` (1,), ``stills`` (places, cells) and
    ``mean_and_spread`` (2 x cells,)."""

    brightness: np.ndarray
    stills: np.ndarray
    mean_and_spread: np.ndarray


def recorded_frames(clip: np.ndarray) -> int:
    """Return how many frames of ``clip``, uint8 (frames, height, width), come before the black padding; at least 1."""
    lit = np.flatnonzero(clip.reshape(len(clip), -1).any(axis=1))
    return int(lit[-1]) + 1 if len(lit) else 1


def still_loop(clip: np.ndarray) -> np.ndarray:
    """Return ``clip`` with its first frame in the place of every recorded one; the padding stays."""
    still = clip.copy()
    still[: recorded_frames(clip)] = clip[0]
    return still


def shuffled_loop(clip: np.ndarray, key: str) -> np.ndarray:
    """Return ``clip`` with its recorded frames in an order drawn from ``key`` alone; the padding stays."""
    count, shuffled = recorded_frames(clip), clip.copy()
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    shuffled[:count] = clip[np.random.default_rng(seed).permutation(count)]
    return shuffled


def without_motion(control: str, clip: np.ndarray, key: str) -> np.ndarray:
    """Return what the network is given of ``clip`` as the ``control``. Raises :class:`KeyError` for a linear one."""
    made = {STILL_LOOP: lambda: still_loop(clip), SHUFFLED_LOOP: lambda: shuffled_loop(clip, key)}
    return made[control]()


def seen(clip: np.ndarray) -> Seen:
    """Return what the linear controls read of ``clip``, uint8 (frames, height, width)."""
    frames = _small(clip[: recorded_frames(clip)].astype(np.float32))
    flat = frames.reshape(len(frames), -1)
    places = [int(place * len(frames)) for place in PLACES]
    return Seen(flat.mean(keepdims=True)[0], flat[places], np.concatenate([flat.mean(axis=0), flat.std(axis=0)]))


def _small(frames: np.ndarray) -> np.ndarray:
    """Return ``frames`` averaged over blocks, so that they are no larger than :data:`GRID`."""
    for axis, most in zip((1, 2), GRID, strict=True):
        edges = np.linspace(0, frames.shape[axis], min(most, frames.shape[axis]) + 1).astype(int)
        sums = np.add.reduceat(frames, edges[:-1], axis=axis)
        shape = [1, 1, 1]
        shape[axis] = -1
        frames = sums / np.diff(edges).reshape(shape).astype(np.float32)
    return frames


def linear_scores(control: str, clips: Iterable[np.ndarray], headers: pd.DataFrame, rows: LabelledRows) -> np.ndarray:
    """Return the out-of-fold log odds (n,) of a linear ``control``, NaN in the rows that are held out.

    ``clips``: the clips of ``rows`` in their order, read one by one, and not at all for the control of ``headers``,
    a row a clip. Raises :class:`KeyError` for a control of the network.
    """
    if control == HEADERS:
        return out_of_fold(header_columns(headers), rows)
    parts = [seen(clip) for clip in clips]
    if control == STILL_FRAME:
        return best_still_scores(np.stack([part.stills for part in parts], axis=1), rows)
    columns = {
        BRIGHTNESS: lambda: [part.brightness for part in parts],
        MEAN_AND_SPREAD: lambda: [part.mean_and_spread for part in parts],
    }
    return out_of_fold(np.stack(columns[control]()), rows)


def header_columns(headers: pd.DataFrame) -> np.ndarray:
    """Return float32 (n, columns): numbers with their median where missing and whether they are, and a column for each
    common text."""
    columns: list[np.ndarray] = []
    for name in headers.columns:
        if pd.api.types.is_numeric_dtype(headers[name]):
            values = headers[name].astype(float)
            columns += [values.fillna(values.median()).fillna(0).to_numpy(), values.isna().to_numpy(float)]
        else:
            texts = headers[name].astype("string").fillna("")
            common = sorted(texts.value_counts().index[:MOST_KINDS])
            columns += [texts.eq(text).to_numpy(float) for text in common]
    return np.column_stack(columns).astype(np.float32)


def best_still_scores(stills: np.ndarray, rows: LabelledRows) -> np.ndarray:
    """Return the out-of-fold log odds (n,) from the one of ``stills`` (places, n, cells) that ranks best within the
    training folds of each fold."""
    scores = np.full(len(rows.labels), np.nan)
    for fold in rows.trained_folds:
        training = rows.folds != fold
        inner = rows.subset(training)
        areas = [mean_fold_auc(out_of_fold(still[training], inner), inner) for still in stills]
        best = stills[int(np.argmax(np.nan_to_num(areas)))]
        scores[~training] = _predicted(best, rows, fold)
    return scores


def out_of_fold(columns: np.ndarray, rows: LabelledRows) -> np.ndarray:
    """Return the log odds (n,) of every row by a linear model on ``columns`` (n, k) that was trained on the other
    folds; NaN in the rows that are held out."""
    scores = np.full(len(columns), np.nan)
    for fold in rows.trained_folds:
        scores[rows.folds == fold] = _predicted(columns, rows, fold)
    return scores


def _predicted(columns: np.ndarray, rows: LabelledRows, fold: int) -> np.ndarray:
    training = rows.training(fold)
    model = _linear_model(min(COMPONENTS, columns.shape[1], int(training.sum()) - 1))
    model.fit(columns[training], rows.labels[training])
    return np.asarray(model.decision_function(columns[rows.folds == fold]))


def _linear_model(components: int) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    reduced = PCA(components, svd_solver="full")
    return make_pipeline(StandardScaler(), reduced, LogisticRegression(C=RIDGE, class_weight="balanced", max_iter=1000))
