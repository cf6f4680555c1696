"""Groups of patients by the value of a variable."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

MISSING = "missing"
"""The value of the group whose variable is missing."""


def subgroups(columns: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (``column=value``, members (n,) bool) for each value of each column; missing values are a group too."""
    for name in columns.columns:
        values = columns[name].astype(object).where(columns[name].notna(), MISSING).astype(str).to_numpy()
        for value in sorted(set(values)):
            yield f"{name}={value}", values == value
