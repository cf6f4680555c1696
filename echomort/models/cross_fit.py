"""Nested cross-validation: scores to evaluate, and scores from which other models learn.

A model is trained for each fold left out, and for each pair of folds left out. The model without fold i scores fold i:
that is what is evaluated. The model without folds i and j scores fold i, influenced by no label of fold j: whatever is
evaluated on fold j learns from these scores, and from no others. Plain out-of-fold scores would not do: they come from
models that were trained on the labels of fold j, and a stack that learns from them picks the views that happen to agree
with these labels (docs/stacking.md).
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from echomort.models.rows import HELD_OUT

LeftOut = tuple[int, ...]
"""The folds that a model was not trained on: one, two with the smaller first, or none."""
Models = Literal["nested", "folds", "whole"]
"""Which models are trained: ``nested``: without each fold and without each pair; ``folds``: without each fold;
``whole``: one, on all folds, which scores held-out rows only."""


def folds_left_out(folds: Iterable[int]) -> list[LeftOut]:
    """Return what the models of a cross-validation over ``folds`` leave out: each fold, then each pair.

    >>> folds_left_out([0, 1, 2])
    [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
    """
    ordered = sorted(folds)
    return [*((fold,) for fold in ordered), *itertools.combinations(ordered, 2)]


def left_out_by(models: Models, folds: Iterable[int]) -> list[LeftOut]:
    """Return what the models of the kind ``models`` leave out of ``folds``.

    >>> left_out_by("folds", [0, 1]), left_out_by("whole", [0, 1])
    ([(0,), (1,)], [()])
    """
    if models == "whole":
        return [()]
    return [one for one in folds_left_out(folds) if models == "nested" or len(one) == 1]


def left_out_name(left_out: LeftOut) -> str:
    """Return the name, in files, of the model without the folds ``left_out``.

    >>> left_out_name((0,)), left_out_name((0, 3)), left_out_name(())
    ('fold_0', 'folds_0_3', 'all')
    """
    if not left_out:
        return "all"
    return "_".join(["fold" if len(left_out) == 1 else "folds", *map(str, left_out)])


def left_out_words(left_out: LeftOut) -> str:
    """Return the words for the folds ``left_out``.

    >>> left_out_words((0, 3))
    'folds 0 and 3'
    >>> left_out_words(())
    'no fold'
    """
    if not left_out:
        return "no fold"
    return ("fold " if len(left_out) == 1 else "folds ") + " and ".join(map(str, left_out))


def without_of(cells: Iterable[Sequence[float]]) -> list[np.ndarray]:
    """Return cells of a column ``without``, each float64 (k,), NaN where a score is missing; (1,) where the cell is
    null. DuckDB returns a list with a null as a masked array; what lies under its mask is no score, and an assignment
    to a plain array would take it."""
    return [np.atleast_1d(np.ma.filled(np.ma.asarray(cell, dtype=float), np.nan)) for cell in cells]


@dataclass(frozen=True)
class CrossFit:
    """The scores of one model of every row, by models that were not trained on it.

    ``logits`` (n,) float64 are what is evaluated. ``without`` (n, k) float64 is what may be learnt from: of a row of
    fold i, column j is a score that no label of folds i and j has influenced, NaN for j = i. Both are NaN where the
    model gave the row no score; ``without`` is NaN for held-out rows, from which nothing is learnt.
    """

    logits: np.ndarray
    without: np.ndarray

    def subset(self, mask: np.ndarray) -> "CrossFit":
        """Return the rows where ``mask`` (n,) bool is true."""
        return CrossFit(self.logits[mask], self.without[mask])

    @classmethod
    def of_models(cls, folds: np.ndarray, logits: Mapping[LeftOut, np.ndarray]) -> "CrossFit":
        """Take ``folds`` (n,) and, by the folds left out, the logits (n,) of a model; only those of rows in the folds
        left out, or in no fold, are read.

        A held-out row is scored by the mean over the models that leave out one fold, those that serve new patients; or
        by the one that leaves out none.
        """
        score = np.full(len(folds), np.nan)
        without = np.full((len(folds), width(folds)), np.nan)
        held_out = folds == HELD_OUT
        for left_out, values in logits.items():
            if len(left_out) == 1:
                score[folds == left_out[0]] = values[folds == left_out[0]]
            else:
                for fold, other in itertools.permutations(left_out, 2):
                    without[folds == fold, other] = values[folds == fold]
        if held_out.any():
            score[held_out] = np.mean([values[held_out] for key, values in logits.items() if len(key) < 2], axis=0)
        return cls.of_scores(folds, score, without)

    @classmethod
    def of_scores(cls, folds: np.ndarray, logits: np.ndarray, without: np.ndarray) -> "CrossFit":
        """Take the two arrays; ``without`` (n, any) may have NaN for folds in which the model has no row. The score
        fills these, since no label of the fold has influenced it."""
        full = np.full((len(folds), width(folds)), np.nan)
        full[:, : without.shape[1]] = without
        absent = np.isnan(full) & (folds[:, None] != HELD_OUT) & (np.arange(full.shape[1]) != folds[:, None])
        return cls(logits, np.where(absent, logits[:, None], full))


def width(folds: np.ndarray) -> int:
    """Return the number of columns of :attr:`CrossFit.without` for rows in ``folds``."""
    return int(folds.max(initial=0)) + 1
