"""From the files that readers sent back to the figures of the study, in JSON and in Markdown."""

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from echomort.core.csv_table import check_header
from echomort.core.errors import UserError
from echomort.core.files import write_text
from echomort.reader_study.answers import WORDS, checked, typed
from echomort.reader_study.bundle import MANIFEST
from echomort.reader_study.cases import FOLDER, Study
from echomort.reader_study.section import markdown
from echomort.reader_study.statistics import analyse
from echomort.settings import Evaluation

SUMMARY, WORDED = "summary.json", "summary.md"
SCHEMA, SCHEMA_VERSION = "echomort-reader-study", 1
HASH = "frozen_sha256"
"""Optional column of an answers file: the digest in the bundle that the answers were read from."""

Summary = dict[str, Any]


def read_answers(paths: Sequence[Path], study: Study) -> pd.DataFrame:
    """Return the typed answers in ``paths``: CSV files, or folders of them (a bundle's, say).

    Raises :class:`UserError` where there is none, where one can't be read, or where one belongs to another study.
    """
    files: list[Path] = []
    for path in paths:
        if (path / MANIFEST).is_file():
            study.require_hash(_manifest_hash(path / MANIFEST), f"{path.name}/{MANIFEST}")
        files += sorted(path.glob("*.csv")) if path.is_dir() else [path]
    if not files:
        raise UserError("the folders named hold no answers (*.csv)", "name the files that the readers sent back")
    return pd.concat([_read(file, study) for file in files], ignore_index=True)


def _manifest_hash(file: Path) -> str:
    try:
        return str(json.loads(file.read_bytes())[HASH])
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{file.parent.name}/{file.name} is not as it was exported", "name the answer files") from None


def _read(file: Path, study: Study) -> pd.DataFrame:
    try:
        text = file.read_text(encoding="utf-8-sig")
        separator = ";" if ";" in text.partition("\n")[0] else ","
        check_header(next(csv.reader(io.StringIO(text), delimiter=separator), []), file.name)
        table = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error):
        raise UserError(f"{file.name} can't be read", f"save it as CSV in UTF-8, columns {', '.join(WORDS)}") from None
    for sha256 in table[HASH].unique() if HASH in table.columns else ():
        study.require_hash(str(sha256).strip(), file.name)
    return typed(table, file.name)


def summarise(study: Study, answers: pd.DataFrame, settings: Evaluation) -> Summary:
    """Return the result of the study: its design, the balance, and every figure (rows of table ``metric``)."""
    reading = checked(answers, study.cases)
    figures = analyse(reading, settings).to_dict("records")
    plain = [{name: _plain(value) for name, value in row.items()} for row in figures]
    facts = {name: study.frozen[name] for name in ("model", "threshold", "balance", "asked")}
    known = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "synthetic": study.shown["synthetic"]}
    arms = {"arms": [list(arm) for arm in reading.answers], "views": study.views}
    return known | facts | arms | {HASH: study.sha256, "confidence": settings.confidence, "metrics": plain}


def write_summary(study: Study, summary: Summary) -> None:
    """Write ``summary.json`` and, for people, ``summary.md`` into ``HOME/readers``."""
    write_text(study.root / WORDED, markdown(summary))
    write_text(study.root / SUMMARY, json.dumps(summary, indent=1, allow_nan=False) + "\n")


def read_summary(home: Path) -> Summary | None:
    """Return the summary of the project's reader study, or None where none has been analysed."""
    file = summary_file(home)
    return json.loads(file.read_text()) if file.is_file() else None


def summary_file(home: Path) -> Path:
    """Return the path of the summary, which need not exist."""
    return home / FOLDER / SUMMARY


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
