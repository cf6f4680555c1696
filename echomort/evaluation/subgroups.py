"""Groups of patients by the value of a variable, and the suppression of groups with too few deaths or survivors."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

MISSING = "missing"
"""The value of the group whose variable is missing."""
SUPPRESSED = "suppressed"
"""How the method of a suppressed figure begins."""


def subgroups(columns: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (``column=value``, members (n,) bool) for each value of each column; missing values are a group too."""
    for name in columns.columns:
        values = columns[name].astype(object).where(columns[name].notna(), MISSING).astype(str).to_numpy()
        for value in sorted(set(values)):
            yield f"{name}={value}", values == value


def has_too_few_outcomes(died: np.ndarray, least: int) -> bool:
    """Return whether labels ``died`` (n,) hold fewer than ``least`` deaths, or fewer than ``least`` survivors."""
    return has_too_few(len(died), int(np.asarray(died, dtype=bool).sum()), least)


def has_too_few(patients: int, deaths: int, least: int) -> bool:
    """Return whether there are fewer than ``least`` deaths, or fewer than ``least`` survivors."""
    return min(deaths, patients - deaths) < least


def suppressed(least: int) -> str:
    """Return the method of a figure that is withheld because :func:`has_too_few_outcomes`."""
    return f"{SUPPRESSED}: fewer than {least} deaths or survivors"
