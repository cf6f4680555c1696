"""The same figures within groups of patients, and none where a group has too few deaths to say anything."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

AGE_BANDS = ((50, "<50"), (65, "50-64"), (80, "65-79"), (np.inf, ">=80"))
LVEF_BANDS = ((40, "<40"), (50, "40-49"), (np.inf, ">=50"))
MISSING = "missing"


def age_band(years: Any) -> np.ndarray:
    """Return ``<50``, ``50-64``, ``65-79`` or ``>=80`` for ages (n,) in years, ``missing`` for NaN."""
    return _bands(years, AGE_BANDS)


def lvef_band(percent: Any) -> np.ndarray:
    """Return ``<40``, ``40-49`` or ``>=50`` for ejection fractions (n,) in percent, ``missing`` for NaN."""
    return _bands(percent, LVEF_BANDS)


def subgroups(columns: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (``column=value``, member (n,) bool) for each value of each column, missing values as a group of theirs."""
    for name in columns.columns:
        values = columns[name].astype(object).where(columns[name].notna(), MISSING).astype(str).to_numpy()
        for value in sorted(set(values)):
            yield f"{name}={value}", values == value


def too_few(died: np.ndarray, least: int) -> bool:
    """Return whether a group with labels ``died`` (n,) has fewer than ``least`` deaths, or as few survivors."""
    deaths = int(np.asarray(died, dtype=bool).sum())
    return min(deaths, len(died) - deaths) < least


def _bands(values: Any, bands: tuple[tuple[float, str], ...]) -> np.ndarray:
    given = np.asarray(values, dtype=np.float64)
    place = np.searchsorted([upper for upper, _ in bands], given, side="right")
    names = np.array([*(name for _, name in bands), MISSING], dtype=object)
    return names[np.where(np.isnan(given), len(bands), np.minimum(place, len(bands) - 1))]
