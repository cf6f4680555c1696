"""Accepts a change of code: a sample of an asset's units is made again, and if all come out the same, all are adopted.

The work is done in a scratch home, which links to the project's files and never writes to them.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg

from assets.graph import STAGES
from assets.incremental import Stage, UnitStage
from assets.project import Project
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.core.supervision import supervised
from echomort.training import error_file
from warehouse import ledger
from warehouse.ledger import Acceptance, Entry

SAMPLE = 20
"""Units made again by default. If 20 agree, at least 86 % of all agree, with 95 % confidence (0.86^20 < 0.05)."""

SCRATCH = ".tmp_accept_"
"""The first part of the name of a scratch home."""

LINKED = {"clips", "index", "models", "registry"}
"""Folders of which every file is linked, because their paths may not leave the home. Other folders are linked whole."""


@dataclass(frozen=True)
class Outcome:
    """The result of ``echomort accept`` on ``asset``.

    ``sampled`` counts units made again, ``adopted`` units now up to date without being made again. ``different`` names
    units that came out differently; if there are any, none is adopted.
    """

    asset: str
    sampled: int
    adopted: int
    different: tuple[str, ...]


def accept(project: Project, asset: str, sample: int = SAMPLE) -> Outcome:
    """Make ``sample`` units of ``asset`` again that are stale only because of code; adopt all if they agree.

    A unit whose inputs or settings changed is left to ``echomort run``. Raises :class:`UserError` if there is no such
    asset, or nothing to accept.
    """
    stage = _stage(asset)
    adoptable = _adoptable(project, stage, asset)
    if not adoptable:
        raise UserError(
            f"no unit of {asset} is stale because of its code alone",
            "see `echomort status`, then `echomort run`",
        )
    drawn = sorted(adoptable, key=lambda unit: digest("accept", unit))[:sample]
    made = _made_again(project, stage, asset, drawn)
    different = tuple(unit for unit in drawn if made.get(unit) != adoptable[unit].digest)
    if different:
        return Outcome(asset, len(drawn), 0, different)
    return Outcome(asset, len(drawn), _adopt(project, stage, asset, adoptable, len(drawn)), ())


def _stage(asset: str) -> Stage:
    by_asset = {name: stage for stage in STAGES for name in stage.assets}
    for stage in STAGES:
        if stage.name == asset and asset not in by_asset:
            raise UserError(f"{asset} makes several assets", f"name one: {', '.join(stage.assets)}")
    if asset not in by_asset:
        raise UserError(f"there is no asset {asset}", f"known: {', '.join(by_asset)}")
    return by_asset[asset]


def _adoptable(project: Project, stage: Stage, asset: str) -> dict[str, Entry]:
    """Return the units that were made from the current inputs with another recipe and the same settings."""
    with project.reader() as connection:
        entries = ledger.entries(connection, asset)
        recipes = {entry.recipe: ledger.recipe(connection, entry.recipe) for entry in entries.values()}
    now = stage.recipe(project.settings)
    before = {name for name, parts in recipes.items() if parts not in ({}, now) and _settings(parts) == _settings(now)}
    by_recipe = {recipe: _fingerprints(project, stage, recipe) for recipe in before}
    return {
        unit: entry
        for unit, entry in entries.items()
        if entry.recipe in before and by_recipe[entry.recipe].get(unit) == entry.fingerprint
    }


def _settings(parts: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a recipe. If one changed, another result is wanted, and a sample can't confirm it."""
    return {part: value for part, value in parts.items() if part.startswith("setting ")}


def _fingerprints(project: Project, stage: Stage, recipe: str) -> Mapping[str, str]:
    """Return unit -> its fingerprint with the current inputs and ``recipe``."""
    if isinstance(stage, UnitStage):
        with stage.working():
            return stage.plan(project, recipe)
    with project.reader() as connection:
        return {ledger.WHOLE: digest(recipe, stage.made_from(connection, project))}


def _adopt(project: Project, stage: Stage, asset: str, units: Mapping[str, Entry], sampled: int) -> int:
    parts = stage.recipe(project.settings)
    fingerprints = _fingerprints(project, stage, digest(parts))
    counts = Counter(entry.recipe for entry in units.values())
    with project.writer() as connection:
        now = ledger.write_recipe(connection, parts)
        for old in counts:
            adopted = {unit: fingerprints[unit] for unit, entry in units.items() if entry.recipe == old}
            ledger.adopt(connection, Acceptance(asset, old, now, sampled, adopted))
    return len(units)


def _made_again(project: Project, stage: Stage, asset: str, units: Sequence[str]) -> dict[str, str]:
    """Return unit -> digest of its content when the current code makes it."""
    with _scratch(project, stage, asset) as scratch:
        if isinstance(stage, UnitStage):
            resources = SimpleNamespace(project=scratch, pipes=_PlainProcess())
            context: Any = SimpleNamespace(
                log=dg.get_dagster_logger(), resources=resources, get_mapping_key=lambda: None
            )
            with stage.working():
                stage.prepare(scratch, units)
                return {entry.unit: entry.digest for entry in stage.work(scratch, units, context)}
        (function, *_) = stage.functions
        function(scratch)
        with scratch.reader() as connection:
            return {unit: entry.digest for unit, entry in ledger.entries(connection, asset).items()}


@contextlib.contextmanager
def _scratch(project: Project, stage: Stage, asset: str) -> Iterator[Project]:
    """Yield a home that links to all files of ``project``, with copies of those that making ``asset`` writes.

    It is removed after the block.
    """
    with project.reader() as connection:
        written = {
            str(entry.artifact).partition("/")[0]
            for entry in ledger.entries(connection, asset).values()
            if entry.artifact
        }
    copied = {"warehouse.duckdb", "vault.duckdb"} | (set() if isinstance(stage, UnitStage) else written)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=project.root) as folder:
        home = Path(folder)
        for path in project.root.iterdir():
            if path.name.startswith(".tmp_") or path.name.endswith(".wal"):
                continue
            if path.name in copied:
                copy = shutil.copytree if path.is_dir() else shutil.copy2
                copy(path, home / path.name)
            elif path.name in LINKED and path.name not in written:
                shutil.copytree(path, home / path.name, copy_function=os.link)
            elif path.name not in written:
                (home / path.name).symlink_to(path.absolute())
        yield Project(home=str(home))


class _PlainProcess:
    """Runs the training process here and without Dagster's pipes, and so without progress."""

    on_cluster = False

    def run(self, context: object, command: Sequence[str], extras: Mapping[str, Any], trains: bool) -> Sequence[Any]:
        """Train the tasks that ``command`` ends with."""
        tasks = [argument for argument in command if argument.endswith(".json")]
        done = subprocess.run(
            [sys.executable, "-P", "-m", "echomort.training", *tasks],
            capture_output=True,
            check=False,
            env=supervised(),
        )
        if done.returncode and not any(error_file(Path(task)).exists() for task in tasks):
            raise UserError("the training process ended with an error", "run `echomort run`, which shows its error")
        return ()
