"""Label, fold and patient of the rows of a table, and which rows a model is trained on."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echomort.core.errors import UserError

UNKNOWN = -1
"""Label of the rows whose follow-up ends too early: they are scored, and no model is trained on them."""
HELD_OUT = -1
"""Fold of the rows that no model is trained on and that all models score."""
MIN_FOLDS = 3
"""Folds that cross-fitting needs at least: two are left out at a time, and one has to remain."""
CHANCE_DRAWS = 200
"""Permutations whose spread is an AUC's standard error under chance: they know it to 5 % (1 / sqrt(2 * 200)). Our
choice."""


class TooFewRowsError(UserError):
    """There are too few rows, or deaths, to train anything: no fault of the project."""


@dataclass(frozen=True)
class LabelledRows:
    """Label 0, 1 or -1 (unknown), fold (0 to k-1, or -1) and patient of every row, each (n,)."""

    labels: np.ndarray
    folds: np.ndarray
    patients: np.ndarray

    @classmethod
    def of(cls, labels: Sequence[int], folds: Sequence[int], patients: Sequence[str]) -> "LabelledRows":
        """Take three columns of equal length; raise :class:`UserError` where they allow no honest cross-validation,
        :class:`TooFewRowsError` where there are too few."""
        rows = cls(np.asarray(labels, np.int64), np.asarray(folds, np.int64), np.asarray(patients, dtype=object))
        pairs = set(zip(rows.patients, rows.folds, strict=True))
        if len(pairs) != len(set(rows.patients)):
            raise UserError("a patient's rows lie in more than one fold", "run the cohort again")
        if not np.isin(rows.labels, (UNKNOWN, 0, 1)).all():
            raise UserError("a row has a label that does not exist", "run the cohort again")
        if len(rows.trained_folds) < MIN_FOLDS:
            raise TooFewRowsError(f"the studies lie in fewer than {MIN_FOLDS} folds", "use more studies")
        if pair := rows.pair_of_folds_without_contrast:
            outside = " and ".join(map(str, pair))
            raise TooFewRowsError(
                f"the studies outside folds {outside} all have the same label",
                "use more studies, or raise cohort.folds",
            )
        return rows

    @property
    def pair_of_folds_without_contrast(self) -> tuple[int, int] | None:
        """The first pair of folds outside which all rows have the same label, so that no model can leave it out."""
        for pair in itertools.combinations(self.trained_folds, 2):
            if len(np.unique(self.labels[self.training(*pair)])) < 2:
                return pair
        return None

    @property
    def is_trainable(self) -> bool:
        """Whether a model can be trained for every pair of folds left out."""
        return len(self.trained_folds) >= MIN_FOLDS and self.pair_of_folds_without_contrast is None

    @property
    def trained_folds(self) -> list[int]:
        """The folds, in order."""
        return [int(fold) for fold in np.unique(self.folds) if fold != HELD_OUT]

    def training(self, *left_out: int) -> np.ndarray:
        """Return which rows (n,) bool a model is trained on that leaves out the folds ``left_out``."""
        return self.is_labelled & ~np.isin(self.folds, (*left_out, HELD_OUT))

    @property
    def is_labelled(self) -> np.ndarray:
        """Which rows (n,) bool have a known label."""
        return np.asarray(self.labels != UNKNOWN)

    def subset(self, mask: np.ndarray) -> "LabelledRows":
        """Return the rows where ``mask`` (n,) bool is true."""
        return LabelledRows(self.labels[mask], self.folds[mask], self.patients[mask])

    def permuted(self, generator: np.random.Generator) -> "LabelledRows":
        """Return the rows with labels permuted by patient: each patient gets the labels of another one.

        The number of deaths is unchanged, and so is the correlation of labels within a patient.
        """
        by_patient = np.argsort(self.patients.astype(str), kind="stable")
        _, starts = np.unique(self.patients.astype(str)[by_patient], return_index=True)
        blocks = np.split(self.labels[by_patient], starts[1:])
        labels = np.empty_like(self.labels)
        labels[by_patient] = np.concatenate([blocks[index] for index in generator.permutation(len(blocks))])
        return LabelledRows(labels, self.folds, self.patients)


def split_patients(
    labels: np.ndarray, patients: np.ndarray, fraction: float, seed: int | tuple[int, ...]
) -> np.ndarray:
    """Return which rows (n,) bool are for validation: those of a ``fraction`` of the patients who died in any row, and
    of the same fraction of the others; of each at least one patient and never all, unless there is only one."""
    index, groups = _patients_by_outcome(labels, patients)
    counts = [min(max(1, round(fraction * len(group))), len(group) - 1) for group in groups]
    return np.asarray(_drawn(groups, counts, seed)[index])


def split_patients_evenly(
    labels: np.ndarray, patients: np.ndarray, fraction: float, seed: int | tuple[int, ...]
) -> np.ndarray:
    """Return which rows (n,) bool are for validation: those of a ``fraction`` of all patients, as many who died in any
    row as others.

    At most half of the rarer kind goes there, so that models still learn from the other half: at least one of each, but
    none where there is only one of the rarer kind.
    """
    index, groups = _patients_by_outcome(labels, patients)
    rarer = min(map(len, groups))
    count = min(max(1, round(fraction * sum(map(len, groups)) / 2)), rarer // 2)
    return np.asarray(_drawn(groups, [count, count], seed)[index])


def _patients_by_outcome(labels: np.ndarray, patients: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return each row's patient as a number, and the numbers of those who died in any row, and of the others."""
    unique, index = np.unique(patients.astype(str), return_inverse=True)
    died = np.zeros(len(unique), bool)
    np.logical_or.at(died, index, labels == 1)
    return index, [np.flatnonzero(died), np.flatnonzero(~died)]


def _drawn(groups: Sequence[np.ndarray], counts: Sequence[int], seed: int | tuple[int, ...]) -> np.ndarray:
    """Return which patients (n,) bool are drawn: of each group its count."""
    generator = np.random.default_rng(seed)
    chosen = np.zeros(sum(map(len, groups)), bool)
    for group, count in zip(groups, counts, strict=True):
        chosen[generator.permutation(group)[: max(0, count)]] = True
    return chosen


def mean_fold_auc(scores: np.ndarray, rows: LabelledRows) -> float:
    """Return the mean over folds of the AUC within the fold; folds with one label only are left out.

    Within a fold all scores come from the same models, so that different scales of models do not bias the AUC.
    """
    areas = []
    for fold in rows.trained_folds:
        inside = rows.is_labelled & (rows.folds == fold)
        if len(np.unique(rows.labels[inside])) == 2:
            areas.append(_area(rows.labels[inside], scores[inside]))
    return float(np.mean(areas)) if areas else float("nan")


def _area(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve of ``scores`` (n,) for ``labels`` (n,) of both kinds, 0 and 1.

    It has the bits of scikit-learn's ``roc_auc_score``, which spends fifty times as long on looking at its arguments.
    Raises :class:`ValueError` for scores that are missing or infinite.
    """
    if not np.isfinite(scores).all():
        raise ValueError("a score is missing or infinite")
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # of each group of equal scores
    died = np.cumsum(labels[order] == 1)[ends].astype(float)
    survived = ends + 1 - died
    corner = np.ones(len(ends), bool)
    corner[1:-1] = (np.diff(died, 2) != 0) | (np.diff(survived, 2) != 0)
    x = np.append(0.0, survived[corner]) / survived[-1]
    y = np.append(0.0, died[corner]) / died[-1]
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2.0).sum())


def chance_error(scores: np.ndarray, rows: LabelledRows, seed: int) -> float:
    """Return the standard error of :func:`mean_fold_auc` where ``scores`` tell nothing: its spread over labels that are
    permuted by patient within each fold.

    The formula of Mann and Whitney would call it too small: an AUC is taken within each fold, and the studies of a
    patient share their label. Models fitted anew on permuted labels spread further, since their folds may err together.
    """
    generator = np.random.default_rng(seed)
    known = rows.is_labelled & (rows.folds != HELD_OUT)
    inside = [np.flatnonzero(known & (rows.folds == fold)) for fold in rows.trained_folds]
    labels, areas = rows.labels.copy(), []
    for _ in range(CHANCE_DRAWS):
        for fold in inside:
            labels[fold] = rows.subset(fold).permuted(generator).labels
        areas.append(mean_fold_auc(scores, LabelledRows(labels, rows.folds, rows.patients)))
    return float(np.std(areas))
