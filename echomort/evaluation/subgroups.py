"""The same figures within groups of patients, and none where a group has too few deaths to say anything."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

MISSING = "missing"


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
