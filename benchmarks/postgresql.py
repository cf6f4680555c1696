"""What it costs to read a large table from PostgreSQL: its digest, its copy, and the memory of the copy.

Run ``python benchmarks/postgresql.py`` from the repository's root (``--rows 1000000`` for less). Starts a server of its
own as the tests do, so it needs Debian's ``postgresql`` and the extra ``postgres``.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from echomort.settings import Postgresql
from warehouse.adapters.extract import ExtractLocation, contract, database_digest, open_extract
from warehouse.connection import connect

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from postgresql_peer import Server, postgresql

MEASUREMENTS = """
CREATE TABLE measurement AS
SELECT
    'person ' || (i % 35000) AS patient_id,
    NULL::text AS study_id,
    'creatinine' AS variable,
    (i % 1000 * 0.01)::numeric(12, 2) AS value,
    'mg/dL' AS unit,
    timestamp '2010-01-01' + i * interval '20 seconds' AS measured_at
FROM generate_series(1, {rows}) AS i
"""


def main() -> None:
    """Fill a database, then print one line a step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows = parser.parse_args().rows
    with postgresql() as server, tempfile.TemporaryDirectory() as folder:
        os.environ["ECHOMORT_POSTGRESQL"] = server.connection_string()
        _fill(server, rows)
        print(f"{rows:,} measurements ({os.cpu_count()} cores)", flush=True)
        start = time.perf_counter()
        database_digest(Postgresql(), "canonical")
        print(f"digest {time.perf_counter() - start:.1f} s", flush=True)
        start, before = time.perf_counter(), _peak_mib()
        with connect(Path(folder) / "w.duckdb") as connection:
            with open_extract(connection, ExtractLocation(None, Postgresql()), "canonical"):
                print(
                    f"copy {time.perf_counter() - start:.1f} s, peak memory {before} -> {_peak_mib()} MiB", flush=True
                )
                found = connection.execute("SELECT count(value) FROM raw_measurement").fetchall()
            assert found == [(rows,)]


def _fill(server: Server, rows: int) -> None:
    tables: dict[str, list[str]] = {}
    for column in contract("canonical"):
        tables.setdefault(column.table, []).append(f"{column.name} text")
    others = [
        f"CREATE TABLE {name} ({', '.join(columns)})" for name, columns in tables.items() if name != "measurement"
    ]
    server.execute(*others, MEASUREMENTS.format(rows=rows))


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
