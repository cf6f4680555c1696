"""Linkage of studies with the evidence of life and death: CPU beyond reading, and every row against pandas.

Run ``python benchmarks/linkage.py`` from the repository's root (``--share 0.01`` for a hundredth of it). Target: 1 s of
CPU beyond reading for 1 million studies and 5 million contacts.
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from echomort.settings import Outcome
from warehouse.connection import connect
from warehouse.queries import query, run
from warehouse.tables.outcome.outcomes import link

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))
from outcome_oracle import differences  # noqa: E402

SIZES = {"patients": 300_000, "studies": 1_000_000, "contacts": 5_000_000}
REPEATS = 8


def main() -> None:
    """Measure with a patient's rows together, as staging leaves them, and with rows in no order."""
    share = _share()
    sizes = {name: max(100, int(size * share)) for name, size in SIZES.items()}
    print(", ".join(f"{size:,} {name}" for name, size in sizes.items()), flush=True)
    for together in (True, False):
        print("a patient's rows together" if together else "rows in no order", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "warehouse.duckdb"
            with connect(path) as connection:
                fill(connection, sizes, together)
            _measure(path)


def fill(connection: duckdb.DuckDBPyConnection, sizes: dict[str, int], together: bool) -> None:
    """Fill the staged tables, a patient's rows ``together`` or in no order."""
    bind = sizes | {"together": together}
    for statement in connection.extract_statements((HERE / "extract/linkage.sql").read_text()):
        connection.execute(statement, {name: bind[name] for name in statement.named_parameters})


def _measure(path: Path) -> None:
    """Print the best of some runs of reading, linking and committing, and in how many rows pandas differs."""
    with connect(path) as connection:
        reading = _best(lambda: connection.execute((HERE / "extract/reading.sql").read_text()).fetchall())
    linking, committing = _best_link(path)
    print(f"  reading {reading:.2f} s of CPU")
    print(f"  linking {linking:.2f} s of CPU, committing {committing:.2f} s")
    print(f"  beyond reading {linking - reading:.2f} s of CPU")
    with connect(path) as connection:
        for name, cpu in _statements(connection):
            print(f"    {cpu:.2f} s of CPU: {name}")
        print(f"  rows in which pandas differs: {differences(connection)}", flush=True)


def _best_link(path: Path) -> tuple[float, float]:
    """Return CPU seconds of the linkage of least CPU, and of its commit (the file is opened and closed with it)."""
    runs = []
    for _ in range(REPEATS):
        opening = time.process_time()
        with connect(path) as connection:
            start = time.process_time()
            link(connection, Outcome())
            linking = time.process_time() - start
        runs.append((linking, time.process_time() - opening - linking))
    return min(runs)


def _statements(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, float]]:
    """Run the linkage once more, statement by statement; yield what each writes to and its CPU seconds."""
    settings = Outcome().model_dump()
    run(connection, "tables/outcome/patient_offset.sql")
    for statement in connection.extract_statements(query("tables/outcome/outcome.sql")):
        start = time.process_time()
        connection.execute(statement, {name: settings[name] for name in statement.named_parameters})
        written = re.search(r"(?:TEMP TABLE|INSERT INTO) (\w+)", statement.query)
        if written and time.process_time() - start >= 0.05:
            yield written[1], time.process_time() - start


def _best(work: Callable[[], object]) -> float:
    """Return CPU seconds of the run of least CPU."""
    runs = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        runs.append(time.process_time() - start)
    return min(runs)


def _share() -> float:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="part of the full size")
    return float(parser.parse_args().share)


if __name__ == "__main__":
    main()
