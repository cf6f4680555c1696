"""The Dagster instance of a project is made once, however many commands start at the same time."""

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

from projects import clean_environment

TOGETHER = """
import multiprocessing, sys
from pathlib import Path
from orchestration.runs import prepare_instance

def prepare(home, ready):
    ready.wait()
    prepare_instance(home)

fork = multiprocessing.get_context("fork")
for home in map(Path, sys.argv[1:]):
    ready = fork.Barrier(4)
    processes = [fork.Process(target=prepare, args=(home, ready)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert not any(process.exitcode for process in processes)
"""


def test_commands_that_start_together_make_each_database_once(tmp_path: Path) -> None:
    homes = [tmp_path / name for name in "abc"]
    command = [sys.executable, "-P", "-c", TOGETHER, *map(str, homes)]
    environment = clean_environment() | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    for home in homes:
        databases = sorted((home / "dagster").rglob("*.db"))
        assert {database.name for database in databases} == {"index.db", "runs.db", "schedules.db"}
        for database in databases:
            with contextlib.closing(sqlite3.connect(database)) as opened:
                assert opened.execute("select count(*) from alembic_version").fetchone() == (1,), database.name
