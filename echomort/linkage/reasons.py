"""Why a file is not linked, and what the site can do about it."""

import csv
import functools
from pathlib import Path

TABLE = Path(__file__).with_name("reasons.csv")


@functools.cache
def reasons() -> dict[str, dict[str, str]]:
    """Return reason -> its row of ``reasons.csv`` (meaning, remedy)."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["reason"]: row for row in csv.DictReader(file)}


def is_ordinary(reason: str) -> bool:
    """Return whether there is nothing to do about ``reason``."""
    return reasons()[reason]["remedy"].startswith("nothing to do")


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many}"


def reason_line(reason: str, files: int, studies: int) -> str:
    """Return one line: how many files of how many studies are not linked for ``reason``, and what to do."""
    row = reasons()[reason]
    many = f"{counted(files, 'file', 'files')} of {counted(studies, 'study', 'studies')}"
    return f"{many} not linked, {reason} ({row['meaning']}); {row['remedy']}"
