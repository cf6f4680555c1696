"""Writes a table that a person asked for and that holds identifiers, for its owner alone."""

from pathlib import Path

import pandas as pd

from echomort.core.files import atomic_path


def write_private_csv(target: Path, rows: pd.DataFrame) -> None:
    """Write ``rows`` as CSV (UTF-8, empty cells for missing values) to ``target``, whole or not at all, mode 0600."""
    with atomic_path(target, private=True) as temporary:
        rows.to_csv(temporary, index=False, lineterminator="\n")
