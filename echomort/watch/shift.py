"""Which inputs of the latest studies differ from those of the studies before, by more than chance and by enough.

A column is cut into categories: words as they are, numbers at the tenths of both periods together, missing values as a
category of their own. Two conditions make a shift: a chi-square test of homogeneity that holds among all inputs of a
look (Holm, Scand. J. Stat. 1979;6:65), and a population stability index above a limit, so that a large archive does not
warn of trifles. The studies of a patient are alike; counts are divided by Kish's design effect for patients whose
studies are all the same (Kish, Survey Sampling, 1965, 5.4), the worst case.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from echomort.report.disclosure import is_small

KEYS = ("study_key", "patient_key", "is_recent")
"""Columns that are no input."""
TENTHS = 10
"""Categories that a number is cut into: tenths, as the population stability index usually is."""
LEAST_EXPECTED = 5
"""Expected count below which categories are merged, Cochran's rule (Biometrics 1954;10:417)."""
ADDED = 0.5
"""Added to each count, so that the index of an empty category is finite. The usual continuity correction."""
MISSING = "not recorded"
YES, NO = "yes", "no"
SHOWN_INPUTS = 3
"""Inputs that one sentence names. Our choice: it stays a line or two."""

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """``false_alarms``: the most likely share of looks that warn though nothing changed. ``smallest_shift``: the index
    from which a shift matters. ``least``: patients below which no group is named."""

    false_alarms: float
    smallest_shift: float
    least: int


@dataclass(frozen=True)
class Shift:
    """How far one ``input`` of the latest studies is from that of the studies before.

    ``index``: population stability index above what chance gives it; ``p``: of the chi-square test, for all inputs of
    the look together (Holm).
    """

    input: str
    index: float
    p: float
    moved: bool
    words: str


def shifts(frame: pd.DataFrame, limits: Limits) -> list[Shift]:
    """Return the shift of every input of ``frame``, the largest index first; none where a period has too few patients.

    ``frame``: a row a study, with :data:`KEYS` and a column an input; its words are those of closed lists, since the
    sentence names them.
    """
    recent = frame["is_recent"].to_numpy(dtype=bool)
    patients = [frame.loc[mask, "patient_key"] for mask in (~recent, recent)]
    if min(part.nunique() for part in patients) < limits.least:
        return []
    effects = [_design_effect(part) for part in patients]
    inputs = [name for name in frame.columns if name not in KEYS]
    parts = {name: categories(frame[name]) for name in inputs}
    tables = {name: _table(parts[name], recent) / np.array(effects)[:, None] for name in inputs}
    adjusted = _holm([_p(table) for table in tables.values()])
    found = []
    for (name, table), p in zip(tables.items(), adjusted, strict=True):
        index = max(0.0, stability_index(table) - _by_chance(table))
        moved = p < limits.false_alarms and index >= limits.smallest_shift
        words = _words(name, frame, parts[name], limits.least) if moved else ""
        found.append(Shift(name, index, p, moved, words))
    return sorted(found, key=lambda shift: (not shift.moved, -shift.index))


def sentence(found: Sequence[Shift]) -> str:
    """Return one sentence on what moved; empty if nothing did."""
    moved = [shift.words for shift in found if shift.moved]
    rest = len(moved) - SHOWN_INPUTS
    return "; ".join(moved[:SHOWN_INPUTS]) + (f"; and {rest} more" if rest > 0 else "")


def categories(column: pd.Series) -> pd.Series:
    """Return the category of each value: tenths of numbers of more than ten values, else the values as words."""
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > TENTHS:
        edges = np.unique(np.nanquantile(column.to_numpy(dtype=float), np.linspace(0, 1, TENTHS + 1)[1:-1]))
        cut = pd.Series(np.searchsorted(edges, column.to_numpy(dtype=float)), index=column.index).astype(str)
        return cut.where(column.notna(), MISSING)
    if pd.api.types.is_numeric_dtype(column) and column.dropna().isin((0, 1)).all():
        return column.map({0: NO, 1: YES}).fillna(MISSING)
    return column.astype(object).where(column.notna(), MISSING).astype(str)


def stability_index(table: Counts) -> float:
    """Return the population stability index of counts (2, categories): the sum of (p - q) ln(p / q)."""
    shares = (table + ADDED) / (table + ADDED).sum(axis=1, keepdims=True)
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def _by_chance(table: Counts) -> float:
    """Return the index that is expected of equal periods of these sizes (Yurdakul and Naranjo, J. Risk Model Valid.
    2020;14(4))."""
    return float((table.shape[1] - 1) * (1 / table.sum(axis=1)).sum())


def _design_effect(patients: pd.Series) -> float:
    sizes = patients.value_counts().to_numpy(dtype=float)
    return float(np.square(sizes).sum() / sizes.sum())


def _table(parts: pd.Series, recent: NDArray[np.bool_]) -> Counts:
    names, codes = np.unique(parts.to_numpy(), return_inverse=True)
    counted = [np.bincount(codes[mask], minlength=len(names)) for mask in (~recent, recent)]
    return np.array(counted, dtype=float)


def _p(table: Counts) -> float:
    from scipy.stats import chi2_contingency  # slow to load, and a small archive has no table to test

    merged = _merged(table)
    return float(chi2_contingency(merged, correction=False).pvalue) if merged.shape[1] > 1 else 1.0


def _merged(table: Counts) -> Counts:
    """Return ``table`` with its rarest categories merged, until each has the least expected count in both periods."""
    share = table.sum(axis=1).min() / table.sum()
    columns = sorted(table.T, key=lambda column: float(column.sum()))
    while len(columns) > 1 and columns[0].sum() * share < LEAST_EXPECTED:
        columns = sorted([columns[0] + columns[1], *columns[2:]], key=lambda column: float(column.sum()))
    return np.array(columns).T


def _holm(p: Sequence[float]) -> list[float]:
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(np.array(p, dtype=float)[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(one) for one in adjusted]


def _words(name: str, frame: pd.DataFrame, parts: pd.Series, least: int) -> str:
    """Return what moved: the share of missing values, a median, or the share of a category; no small group is told."""
    recent = frame["is_recent"].to_numpy(dtype=bool)
    is_measured = pd.api.types.is_numeric_dtype(frame[name]) and frame[name].nunique() > TENTHS
    category = MISSING if is_measured else _moved_most(parts, recent)
    mask = (parts == category).to_numpy()
    shares = [float(mask[period].mean()) for period in (~recent, recent)]
    is_told = not any(_is_small(frame["patient_key"], mask, period, least) for period in (~recent, recent))
    if is_measured and not (is_told and _doubled(*shares)):
        return f"{name}: {_medians(frame, name, recent, least)}"
    if not is_told:
        return f"{name}: other values than before"
    return f"{name}: {category} in {shares[0]:.0%} before, {shares[1]:.0%} now"


def _doubled(before: float, now: float) -> bool:
    """Return whether a share doubled or halved; two hundredths of all studies count as none."""
    low, high = sorted((before, now))
    return high + 0.02 > 2 * (low + 0.02)


def _medians(frame: pd.DataFrame, name: str, recent: NDArray[np.bool_], least: int) -> str:
    known = [frame.loc[period & frame[name].notna(), ["patient_key", name]] for period in (~recent, recent)]
    if min(part["patient_key"].nunique() for part in known) < least:
        return "other values than before"
    return " before, ".join(f"{part[name].median():.3g}" for part in known).join(("median ", " now"))


def _moved_most(parts: pd.Series, recent: NDArray[np.bool_]) -> str:
    """Return the category whose share moved most; of yes (1) and no (0), yes."""
    before, now = (parts[period].value_counts(normalize=True) for period in (~recent, recent))
    moved = now.sub(before, fill_value=0).abs()
    return YES if set(moved.index) == {YES, NO} else str(moved.idxmax())


def _is_small(patients: pd.Series, mask: NDArray[np.bool_], period: NDArray[np.bool_], least: int) -> bool:
    inside, outside = (int(patients[period & chosen].nunique()) for chosen in (mask, ~mask))
    return is_small((inside, outside), least)
