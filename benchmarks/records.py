"""From an extract of a health system's size to labels and features: how long, and how much memory.

Run ``python benchmarks/records.py`` from the repository's root (``--share 0.01`` for a hundredth of it). Targets on two
cores: 5 minutes and 4 GiB.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd

from echomort.core.keys import Keyring
from echomort.ehr.variables import catalogue
from echomort.settings import Cohort, Outcome
from warehouse.connection import connect
from warehouse.staging.staging import stage
from warehouse.tables.cohort.cohorts import select
from warehouse.tables.feature.features import build
from warehouse.tables.outcome.outcomes import link

SIZES = {"patients": 35_000, "studies": 812_000, "measurements": 10_000_000, "contacts": 5_000_000}
TABLES = ("patient", "death", "contact", "study", "measurement", "diagnosis", "medication")
KEYRING = Keyring(b"a key that only this benchmark uses.")
MEMORY_GIB = 2.5
"""What DuckDB may hold; Python and its libraries need the rest of the 4 GiB."""


def main() -> None:
    """Write the extract, then print one line a step."""
    share = _share()
    sizes = {name: max(100, int(size * share)) for name, size in SIZES.items()}
    print(", ".join(f"{size:,} {name}" for name, size in sizes.items()), f"({os.cpu_count()} cores)", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own, so that its memory is not counted.
        if os.fork() == 0:
            write_extract(Path(folder) / "ehr", sizes)
            os._exit(0)
        os.wait()
        _run(Path(folder))


def write_extract(folder: Path, sizes: dict[str, int]) -> None:
    """Write a canonical extract as Parquet."""
    folder.mkdir(parents=True)
    variables = [
        (v.name, v.unit, *((0.0, 10.0) if v.low is None else (v.low, v.high)), v.window_days)
        for v in catalogue()
        if v.source == "measurement"
    ]
    measured = pd.DataFrame(variables, columns=["name", "unit", "low", "high", "window_days"])
    with duckdb.connect(config={"memory_limit": "3GiB", "temp_directory": str(folder.parent / "spill")}) as connection:
        connection.execute(
            "CREATE TABLE measured (name VARCHAR, unit VARCHAR, low DOUBLE, high DOUBLE, window_days INT)"
        )
        connection.append("measured", measured, by_name=True)
        for statement in connection.extract_statements((Path(__file__).parent / "extract/tables.sql").read_text()):
            connection.execute(statement, {name: sizes[name] for name in statement.named_parameters})
        for table in TABLES:
            connection.table(table).write_parquet(str(folder / f"{table}.parquet"))


def _run(folder: Path) -> None:
    start = time.perf_counter(), time.process_time()
    with connect(folder / "warehouse.duckdb", memory_limit_gib=MEMORY_GIB) as connection:
        _timed("staging", lambda: stage(connection, folder / "ehr", "canonical", KEYRING, "shifted"))
        _timed("outcome", lambda: link(connection, Outcome(), KEYRING))
        _timed("cohort", lambda: select(connection, Cohort()))
        _timed("features", lambda: build(connection))
    print(
        f"all: {time.perf_counter() - start[0]:.0f} s, {time.process_time() - start[1]:.0f} s of CPU, {_peak():.2f} GiB"
    )


def _timed(name: str, work: Callable[[], object]) -> None:
    start = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
    print(f"{name}: {wall:.1f} s, {cpu:.1f} s of CPU, peak so far {_peak():.2f} GiB", flush=True)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _share() -> float:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="part of the full size")
    return float(parser.parse_args().share)


if __name__ == "__main__":
    main()
