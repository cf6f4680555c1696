"""Scores of models that were made elsewhere: a file of studies with a log odds or a risk of death each."""

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import pyarrow

from echomort.core.csv_table import check_header, read_rows
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest_file
from echomort.evaluation.inputs import logit

STUDIES = ("study_id", "study_key")
"""Columns that name the study: by the site's own number, or by the project's pseudonym. A file has one of them."""

VALUES = ("logit", "risk")
"""Columns that hold the score: log odds, or probability of death within the horizon. A file has one of them."""

FOLD = "fold"
"""Column of a file that says in which of the project's folds the study was when a model without that fold scored it."""

LARGEST_LOGIT = 100.0
"""Log odds beyond plus or minus this are no score: risks differ from 0 and 1 by less than any number shows. The bound
of table ``score``."""

NO_STUDY, UNKNOWN_STUDY, NO_SCORE = "no_study", "unknown_study", "no_score"
NOT_FINITE, OUT_OF_RANGE, REPEATED = "not_finite", "out_of_range", "repeated_study"
SET_ASIDE = (NO_STUDY, UNKNOWN_STUDY, NO_SCORE, NOT_FINITE, OUT_OF_RANGE, REPEATED)
"""Why a row is set aside: the first that applies."""

USED, OUT_OF_FOLD, IN_OTHER_FOLD = "used", "out_of_fold", "in_other_fold"
"""Of the rows that are used: all; in the cross-validation with the fold of the project, or with another or none. The
last two only where the file has a column ``fold``."""


@dataclass(frozen=True)
class ScoreRows:
    """The rows of a file of external scores.

    ``study`` are texts (None where missing), ``value`` texts or numbers, ``fold`` texts (None: no such column), each
    (n,). ``by_number`` says whether studies are named by the site's own numbers, ``is_risk`` whether values are risks.
    """

    study: list[str | None]
    value: pd.Series
    fold: list[str | None] | None
    by_number: bool
    is_risk: bool


@dataclass(frozen=True)
class ExternalScores:
    """``scores``: study_key, logit of the rows that are used. ``counts``: outcome of rows (:data:`SET_ASIDE`,
    :data:`USED`, ...) -> how many."""

    scores: pd.DataFrame
    counts: dict[str, int]


def check_external(files: Iterable[Path]) -> None:
    """Raise :class:`UserError` where one of ``files`` can't be read, or has not the columns of external scores."""
    for path in files:
        if path.suffix == ".csv":
            _columns_needed(_csv_header(path), path)
        else:
            _columns_needed(_parquet(path, None).column_names, path)


def file_digest(path: Path) -> str:
    """Return the digest of ``path``. Raises :class:`UserError` where it can't be read."""
    try:
        return digest_file(path)
    except OSError:
        raise UserError(f"{_named(path)} can't be read", "name a file that exists and that you can read") from None


def read_external(path: Path) -> ScoreRows:
    """Return the rows of ``path``, a CSV or Parquet file. Raises :class:`UserError`, which shows no cell of it."""
    if path.suffix == ".csv":
        header = _csv_header(path)
        needed = _columns_needed(header, path)
        rows = [cells for _, cells in read_rows(path, _named(path), needed)]
        columns = {name: pd.Series([row[name].strip() or None for row in rows], dtype=object) for name in needed}
    else:
        needed = _columns_needed(_parquet(path, None).column_names, path)
        columns = {name: _values(path, name) for name in needed}
    study, value, *fold = needed
    return ScoreRows(
        study=list(columns[study]),
        value=columns[value],
        fold=list(columns[FOLD]) if fold else None,
        by_number=study == "study_id",
        is_risk=value == "risk",
    )


def sort_scores(
    rows: ScoreRows, key_of: Callable[[str], str], known: Set[str], folds: Callable[[str], int | None]
) -> ExternalScores:
    """Return the scores of the rows that can be used, and what became of all.

    ``key_of`` returns the pseudonym of what a row calls its study, ``known`` are those of the project, ``folds``
    returns a study's fold in the cross-validation, None outside it. Of a study with several rows none is used: which of
    them is right is not known.
    """
    keys = pd.Series([None if text is None else key_of(text) for text in rows.study], dtype=object)
    missing = rows.value.isna()
    score = np.asarray(pd.to_numeric(rows.value, errors="coerce"), dtype=np.float64)
    low, high = (0.0, 1.0) if rows.is_risk else (-LARGEST_LOGIT, LARGEST_LOGIT)
    applies = {
        NO_STUDY: keys.isna(),
        UNKNOWN_STUDY: ~keys.isin(list(known)),
        NO_SCORE: missing,
        NOT_FINITE: ~np.isfinite(score),
        OUT_OF_RANGE: (score < low) | (score > high),
        REPEATED: keys.duplicated(keep=False),
    }
    outcome = np.full(len(keys), USED, dtype=object)
    for reason in reversed(SET_ASIDE):  # the first that applies is written last
        outcome[np.asarray(applies[reason])] = reason
    used = outcome == USED
    found = score[used]
    scores = pd.DataFrame({"study_key": keys[used].to_numpy(), "logit": logit(found) if rows.is_risk else found})
    counts = {name: int((outcome == name).sum()) for name in (*SET_ASIDE, USED)}
    if rows.fold is not None:
        stated = dict(zip(keys[used], np.array(rows.fold, dtype=object)[used], strict=True))
        counts |= _held_out(stated, folds)
    return ExternalScores(scores, counts)


def _held_out(stated: dict[str, str | None], folds: Callable[[str], int | None]) -> dict[str, int]:
    own = {key: fold for key in stated if (fold := folds(key)) is not None}
    agree = sum(_whole(stated[key]) == fold for key, fold in own.items())
    return {OUT_OF_FOLD: agree, IN_OTHER_FOLD: len(own) - agree}


def _whole(text: str | None) -> int | None:
    """Return a whole number, also one that a tool has made a float."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return int(number) if number.is_integer() else None


def _named(path: Path) -> str:
    return f"the external scores {path.name} (sources.external_scores)"


def _columns_needed(header: list[str], path: Path) -> tuple[str, ...]:
    """Return the columns that are read: of the study, of the score, and ``fold`` where there is one."""
    check_header(header, _named(path))
    found = tuple(_one_of(names, header, path) for names in (STUDIES, VALUES))
    return (*found, FOLD) if FOLD in header else found


def _one_of(names: tuple[str, str], header: list[str], path: Path) -> str:
    there = [name for name in names if name in header]
    if len(there) != 1:
        problem = f"columns {' and '.join(names)}" if there else f"no column {' or '.join(names)}"
        raise UserError(f"{_named(path)}: {problem}", "write one of the two")
    return there[0]


def _csv_header(path: Path) -> list[str]:
    for _, cells in read_rows(path, _named(path), ()):
        return list(cells)
    raise UserError(f"{_named(path)} has no row", "write one row a study below the names of the columns")


def _parquet(path: Path, columns: list[str] | None) -> "pyarrow.Table":
    """Return ``columns`` of a Parquet file; with None all of them, without rows."""
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        return file.schema_arrow.empty_table() if columns is None else file.read(columns)
    except (OSError, pyarrow.ArrowException):
        raise UserError(f"{_named(path)} can't be read", "write it as a Parquet file anew") from None


def _values(path: Path, column: str) -> pd.Series:
    """Return a column of a Parquet file: numbers of a score as they are, all else as texts, None where missing."""
    import pyarrow

    values = _parquet(path, [column])[column]
    kind = values.type
    is_number = pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind)
    if column in VALUES and is_number:
        return pd.Series(values.cast(pyarrow.float64()).to_numpy())
    try:
        texts = values.cast(pyarrow.string()).to_pylist()
    except pyarrow.ArrowException:
        problem = f"{_named(path)}: column {column} is of a type that is neither text nor number"
        raise UserError(problem, "write texts or numbers") from None
    return pd.Series([text.strip() or None if text is not None else None for text in texts], dtype=object)


def shown_counts(counts: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Yield the outcomes of rows that occur."""
    return ((name, rows) for name, rows in counts.items() if rows)
