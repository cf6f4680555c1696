"""A small project made through the public commands, and what tests ask of it."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import duckdb
import pytest
import yaml

from orchestration.cli.__main__ import main

SETTINGS = {
    "sources.synthetic.patients": 40,
    "cohort.reader_fraction": 0.2,
    "cohort.sealed_fraction": 0,
    "cohort.later_from": "null",
    "cohort.heart_failure_fraction": 0.1,
    "promotion.first_auc": "null",
    "cohort.folds": 3,  # two are left out at a time: of five, 15 networks a view would be trained, of three, 6
    "cohort.salt": "tests-27",  # one that puts a death into each fold, and three among the readers' cases
    "tabular.forest_trees": 20,
    "training.max_epochs": 1,
    "training.min_clips": 20,
    "training.min_deaths": 3,
    "evaluation.bootstrap": 100,
    "evaluation.suppress_below_events": 2,  # a handful died: all figures would be withheld
    "evaluation.permutations": 2,
    "evaluation.explain_loops": False,  # tests/assets/test_explained_loops.py has the pictures; a process is saved
    "experiments.keep": [],
    "execution.processes": 1,  # each process of a run imports its libraries; the tests run side by side already
    "training.fold_processes": 1,
}
"""Small enough for half a minute; nothing that comes out of it means anything."""


class Row(NamedTuple):
    """What the ledger holds of one unit."""

    fingerprint: str
    digest: str
    committed_at: Any


Rows = dict[tuple[str, str], Row]


class Said(NamedTuple):
    """How a command ended and what it wrote."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Home:
    """The folder of one project."""

    root: Path

    def command(self, *arguments: str, home: bool = True) -> list[str]:
        """Return the command line of ``echomort``."""
        place = ["--home", str(self.root)] if home else []
        return [sys.executable, "-m", "orchestration.cli", *arguments, *place]

    def echomort(self, *arguments: str, home: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Carry out ``echomort`` on this project as a person does, in a process of its own."""
        command = self.command(*arguments, home=home)
        return subprocess.run(
            command, env=clean_environment() | environment, capture_output=True, text=True, timeout=800, check=False
        )

    def run(self, *arguments: str, **environment: str) -> str:
        """Carry out ``echomort run``, which must end well, and return what it printed."""
        done = self.echomort("run", *arguments, **environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def here(self, *arguments: str, home: bool = True, **environment: str) -> "Said":
        """Carry out ``echomort`` in this process, where a test may have changed something."""
        said, told = io.StringIO(), io.StringIO()
        with (
            mock.patch.object(sys, "argv", self.command(*arguments, home=home)[2:]),
            mock.patch.dict(os.environ, clean_environment() | environment, clear=True),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(told),
        ):
            try:
                main()
                status = 0
            except SystemExit as leaving:
                status = int(leaving.code or 0)
        return Said(status, said.getvalue(), told.getvalue())

    def rerun(self, *arguments: str, **environment: str) -> str:
        """Carry out ``echomort run`` in this process; it must end well. Returns what it printed."""
        done = self.here("run", *arguments, **environment)
        assert done.status == 0, done.stderr[-3000:]
        return done.stdout

    def stale(self) -> dict[str, str]:
        """Return the assets that do not stand, with the reason that ``echomort status`` gives; not those on request."""
        rows = [json.loads(line) for line in self.here("status", "--json").stdout.splitlines()]
        return {row["asset"]: row["why"] for row in rows if row["state"] not in ("up to date", "on request")}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with duckdb.connect(str(self.root / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def ledger(self) -> Rows:
        """Return every row of the ledger."""
        rows = self.query("SELECT asset, unit, fingerprint, digest, committed_at FROM ledger")
        return {(asset, unit): Row(*rest) for asset, unit, *rest in rows}

    def artifacts(self) -> dict[str, tuple[int, int]]:
        """Return inode and time of change of every file that a stage made: a file written anew has others."""
        parts = ("index", "clips", "models", "report", "registry")
        files = [path for part in parts for path in (self.root / part).rglob("*") if path.is_file()]
        return {str(path.relative_to(self.root)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def clean_environment() -> dict[str, str]:
    """Return this process's environment without anything that would lead ``echomort`` elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ECHOMORT", "DAGSTER"))}
    return kept | {"COLUMNS": "200"}


def assignments(settings: dict[str, Any]) -> list[str]:
    """Return ``settings`` as flags."""
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


def copied(home: Home, to: Path) -> Home:
    """Return a copy of a project, times of change kept, that a test may spoil. Another test may just be reading its
    event log: what SQLite keeps beside a file while it is open is left out."""
    shutil.copytree(home.root, to, symlinks=True, ignore=shutil.ignore_patterns("*.db-wal", "*.db-shm"))
    return Home(to)


def rebuilt(before: Rows, after: Rows, checks: bool = False) -> set[str]:
    """Return the assets of which a row was written or removed."""
    changed = {asset for asset, _ in dict(before.items() ^ after.items())}
    return {asset for asset in changed if checks or not asset.startswith("check:")}


def made_anew(before: Rows, after: Rows, asset: str) -> int:
    """Return how many units of ``asset`` were written."""
    return sum(1 for key, row in after.items() if key[0] == asset and before.get(key) != row)


def content(rows: Rows) -> dict[tuple[str, str], tuple[str, str]]:
    """Return what the ledger says but for the times."""
    return {key: (row.fingerprint, row.digest) for key, row in rows.items()}


def site_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the home, in ``folder``, of a project on the archive ``dicom`` and the records ``ehr`` beside it."""
    home = folder / "home"
    home.mkdir()
    sources = {"dicom": str(folder / "dicom"), "ehr": str(folder / "ehr")}
    (home / "echomort.yaml").write_text(yaml.safe_dump({"preset": "demo", "sources": sources}))
    monkeypatch.setenv("ECHOMORT_KEY", "k" * 40)
    monkeypatch.delenv("ECHOMORT_CONFIG", raising=False)
    return str(home)
