"""Clinical scores of a CSV file."""

import warnings
from pathlib import Path

import pandas as pd

from echomort.clinical_scores.columns import OutOfRange
from echomort.clinical_scores.scores import CLINICAL_SCORES
from echomort.core.csv_table import check_separator
from echomort.core.errors import UserError
from echomort.settings import ClinicalScores


def score_file(score: str, source: Path, out_of_range: OutOfRange = "strict") -> pd.DataFrame:
    """Return the table of the CSV file ``source``, as text, with the columns of ``score`` and ``reason`` added.

    Columns are found by name, in any order and case. A column with the name of an output is replaced. Raises
    :class:`UserError` for an unknown score, a file that is absent, empty or not CSV, and a missing column.
    """
    CLINICAL_SCORES.get(score)
    given = _read(source)
    settings = ClinicalScores(out_of_range=out_of_range)
    scored = CLINICAL_SCORES.call(score, lambda one: one.compute(given.rename(columns=str.lower), settings))
    return pd.concat([given.drop(columns=scored.columns, errors="ignore"), scored], axis=1)


def _read(source: Path) -> pd.DataFrame:
    try:
        cells = _parsed(source)
    except FileNotFoundError:
        raise UserError(f"there is no file {source}", "correct the path") from None
    except IsADirectoryError:
        raise UserError(f"{source} is a folder", "name a CSV file") from None
    except PermissionError:
        raise UserError(f"no permission to read {source}", "make the file readable") from None
    except pd.errors.EmptyDataError:
        raise UserError(f"the file {source} is empty", "give it a line of column names and a row a patient") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeDecodeError):
        raise UserError(f"the file {source} is not a CSV table", "save it as comma-separated UTF-8 text") from None
    check_separator(list(cells.iloc[0]), str(source))
    return cells.iloc[1:].set_axis(cells.iloc[0].str.strip(), axis=1).rename_axis(None, axis=1).reset_index(drop=True)


def _parsed(source: Path) -> pd.DataFrame:
    """The cells as text, the header among them: pandas would rename a column that is there twice. Rows longer than the
    header are an error: it would shift or cut them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            source,
            header=None,
            dtype=str,
            keep_default_na=False,
            index_col=False,
            encoding="utf-8-sig",
            skipinitialspace=True,
        )
